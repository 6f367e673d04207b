-- What an account may use right now, and who may ask. The policy has one home:
-- billing.subscription_grants() says what one subscription gives, the view
-- billing.access what that adds up to for an account.

-- For how long there is access after a payment has failed.
CREATE OR REPLACE FUNCTION billing.grace() RETURNS interval
LANGUAGE sql STABLE AS $$
	SELECT make_interval(days => grace_days) FROM billing.policy
$$;

-- Whether its collection is paused and the catalog says that this stops access.
CREATE OR REPLACE FUNCTION billing.is_stopped(s billing.subscriptions) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT s.pause_collection IS NOT NULL
		AND (SELECT p.pause_collection = 'stop' FROM billing.policy p)
$$;

-- How it is paused, as GET /account says it; NULL: it is not.
CREATE OR REPLACE FUNCTION billing.paused(status text, pause_collection jsonb) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT CASE
	WHEN status = 'paused' THEN json_build_object('kind', 'subscription', 'reason', NULL,
		'resumes_at', NULL)
	WHEN pause_collection IS NOT NULL AND NOT billing.is_terminal(status)
	THEN json_build_object('kind', 'collection', 'reason', pause_collection ->> 'behavior',
		'resumes_at', billing.utc(to_timestamp((pause_collection ->> 'resumes_at')::bigint)))
	END
$$;

-- When the period of the item that leads is over: its own end, where items have one.
CREATE OR REPLACE FUNCTION billing.lead_end(s billing.subscriptions) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN jsonb_array_length(s.items) > 1 THEN coalesce((
		SELECT max((i ->> 'end')::timestamptz) FROM jsonb_array_elements(s.items) i
			WHERE i ->> 'price' = s.price_id), s.current_period_end)
	ELSE s.current_period_end END
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
-- nothing at all, nor does what is not sold here.
-- (OFFSET 0 keeps the planner from repeating each step within the next.)
CREATE OR REPLACE FUNCTION billing.subscription_grants(s billing.subscriptions)
RETURNS TABLE (reason text, until timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN g.until > now() OR g.until IS NULL THEN g.reason END,
	       CASE WHEN g.until > now() AND g.reason IS NOT NULL THEN g.until END
	FROM (SELECT
		CASE WHEN s.status = 'trialing'
		     THEN least(coalesce(s.trial_end, billing.lead_end(s)), s.cancel_at)
		     ELSE least(billing.lead_end(s), s.cancel_at) END AS ends,
		s.cancel_at_period_end
			AND (s.cancel_at > greatest(s.current_period_end, now())) IS NOT TRUE AS last OFFSET 0) e
	CROSS JOIN LATERAL (SELECT
		CASE
		WHEN s.sold IS FALSE OR billing.is_withheld(s) OR billing.is_stopped(s)
			OR billing.is_suspended(s) THEN NULL
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
			CASE WHEN e.last THEN e.ends END)
		WHEN e.ends <= now() AND NOT e.last THEN
			e.ends + greatest(billing.grace(), interval '1 day')
		ELSE e.ends
		END AS until OFFSET 0) g
$$;

