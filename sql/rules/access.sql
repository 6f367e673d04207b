-- What an account may use right now, and who may ask. The policy has one home:
-- billing.subscription_grants() says what one subscription gives, the view
-- billing.access what that adds up to for an account.

-- Days of access after a payment has failed; the programs set it for their
-- session from GRACE_DAYS.
CREATE OR REPLACE FUNCTION billing.grace() RETURNS interval
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
CREATE OR REPLACE FUNCTION billing.subscription_grants(s billing.subscriptions)
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
			coalesce(s.past_due_since, s.updated_at) + billing.grace(),
			CASE WHEN e.ends <= now() THEN e.ends + billing.grace() END,
			CASE WHEN e.last THEN s.current_period_end END)
		WHEN e.ends <= now() AND NOT e.last THEN
			e.ends + greatest(billing.grace(), interval '1 day')
		ELSE e.ends
		END AS until OFFSET 0) g
$$;

CREATE OR REPLACE FUNCTION billing.utc(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

GRANT EXECUTE ON FUNCTION billing.utc(timestamptz) TO paydesk_stripe_webhook;

CREATE OR REPLACE FUNCTION billing.days_until(at timestamptz) RETURNS integer
LANGUAGE sql STABLE AS $$
	SELECT greatest(ceil(extract(epoch FROM at - now()) / 86400), 0)::integer
$$;

-- What GET /account answers, without the plan's features: all NULL when there is
-- no such account. One call, so that it is one round trip.
CREATE OR REPLACE FUNCTION billing.account_show(caller text, email_ text, role_ text,
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

GRANT EXECUTE ON FUNCTION billing.account_show(text, text, text) TO paydesk_account;
