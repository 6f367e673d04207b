-- What an account may use right now, and who may ask. The policy has one home:
-- billing.subscription_grants() says what one subscription gives, the view
-- billing.access what that adds up to for an account.

ALTER TABLE billing.subscriptions ADD COLUMN past_due_since timestamptz;

COMMENT ON COLUMN billing.subscriptions.past_due_since IS
	'Stripe''s clock when a payment was first known to be missing; grace counts from here';

UPDATE billing.subscriptions
	SET past_due_since = coalesce(payment_failed_at, last_event_at, updated_at)
	WHERE status = 'past_due';

CREATE FUNCTION billing.note_past_due() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.past_due_since := CASE WHEN NEW.status = 'past_due'
		THEN coalesce(NEW.payment_failed_at, NEW.last_event_at, now()) END;
	RETURN NEW;
END $$;

CREATE TRIGGER subscription_made BEFORE INSERT ON billing.subscriptions
	FOR EACH ROW WHEN (NEW.past_due_since IS NULL)
	EXECUTE FUNCTION billing.note_past_due();
CREATE TRIGGER subscription_status_changed BEFORE UPDATE OF status ON billing.subscriptions
	FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
	EXECUTE FUNCTION billing.note_past_due();

-- Days of access after a payment has failed; the programs set it for their
-- session from GRACE_DAYS.
CREATE FUNCTION billing.grace() RETURNS interval
LANGUAGE sql STABLE AS $$
	SELECT make_interval(days =>
		coalesce(nullif(current_setting('paydesk.grace_days', true), ''), '14')::integer)
$$;

-- What one subscription gives: why there is access and until when, or two NULLs.
--   trial, subscription  it runs; until the end of the trial or the period, NULL
--                        while the period is not known yet
--   grace                a payment is missing since less than GRACE_DAYS, counted
--                        from the end of the period if that was before; or the
--                        period is over, nobody has cancelled and the news of
--                        the renewal is late: a day at least
-- One that is scheduled to be cancelled by the end of its period gives nothing
-- after it. One that is incomplete, unpaid, paused, canceled or expired gives
-- nothing at all.
-- (OFFSET 0 keeps the planner from repeating each step within the next.)
CREATE FUNCTION billing.subscription_grants(s billing.subscriptions)
RETURNS TABLE (reason text, until timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN g.until > now() OR g.until IS NULL THEN g.reason END,
	       CASE WHEN g.until > now() AND g.reason IS NOT NULL THEN g.until END
	FROM (SELECT
		CASE WHEN s.status = 'trialing'
		     THEN coalesce(s.trial_end, s.current_period_end)
		     ELSE s.current_period_end END AS ends,
		s.cancel_at_period_end
			AND (s.cancel_at > greatest(s.current_period_end, now())) IS NOT TRUE AS last OFFSET 0) e
	CROSS JOIN LATERAL (SELECT
		CASE
		WHEN s.status = 'past_due' THEN 'grace'
		WHEN s.status NOT IN ('active', 'trialing') THEN NULL
		WHEN e.ends <= now() AND NOT e.last THEN 'grace'
		WHEN s.status = 'trialing' THEN 'trial'
		ELSE 'subscription'
		END AS reason,
		CASE
		WHEN s.status = 'past_due' THEN least(
			s.past_due_since + billing.grace(),
			CASE WHEN e.ends <= now() THEN e.ends + billing.grace() END,
			CASE WHEN e.last THEN s.current_period_end END)
		WHEN e.ends <= now() AND NOT e.last THEN
			e.ends + greatest(billing.grace(), interval '1 day')
		ELSE e.ends
		END AS until OFFSET 0) g
$$;

-- What every account may use now, and why: the subscription that gives most,
-- else a trial that the host application gave (trial_end without any
-- subscription), else credit. plan … cancel_at_period_end are those of that
-- subscription, or of the newest.
CREATE VIEW billing.access AS
SELECT a.id AS account_id, a.external_id,
       coalesce(s.reason, own.reason, 'none') <> 'none' OR coalesce(a.credit_until > now(), false)
		AS access,
       CASE WHEN s.reason IS NOT NULL AND s.until IS NULL THEN NULL
            ELSE greatest(s.until, own.until,
		CASE WHEN a.credit_until > now() THEN a.credit_until END) END AS until,
       coalesce(s.reason, own.reason,
		CASE WHEN a.credit_until > now() THEN 'credit' END, 'none') AS reason,
       a.tier, s.plan, s.period, coalesce(s.status, a.subscription_status) AS status,
       s.seat_limit, s.current_period_end, coalesce(s.cancel_at_period_end, false)
		AS cancel_at_period_end,
       CASE WHEN s.status = 'trialing' THEN coalesce(s.trial_end, s.current_period_end)
            ELSE own.until END AS trial_end,
       a.credit_until, a.referral_code
FROM billing.accounts a
LEFT JOIN LATERAL (
	SELECT s.*, g.reason, g.until
	FROM billing.subscriptions s CROSS JOIN LATERAL billing.subscription_grants(s) g
	WHERE s.account_id = a.id
	ORDER BY array_position(ARRAY['subscription', 'trial', 'grace'], g.reason),
		array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused',
			'incomplete', 'canceled', 'incomplete_expired'], s.status),
		g.until DESC, s.last_event_at DESC NULLS LAST, s.id DESC
	LIMIT 1) s ON true
