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

-- How the codes of an account have fared, as a member of the next function's.
CREATE OR REPLACE FUNCTION billing.account_referrals(account bigint) RETURNS json
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT json_build_object(
		'captured', count(*),
		'converted', count(converted_at),
		'in_credit_window', count(*) FILTER (WHERE credited_at
			+ make_interval(days => billing.referral_credit_days()) > now()))
	FROM billing.referrals WHERE referrer_account_id = account);
END $$;

-- What GET /account answers, without the plan's features: NULL when there is no
-- such account. One call, so that it is one round trip.
CREATE OR REPLACE FUNCTION billing.account_show(caller text, email_ text, role_ text)
RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, email_, role_);
BEGIN
	RETURN (SELECT json_build_object(
		'access', v.access,
		'until', billing.utc(v.until),
		'reason', v.reason,
		'tier', v.tier,
		'plan', v.plan,
		'period', v.period,
		'status', v.status,
		'seat_limit', v.seat_limit,
		'current_period_end', billing.utc(v.current_period_end),
		'cancel_at_period_end', v.cancel_at_period_end,
		'trial_days_remaining', coalesce(billing.days_until(v.trial_end), 0),
		'credit_until', billing.utc(v.credit_until),
		'credit_days_remaining', coalesce(billing.days_until(v.credit_until), 0),
		'referral_code', v.referral_code,
		'referrals', billing.account_referrals(v.account_id))
	FROM billing.access v WHERE v.account_id = account);
END $$;

GRANT EXECUTE ON FUNCTION billing.account_show(text, text, text) TO paydesk_account;
