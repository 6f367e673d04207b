-- What the operations page shows, and the history behind its charts.

CREATE OR REPLACE FUNCTION billing.ops_csrf_key() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT key FROM billing.ops_key
$$;

GRANT EXECUTE ON FUNCTION billing.ops_csrf_key() TO paydesk_ops;

-- Deliveries of the last hours: how many of each outcome came in an hour.
CREATE OR REPLACE FUNCTION billing.ops_deliveries(hours integer)
RETURNS TABLE (hour timestamptz, outcome text, count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT date_trunc('hour', received_at),
	       CASE WHEN processed_at IS NULL THEN 'failed'
	            WHEN e.outcome = 'skipped' THEN 'ignored' ELSE e.outcome END, count(*)
		FROM billing.stripe_events e
		WHERE received_at >= date_trunc('hour', now()) - make_interval(hours => hours - 1)
		GROUP BY 1, 2
	UNION ALL
	SELECT date_trunc('hour', received_at),
	       CASE WHEN NOT processed THEN 'failed'
	            WHEN e.outcome IN ('ignored', 'duplicate') THEN 'ignored'
	            ELSE 'applied' END, count(*)
		FROM billing.gumroad_events e
		WHERE received_at >= date_trunc('hour', now()) - make_interval(hours => hours - 1)
		GROUP BY 1, 2
$$;

GRANT EXECUTE ON FUNCTION billing.ops_deliveries(integer) TO paydesk_ops;

-- What waits for a person, newest first.
CREATE OR REPLACE FUNCTION billing.ops_failures(most integer)
RETURNS TABLE (provider text, id text, type text, at timestamptz, error text, customer text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	(SELECT 'stripe', event_id, type, received_at, error, stripe_customer_id
		FROM billing.stripe_events WHERE processed_at IS NULL
		ORDER BY received_at DESC LIMIT most)
	UNION ALL
	(SELECT 'gumroad', id::text, coalesce(resource, 'not read yet'), received_at, error, order_id
		FROM billing.gumroad_events WHERE NOT processed
		ORDER BY received_at DESC LIMIT most)
	ORDER BY 4 DESC LIMIT most
$$;

GRANT EXECUTE ON FUNCTION billing.ops_failures(integer) TO paydesk_ops;

-- Who pays and has no account, longest first, with the address as far as one is known.
CREATE OR REPLACE FUNCTION billing.ops_unmatched(most integer)
RETURNS TABLE (customer text, subscription text, since timestamptz, plan text, status text,
	email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.stripe_customer_id, p.stripe_subscription_id, p.created_at, p.plan, p.status, p.email
		FROM billing.unmatched_payers() p ORDER BY p.created_at, p.id LIMIT most
$$;

GRANT EXECUTE ON FUNCTION billing.ops_unmatched(integer) TO paydesk_ops;

-- How one event stands now; no row when the ledger does not have it.
CREATE OR REPLACE FUNCTION billing.ops_event(id text)
RETURNS TABLE (outcome text, error text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT e.outcome, e.error FROM billing.stripe_events e WHERE event_id = id
$$;

GRANT EXECUTE ON FUNCTION billing.ops_event(text) TO paydesk_ops;

CREATE OR REPLACE FUNCTION billing.ops_licenses(days integer)
RETURNS TABLE (day date, count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT (created_at AT TIME ZONE 'UTC')::date, count(*) FROM billing.licenses
		WHERE NOT test AND created_at >=
			(date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
			- make_interval(days => days - 1)
		GROUP BY 1
$$;

GRANT EXECUTE ON FUNCTION billing.ops_licenses(integer) TO paydesk_ops;

-- Whom a word that an operator types may mean: an account's id, an e-mail, a
-- customer or subscription of Stripe's, a licence key. Without an account there
-- may still be a licence or a subscription.
CREATE OR REPLACE FUNCTION billing.ops_find(q text)
RETURNS TABLE (account bigint, external_id text, email text, customer text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH licensee AS (
		SELECT l.email FROM billing.licenses l WHERE l.license_key IN (q, upper(q))
		UNION SELECT l.email FROM billing.licenses l WHERE lower(l.email) = lower(q)
	), bought AS (
		SELECT s.account_id, s.stripe_customer_id FROM billing.subscriptions s
			WHERE s.stripe_subscription_id = q
		UNION SELECT s.account_id, s.stripe_customer_id FROM billing.subscriptions s
			WHERE s.account_id IS NULL AND s.stripe_customer_id = q
	), found AS (
		SELECT a.id FROM billing.accounts a WHERE a.external_id = q
		UNION SELECT a.id FROM billing.accounts a WHERE a.stripe_customer_id = q
		UNION SELECT a.id FROM billing.accounts a WHERE lower(btrim(a.email)) = lower(q)
		UNION SELECT a.id FROM billing.accounts a, licensee l
			WHERE lower(btrim(a.email)) = lower(l.email)
		UNION SELECT account_id FROM bought WHERE account_id IS NOT NULL
	)
	SELECT a.id, a.external_id, a.email, a.stripe_customer_id
		FROM found f JOIN billing.accounts a ON a.id = f.id
	UNION ALL
	SELECT NULL, NULL, lower(l.email), NULL FROM licensee l
		WHERE NOT EXISTS (SELECT FROM billing.accounts a WHERE lower(btrim(a.email)) = lower(l.email))
		GROUP BY 3
	UNION ALL
	SELECT NULL, NULL, NULL, b.stripe_customer_id FROM bought b
		WHERE b.account_id IS NULL GROUP BY 4
	ORDER BY 2 LIMIT 21
$$;

GRANT EXECUTE ON FUNCTION billing.ops_find(text) TO paydesk_ops;

-- What is known of somebody, in words; NULL is not known.
CREATE OR REPLACE FUNCTION billing.ops_person(account_ bigint, email_ text, customer_ text)
RETURNS TABLE (name text, value text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a billing.accounts;
	v billing.access_rules;
BEGIN
	SELECT * INTO a FROM billing.accounts WHERE id = account_;
	SELECT * INTO v FROM billing.access_rules w WHERE w.account_id = account_;
	RETURN QUERY VALUES
		('Account', a.external_id),
		('E-mail', coalesce(a.email, email_)),
		('Stripe customer', coalesce(a.stripe_customer_id, customer_)),
		('Access', CASE WHEN account_ IS NULL THEN 'none: there is no account'
			WHEN v.access THEN 'yes, by ' || v.reason ||
				coalesce(', until ' || to_char(v.until AT TIME ZONE 'UTC', 'YYYY-MM-DD'), '')
			ELSE 'no' END),
		('Tier', a.tier),
		('Credit until', to_char(a.credit_until AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
		('Referral code', a.referral_code),
		('Recommended', (SELECT nullif(count(*), 0) || ', of whom paid ' || count(converted_at)
			FROM billing.referrals WHERE referrer_account_id = account_));
END $$;

GRANT EXECUTE ON FUNCTION billing.ops_person(bigint, text, text) TO paydesk_ops;

CREATE OR REPLACE FUNCTION billing.ops_subscriptions(account_ bigint, customer_ text)
RETURNS TABLE (id text, status text, plan text, period text, seats integer, until timestamptz,
	ends boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT stripe_subscription_id, s.status, s.plan, s.period, seat_limit, current_period_end,
	       cancel_at_period_end
		FROM billing.subscriptions s
		WHERE s.account_id = account_
		   OR (s.account_id IS NULL AND s.stripe_customer_id = customer_)
		ORDER BY s.created_at DESC LIMIT 50
$$;

GRANT EXECUTE ON FUNCTION billing.ops_subscriptions(bigint, text) TO paydesk_ops;

-- The grants of an account that hold still.
CREATE OR REPLACE FUNCTION billing.ops_grants(account_ bigint)
RETURNS TABLE (id bigint, plan text, until timestamptz, seats integer, reason text,
	granted_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT g.id, coalesce(g.plan, (SELECT default_plan FROM billing.policy)), g.until, g.seats,
	       g.reason, g.granted_by
		FROM billing.grants g
		WHERE g.account_id = account_ AND g.revoked_at IS NULL
		  AND (g.until > now() OR g.until IS NULL)
		ORDER BY g.id LIMIT 50
$$;

GRANT EXECUTE ON FUNCTION billing.ops_grants(bigint) TO paydesk_ops;

-- The plans that can be granted, in the catalog's order.
CREATE OR REPLACE FUNCTION billing.ops_plans() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT plan FROM billing.plans WHERE NOT addon ORDER BY place
$$;

GRANT EXECUTE ON FUNCTION billing.ops_plans() TO paydesk_ops;

CREATE OR REPLACE FUNCTION billing.ops_licences_of(email_ text)
RETURNS TABLE (key text, status text, tier text, product text, reason text, test boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT license_key, l.status, l.tier, coalesce(product_name, product_id), revoke_reason, l.test
		FROM billing.licenses l WHERE lower(l.email) = lower(email_)
		ORDER BY l.created_at DESC LIMIT 50
$$;

GRANT EXECUTE ON FUNCTION billing.ops_licences_of(text) TO paydesk_ops;

-- One customer's story, newest first: when, what kind of thing, what happened,
-- what came of it, and which event that was.
CREATE OR REPLACE FUNCTION billing.ops_story(account_ bigint, email_ text, customer_ text,
	most integer)
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH account AS MATERIALIZED (
		SELECT * FROM billing.accounts WHERE id = account_
	), subscription AS MATERIALIZED (
		SELECT * FROM billing.subscriptions s
			WHERE s.account_id = account_
			   OR (s.account_id IS NULL AND s.stripe_customer_id = customer_)
	), customer AS MATERIALIZED (
		SELECT stripe_customer_id AS id FROM account
		UNION SELECT stripe_customer_id FROM subscription
		UNION SELECT customer_
	)
	SELECT created_at, 'account', 'account ' || external_id || ' is made', NULL, NULL, NULL
		FROM account
	UNION ALL
	SELECT first_paid_at, 'account', 'pays for the first time', NULL, NULL, NULL FROM account
		WHERE first_paid_at IS NOT NULL
	UNION ALL
	SELECT created_at, 'subscription', stripe_subscription_id || ' is known', s.status,
	       concat_ws(', ', s.plan, s.period, price_id), NULL
		FROM subscription s
	UNION ALL
	SELECT coalesce(e.created_at, e.received_at), 'event', e.type, e.outcome,
	       concat_ws(': ', e.event_id, e.error), e.event_id
		FROM billing.stripe_events e
		WHERE e.stripe_customer_id = ANY (SELECT c.id FROM customer c)
	UNION ALL
	SELECT r.created_at, 'referral', 'came by the code ' || r.code, NULL, NULL, NULL
		FROM billing.referrals r WHERE r.referred_account_id = account_
	UNION ALL
	SELECT r.credited_at, 'credit', 'gets credit for paying as recommended', NULL, r.code, NULL
		FROM billing.referrals r
		WHERE r.referred_account_id = account_ AND r.credited_at IS NOT NULL
	UNION ALL
	SELECT r.credited_at, 'credit', 'gets credit for a recommendation', NULL, r.code, NULL
		FROM billing.referrals r
		WHERE r.referrer_account_id = account_ AND r.credited_at IS NOT NULL
	UNION ALL
	SELECT * FROM billing.story_of_decisions(account_, customer_)
	UNION ALL
	SELECT m.* FROM subscription s CROSS JOIN LATERAL billing.story_of_changes(s.id) m
	UNION ALL
	SELECT m.* FROM subscription s
		CROSS JOIN LATERAL billing.story_of_invoices(s.stripe_subscription_id) m
	UNION ALL
	SELECT m.* FROM billing.story_of_payments(ARRAY(SELECT c.id FROM customer c),
		ARRAY(SELECT s.stripe_subscription_id FROM subscription s)) m
	UNION ALL
	SELECT * FROM billing.story_of_licences(ARRAY[email_, (SELECT a.email FROM account a)])
	ORDER BY 1 DESC LIMIT most
$$;

GRANT EXECUTE ON FUNCTION billing.ops_story(bigint, text, text, integer) TO paydesk_ops;

-- All that health and ops say about the books: billing.health_facts(), how far they
-- have caught up with Stripe, and what the last comparison found and did not mend.
CREATE OR REPLACE FUNCTION billing.facts()
RETURNS TABLE (fact text, about text, value double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT fact, about, value FROM billing.health_facts()
	UNION ALL
	SELECT 'catch_up', NULL, billing.age(finished_at) FROM billing.catch_up
	UNION ALL
	SELECT f.*
		FROM (SELECT * FROM billing.reconciliations WHERE finished_at IS NOT NULL
			ORDER BY id DESC LIMIT 1) r
		CROSS JOIN LATERAL (VALUES
			('reconcile', NULL, billing.age(r.finished_at)),
			('drift', NULL, r.drift - coalesce(r.fixed, 0))) f
$$;

GRANT EXECUTE ON FUNCTION billing.facts() TO paydesk_health, paydesk_ops;

COMMENT ON FUNCTION billing.facts() IS 'what GET /metrics says about the books; see health(8)';

-- Notes how the books stand in this hour; ops sample adds what workers counted.
CREATE OR REPLACE FUNCTION billing.sample_books() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO billing.samples (at, name, value)
		SELECT date_trunc('hour', now()), f.fact || coalesce('.' || f.about, ''), f.value
			FROM billing.facts() f
			WHERE f.fact IN ('subscriptions', 'licenses', 'mails', 'failures_waiting',
				'unmatched')
		ON CONFLICT (name, at) DO UPDATE SET value = excluded.value;
	DELETE FROM billing.samples WHERE at < now() - interval '400 days';
	SELECT billing.ends_note()
$$;

GRANT EXECUTE ON FUNCTION billing.sample_books() TO paydesk_ops;

CREATE OR REPLACE FUNCTION billing.sample_add(name_ text, value_ double precision) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO billing.samples (at, name, value) VALUES (date_trunc('hour', now()), name_, value_)
		ON CONFLICT (name, at) DO UPDATE SET value = excluded.value
$$;

GRANT EXECUTE ON FUNCTION billing.sample_add(text, double precision) TO paydesk_ops;