LEFT JOIN LATERAL (
	SELECT 'trial' AS reason, a.trial_end AS until
	WHERE s.id IS NULL AND a.trial_end > now()) own ON true;

COMMENT ON VIEW billing.access IS 'what every account may use right now, until when and why';

-- The account that calls. It is made on the spot when its e-mail is known, by
-- whichever of several first requests comes first; an administrator gets none.
CREATE FUNCTION billing.caller_account(caller text, email_ text, role_ text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	account bigint;
BEGIN
	SELECT id INTO account FROM billing.accounts WHERE external_id = caller;
	IF NOT FOUND AND email_ IS NOT NULL AND role_ IS NULL THEN
		INSERT INTO billing.accounts (external_id, email) VALUES (caller, email_)
			ON CONFLICT (external_id) DO NOTHING RETURNING id INTO account;
		IF NOT FOUND THEN
			SELECT id INTO account FROM billing.accounts WHERE external_id = caller;
		END IF;
	END IF;
	RETURN account;
END $$;

CREATE FUNCTION billing.utc(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

CREATE FUNCTION billing.days_until(at timestamptz) RETURNS integer
LANGUAGE sql STABLE AS $$
	SELECT greatest(ceil(extract(epoch FROM at - now()) / 86400), 0)::integer
$$;

-- What GET /account answers, without the plan's features: all NULL when there is
-- no such account. One call, so that it is one round trip.
CREATE FUNCTION billing.account_show(caller text, email_ text, role_ text,
	OUT access boolean, OUT until text, OUT reason text, OUT tier text, OUT plan text,
	OUT period text, OUT status text, OUT seat_limit integer, OUT current_period_end text,
	OUT cancel_at_period_end boolean, OUT trial_days_remaining integer,
	OUT credit_until text, OUT credit_days_remaining integer, OUT referral_code text,
	OUT captured integer, OUT converted integer, OUT in_credit_window integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	account bigint := billing.caller_account(caller, email_, role_);
BEGIN
	SELECT v.access, billing.utc(v.until), v.reason, v.tier, v.plan, v.period, v.status,
	       v.seat_limit, billing.utc(v.current_period_end), v.cancel_at_period_end,
	       coalesce(billing.days_until(v.trial_end), 0),
	       billing.utc(v.credit_until), coalesce(billing.days_until(v.credit_until), 0),
	       v.referral_code, r.captured, r.converted, r.in_credit_window
	INTO access, until, reason, tier, plan, period, status, seat_limit, current_period_end,
	     cancel_at_period_end, trial_days_remaining, credit_until, credit_days_remaining,
	     referral_code, captured, converted, in_credit_window
	FROM billing.access v
	CROSS JOIN LATERAL (
		SELECT count(*)::integer AS captured, count(converted_at)::integer AS converted,
		       (count(*) FILTER (WHERE credited_at
				+ make_interval(days => billing.referral_credit_days()) > now()))::integer
				AS in_credit_window
		FROM billing.referrals WHERE referrer_account_id = v.account_id) r
	WHERE v.account_id = account;
END $$;

-- Notes who recommended paydesk's customer to an account: once, before it has
-- ever paid. Returns 'captured', or why not: 'unknown_code', 'own_code',
-- 'already_captured', 'already_paid'.
CREATE FUNCTION billing.referral_capture(account bigint, code_ text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	referrer billing.accounts;
	buyer    billing.accounts;
BEGIN
	SELECT * INTO buyer FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	SELECT * INTO referrer FROM billing.accounts
		WHERE referral_code IN (code_, upper(code_))
		ORDER BY referral_code = code_ DESC LIMIT 1;
	IF EXISTS (SELECT FROM billing.referrals WHERE referred_account_id = account) THEN
		RETURN 'already_captured';
	ELSIF referrer.id IS NULL THEN
		RETURN 'unknown_code';
	ELSIF referrer.id = account THEN
		RETURN 'own_code';
	ELSIF buyer.first_paid_at IS NOT NULL OR buyer.tier = 'paid' THEN
		RETURN 'already_paid';
	END IF;
	INSERT INTO billing.referrals (code, referrer_account_id, referred_account_id)
		VALUES (referrer.referral_code, referrer.id, account)
		ON CONFLICT (referred_account_id) DO NOTHING;
	RETURN CASE WHEN FOUND THEN 'captured' ELSE 'already_captured' END;
END $$;

-- The same for a caller; NULL when there is no such account.
CREATE FUNCTION billing.account_refer(caller text, email_ text, role_ text, code_ text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, email_, role_);
BEGIN
	IF account IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN billing.referral_capture(account, code_);
END $$;