CREATE OR REPLACE FUNCTION billing.utc(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

GRANT EXECUTE ON FUNCTION billing.utc(timestamptz) TO paydesk_operator, paydesk_stripe_webhook;

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

-- One feature with what an add-on brings: numbers add up, either of two is enough.
CREATE OR REPLACE FUNCTION billing.feature_add(base jsonb, more jsonb, times integer)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN base IS NULL AND jsonb_typeof(more) = 'number' THEN to_jsonb(more::numeric * times)
	WHEN base IS NULL THEN more
	WHEN jsonb_typeof(more) = 'number' THEN to_jsonb(base::numeric + more::numeric * times)
	WHEN jsonb_typeof(more) = 'boolean' THEN to_jsonb(base::boolean OR more::boolean)
	ELSE base END
$$;

-- The add-ons that an account's live subscriptions hold, each with how often it counts.
CREATE OR REPLACE FUNCTION billing.account_addons(account bigint)
RETURNS TABLE (features jsonb, times integer)
LANGUAGE sql STABLE AS $$
	SELECT p.features,
	       CASE WHEN p.per_seat THEN coalesce((i.item ->> 'quantity')::integer, 1) ELSE 1 END
	FROM billing.subscriptions s
	CROSS JOIN LATERAL billing.subscription_grants(s) g
	CROSS JOIN LATERAL billing.items_offered(s.items) i
	JOIN billing.plans p ON p.plan = i.plan AND p.addon
	WHERE s.account_id = account AND g.reason IS NOT NULL
	ORDER BY p.place, s.id
$$;

-- What an account may use: the features of its plan, with those of its add-ons, while it
-- has access; what everybody has otherwise. A trial or credit alone, and a plan that the
-- catalog does not have, is as the default plan. granted are those of the grant that leads.
CREATE OR REPLACE FUNCTION billing.account_features(account bigint, access boolean, plan_ text,
	granted jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
	features_ jsonb;
	more      record;
BEGIN
	IF NOT access THEN
		RETURN (SELECT free FROM billing.policy);
	END IF;
	SELECT p.features INTO features_ FROM billing.plans p
		WHERE p.plan IN (plan_, (SELECT default_plan FROM billing.policy))
		ORDER BY p.plan = plan_ DESC NULLS LAST LIMIT 1;
	features_ := coalesce(features_, '{}');
	IF plan_ IS NOT NULL AND EXISTS (SELECT FROM billing.plans p WHERE p.addon) THEN
		FOR more IN SELECT f.key, f.value, a.times
			FROM billing.account_addons(account) a CROSS JOIN LATERAL jsonb_each(a.features) f
		LOOP
			features_ := jsonb_set(features_, ARRAY[more.key],
				billing.feature_add(features_ -> more.key, more.value, more.times));
		END LOOP;
	END IF;
	RETURN features_ || coalesce(granted, '{}');
END $$;

-- The licences that were sold to the verified address of an account.
CREATE OR REPLACE FUNCTION billing.account_licenses(account bigint) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT coalesce(json_agg(json_build_object('license_key', l.license_key, 'tier', l.tier,
			'status', l.status) ORDER BY l.created_at, l.id), '[]')
		FROM billing.accounts a
		JOIN billing.licenses l ON lower(l.email) = lower(btrim(a.email))
		WHERE a.id = account AND a.email_verified AND NOT l.test
$$;

-- What GET /account answers; NULL when there is no such account. One call, so that it is
-- one round trip.
CREATE OR REPLACE FUNCTION billing.account_show(caller text, address text,
	verified boolean, role_ text)
RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, address, verified, role_);
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
		'cancel_at', billing.utc(v.cancel_at),
		'scheduled', billing.scheduled(v.subscription_id),
		'paused', billing.paused(v.status, v.pause_collection),
		'trial_days_remaining', coalesce(billing.days_until(v.trial_end), 0),
		'credit_until', billing.utc(v.credit_until),
		'credit_days_remaining', coalesce(billing.days_until(v.credit_until), 0),
		'referral_code', v.referral_code,
		'referrals', billing.account_referrals(v.account_id),
		'features', billing.account_features(v.account_id, v.access, v.plan,
			v.granted_features),
		'licenses', billing.account_licenses(v.account_id),
		'version', v.version)
	FROM billing.access_rules v WHERE v.account_id = account);
END $$;

GRANT EXECUTE ON FUNCTION billing.account_show(text, text, boolean, text) TO paydesk_account;

-- Whether an account has a feature: it is true, or a number above nothing, or anything else
-- that is not null or false. NULL when there is no such account.
CREATE OR REPLACE FUNCTION billing.account_has(caller text, address text, verified boolean,
	role_ text, feature text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, address, verified, role_);
BEGIN
	RETURN (SELECT coalesce(f.value, 'null') NOT IN ('null', 'false', '0')
		FROM billing.access_rules v CROSS JOIN LATERAL (SELECT
			billing.account_features(v.account_id, v.access, v.plan, v.granted_features)
				-> feature AS value) f
		WHERE v.account_id = account);
END $$;

GRANT EXECUTE ON FUNCTION billing.account_has(text, text, boolean, text, text) TO paydesk_account;

-- What is sold, as GET /plans answers: the plans in the order of the catalog, each with its
-- features and the prices that can be bought.
CREATE OR REPLACE FUNCTION billing.plans_show() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT json_build_object('plans', coalesce(json_agg(json_build_object(
		'plan', p.plan, 'addon', p.addon, 'features', p.features,
		'periods', (SELECT coalesce(json_agg(json_build_object('period', r.period,
				'price', r.price_id, 'trial_days', r.trial_days)
				ORDER BY r.place), '[]')
			FROM billing.prices r WHERE r.plan = p.plan AND r.sold))
		ORDER BY p.place), '[]'))
	FROM billing.plans p
$$;

GRANT EXECUTE ON FUNCTION billing.plans_show() TO paydesk_account;
