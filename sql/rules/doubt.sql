-- Money in doubt, as people see it: disputes, and prices that nobody has listed.

-- A dispute's state as one of few words: open, inquiry, lost, won, or other, which is one
-- that is over and took nothing.
CREATE OR REPLACE FUNCTION billing.dispute_word(status text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(billing.dispute_state(status), CASE WHEN status = 'won' THEN 'won'
		WHEN status IN ('warning_needs_response', 'warning_under_review') THEN 'inquiry'
		ELSE 'other' END)
$$;

-- Whether Stripe waits for evidence: of a dispute, an appeal or an inquiry.
CREATE OR REPLACE FUNCTION billing.dispute_waits(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT status IN ('needs_response', 'appeal_needs_response', 'warning_needs_response')
$$;

-- The subscription that a payment was for; no row when its invoice is not known to be of one.
CREATE OR REPLACE FUNCTION billing.payment_subscription(p billing.payments)
RETURNS SETOF billing.subscriptions
LANGUAGE sql STABLE AS $$
	SELECT s.* FROM billing.invoices i
		JOIN billing.subscriptions s USING (stripe_subscription_id)
		WHERE i.invoice_id = p.invoice_id
$$;

-- The disputes of payments for what is sold here, or by a customer of ours.
CREATE OR REPLACE FUNCTION billing.our_disputes()
RETURNS TABLE (dispute text, state text, status text, due_by timestamptz, waits boolean,
	payment text, customer text, subscription text, account_id bigint)
LANGUAGE sql STABLE AS $$
	SELECT d.dispute_id, billing.dispute_word(d.status), d.status, d.due_by,
	       billing.dispute_waits(d.status), d.payment,
	       coalesce(s.stripe_customer_id, p.customer), s.stripe_subscription_id,
	       coalesce(s.account_id, (SELECT a.id FROM billing.accounts a
			WHERE a.stripe_customer_id = p.customer))
		FROM billing.disputes d JOIN billing.payments p USING (payment)
		LEFT JOIN LATERAL billing.payment_subscription(p) s ON true
		WHERE s.sold OR (s.id IS NULL AND billing.is_our_customer(p.customer))
$$;

-- The prices that live subscriptions have and nobody has listed, with how many that are.
CREATE OR REPLACE FUNCTION billing.unknown_prices()
RETURNS TABLE (price text, subscriptions bigint)
LANGUAGE sql STABLE AS $$
	SELECT s.price_id, count(*)
		FROM billing.subscriptions s, billing.policy p
		WHERE NOT s.price_known AND s.sold AND NOT billing.is_terminal(s.status)
		  AND p.catalog_id IS NOT NULL
		GROUP BY s.price_id
$$;

-- The same as numbers for billing.health_facts(): what waits for a person, and what is
-- stopped until the money is sure.
CREATE OR REPLACE FUNCTION billing.doubt_facts()
RETURNS TABLE (fact text, about text, value double precision)
LANGUAGE sql STABLE AS $$
	WITH dispute AS MATERIALIZED (SELECT * FROM billing.our_disputes())
	SELECT 'disputes', w.state, (SELECT count(*) FROM dispute d WHERE d.state = w.state)
		FROM (VALUES ('open'), ('inquiry'), ('lost'), ('won'), ('other')) w(state)
	UNION ALL
	SELECT 'dispute_due', NULL, extract(epoch FROM min(d.due_by) - now())
		FROM dispute d WHERE d.waits HAVING min(d.due_by) IS NOT NULL
	UNION ALL
	SELECT 'suspended', NULL, count(*) FROM billing.subscriptions s
		WHERE (s.refunded OR s.fraud_warned OR s.dispute IS NOT NULL) AND s.sold
		  AND NOT billing.is_terminal(s.status) AND billing.is_suspended(s)
	UNION ALL
	(SELECT 'unknown_prices', u.price, u.subscriptions FROM billing.unknown_prices() u
		ORDER BY u.subscriptions DESC, u.price LIMIT 50)
	UNION ALL
	SELECT 'unmatched_payers', NULL, count(*) FROM billing.unmatched_payers()
$$;

-- The disputes that are not over, what is due first first.
CREATE OR REPLACE FUNCTION billing.ops_disputes(most integer)
RETURNS TABLE (dispute text, state text, status text, due_by timestamptz, waits boolean,
	late boolean, customer text, subscription text, account text, payment text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.dispute, d.state, d.status, d.due_by, d.waits, coalesce(d.due_by < now(), false),
	       d.customer, d.subscription, a.external_id, d.payment
		FROM billing.our_disputes() d
		LEFT JOIN billing.accounts a ON a.id = d.account_id
		WHERE d.state IN ('open', 'inquiry')
		ORDER BY NOT d.waits, d.due_by, d.dispute LIMIT most
$$;

GRANT EXECUTE ON FUNCTION billing.ops_disputes(integer) TO paydesk_ops;

-- The prices that nobody has listed, most subscriptions first, with one of those.
CREATE OR REPLACE FUNCTION billing.ops_unknown_prices(most integer)
RETURNS TABLE (price text, subscriptions bigint, plans text, example text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT u.price, u.subscriptions, string_agg(DISTINCT s.plan, ', ' ORDER BY s.plan),
	       min(s.stripe_subscription_id)
		FROM billing.unknown_prices() u
		JOIN billing.subscriptions s ON s.price_id = u.price AND NOT s.price_known
			AND s.sold AND NOT billing.is_terminal(s.status)
		GROUP BY u.price, u.subscriptions ORDER BY u.subscriptions DESC, u.price LIMIT most
$$;

GRANT EXECUTE ON FUNCTION billing.ops_unknown_prices(integer) TO paydesk_ops;
