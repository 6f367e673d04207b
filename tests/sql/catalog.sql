-- What a catalog says, read into the tables.

CREATE FUNCTION pg_temp.apply(document json) RETURNS void LANGUAGE sql AS $$
	SELECT count(*) FROM billing.catalog_apply(document::text, NULL, NULL)
$$;

SELECT pg_temp.apply('{}');
SELECT is((SELECT to_jsonb(p) - 'catalog_id' - 'one' FROM billing.policy p), '{
	"default_plan": null, "other_prices": "paid", "metadata_key": "account",
	"client_reference": "trust", "several": false, "grace_days": 14,
	"pause_collection": "keep", "refund_subscription": "keep", "refund_purchase": "end",
	"dispute": "suspend", "dispute_lost": "end", "fraud_warning": "note",
	"proration": "always_invoice", "referral_days": 45, "convert_on": "payment",
	"free": {}}'::jsonb, 'what a catalog does not say has a default');

SELECT pg_temp.apply('{"default_plan": "a", "plans": {"a": {"monthly": {"price": "p"}}},
	"other_prices": "paid", "metadata_key": "shop", "client_reference": "claim",
	"checkout": {"several_subscriptions": true}, "subscription": {"proration": "none"},
	"policy": {"grace_days": 3, "pause_collection": "stop", "refund_subscription": "end",
		"refund_purchase": "keep", "dispute": "keep", "dispute_lost": "keep",
		"fraud_warning": "suspend"},
	"referral": {"days": 7, "convert_on": "trial"}, "free": {"features": {"n": 1}}}');
SELECT is((SELECT to_jsonb(p) - 'catalog_id' - 'one' FROM billing.policy p), '{
	"default_plan": "a", "other_prices": "paid", "metadata_key": "shop",
	"client_reference": "claim", "several": true, "grace_days": 3,
	"pause_collection": "stop", "refund_subscription": "end", "refund_purchase": "keep",
	"dispute": "keep", "dispute_lost": "keep", "fraud_warning": "suspend",
	"proration": "none", "referral_days": 7, "convert_on": "trial",
	"free": {"n": 1}}'::jsonb, 'what it says is the policy');

SELECT pg_temp.apply('{"plans": {"a": {"monthly": {"price": "p"}}}}');
SELECT is((SELECT other_prices FROM billing.policy), 'ignore',
	'a catalog with a price ignores those that it does not list');

SELECT pg_temp.apply('{"plans": {"a": {"annual": {"price": "y", "trial_days": 14},
	"prices": [{"price": "old", "period": "monthly", "sold": false},
		{"price": "life", "period": "once"},
		{"price": "month", "period": "once", "days": 30},
		{"price": "box", "period": "once", "license": {"tier": "core"}}]}}}');
SELECT results_eq('SELECT price_id, period, days, sold, trial_days, license
		FROM billing.prices ORDER BY price_id',
	$$VALUES ('box', 'once', NULL, true, 0, '{"tier": "core"}'::jsonb),
		('life', 'once', NULL, true, 0, NULL), ('month', 'once', 30, true, 0, NULL),
		('old', 'monthly', NULL, false, 0, NULL), ('y', 'annual', NULL, true, 14, NULL)$$,
	'prices of every kind');

-- What an order is for; the default plan is a.

SELECT pg_temp.apply('{"default_plan": "a", "plans": {
	"a": {"monthly": {"price": "am"}, "prices": [{"price": "aw", "period": "weekly"},
		{"price": "old", "period": "annual", "sold": false}]},
	"b": {"annual": {"price": "ba"}}}}');
SELECT is((o.outcome, (o.price).price_id)::text, (t.outcome, t.price)::text,
		format('%s of %s', t.period, coalesce(t.plan, 'the default plan')))
	FROM (VALUES
		(NULL, 'monthly',  NULL,              'am'),
		('a',  'monthly',  NULL,              'am'),
		('a',  'weekly',   NULL,              'aw'),
		('b',  'annual',   NULL,              'ba'),
		(NULL, 'annual',   'unsold',          NULL),
		('b',  'monthly',  'unsold',          NULL),
		('b',  'weekly',   'unsold',          NULL),
		('b',  'once',     'unsold',          NULL),
		('c',  'monthly',  'unknown_plan',    NULL),
		('',   'monthly',  'unknown_plan',    NULL),
		('a',  'biweekly', 'invalid_cadence', NULL),
		('c',  'Monthly',  'invalid_cadence', NULL)) t (plan, period, outcome, price)
	CROSS JOIN LATERAL billing.checkout_offer(t.plan, t.period) o;

-- The tier of a sale at Gumroad, and of a change of plan.

SELECT pg_temp.apply('{"gumroad": {"p": {"tier": "core", "seller_id": "s", "activations": 3,
	"after_end": "revoke", "plans": {"Gold": {"tier": "gold", "expires": "1y"}}},
	"plan-id": {"tier": "lone"}}}');
SELECT is((f.product, f.tier)::text, (t.product, t.tier)::text,
		format('%s of %s %s', t.subject, t.products, t.plans))
	FROM (VALUES
		('sale', '{p}',   '{}',        'p',       'core'),
		('sale', '{x,p}', '{}',        'p',       'core'),
		('sale', '{x}',   '{}',        NULL,      NULL),
		('sale', '{x}',   '{plan-id}', NULL,      NULL),
		('sale', '{p}',   '{Gold}',    'p',       'gold'),
		('sale', '{p}',   '{L,Gold}',  'p',       'gold'),
		('sale', '{p}',   '{Tin}',     'p',       'core'),
		('plan', '{p}',   '{Gold}',    'p',       'gold'),
		('plan', '{p}',   '{plan-id}', 'plan-id', 'lone'),
		('plan', '{p}',   '{Tin}',     NULL,      NULL))
		t (subject, products, plans, product, tier)
	CROSS JOIN LATERAL billing.gumroad_map(jsonb_populate_record(NULL::billing.gumroad_facts,
		jsonb_build_object('products', t.products::text[], 'plans', t.plans::text[])),
		t.subject) f;
SELECT results_eq('SELECT product, plan, seller_id, activations, expires, after_end
		FROM billing.gumroad_products ORDER BY product, plan',
	$$VALUES ('p', '', 's', 3, NULL, 'revoke'), ('p', 'Gold', 's', 3, '1y', 'revoke'),
		('plan-id', '', NULL, NULL, NULL, 'keep')$$,
	'a plan of a product has the terms of the product');
