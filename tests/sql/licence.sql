-- Licences: whether one stands, and what a delivery of Gumroad means for it.

SELECT is(billing.gumroad_period(t.recurrence), t.period::interval,
	coalesce(t.recurrence, 'a purchase') || ' lasts')
FROM (VALUES ('monthly', '1 month'), ('quarterly', '3 months'), ('biannually', '6 months'),
	('yearly', '1 year'), ('every_two_years', '2 years'), ('fortnightly', NULL),
	(NULL, NULL)) t(recurrence, period);

SELECT is(billing.gumroad_subject(t.resource,
		jsonb_populate_record(NULL::billing.gumroad_facts, t.facts)), t.subject,
	t.resource || ' with ' || t.facts)
FROM (VALUES
	('sale',                   '{}'::jsonb,               'sale'),
	('refund',                 '{"sale": "s"}',           'charge'),
	('dispute',                '{"sale": "s"}',           'charge'),
	('dispute_won',            '{"sale": "s"}',           'charge'),
	('refund',                 '{"subscription": "u"}',   'none'),
	('cancellation',           '{"subscription": "u"}',   'membership'),
	('subscription_ended',     '{"subscription": "u"}',   'membership'),
	('subscription_restarted', '{"subscription": "u"}',   'membership'),
	('subscription_updated',   '{"subscription": "u"}',   'plan'),
	('subscription_updated',   '{"sale": "s"}',           'none'),
	('cancellation',           '{}',                      'none'),
	('something_new',          '{"sale": "s"}',           'none')) t(resource, facts, subject);

-- The licence is of sale s, or of the membership u; charges are what happened to them.
SELECT is(billing.license_reason(
		jsonb_populate_record(NULL::billing.licenses, t.license),
		ARRAY(SELECT jsonb_populate_record(NULL::billing.gumroad_charges, c)
			FROM jsonb_array_elements(t.charges) c),
		jsonb_populate_record(NULL::billing.gumroad_memberships, t.membership)),
	t.reason, t.name)
FROM (VALUES
	('{}'::jsonb, NULL::jsonb, '[{"sale_id": "s", "sold": true}]'::jsonb, NULL,
		'a purchase stands'),
	('{}', NULL, '[{"sale_id": "s", "sold": true, "refunded_at": "2026-01-02T00:00:00Z"}]',
		'refunded', 'its charge was refunded'),
	('{}', NULL, '[{"sale_id": "s", "sold": true, "disputed_at": "2026-01-02T00:00:00Z"}]',
		'disputed', 'its charge is disputed'),
	('{}', NULL, '[{"sale_id": "s", "sold": true, "disputed_at": "2026-01-02T00:00:00Z",
		"dispute_won_at": "2026-01-03T00:00:00Z"}]', NULL, 'the dispute was won'),
	('{"operator_status": "active"}', NULL,
		'[{"sale_id": "s", "sold": true, "refunded_at": "2026-01-02T00:00:00Z"}]', NULL,
		'an operator lets it stand'),
	('{"operator_status": "revoked", "operator_reason": "abuse"}', NULL,
		'[{"sale_id": "s", "sold": true}]', 'abuse', 'an operator has revoked it'),
	('{}', NULL, '[{"sale_id": "s", "sold_at": "2026-01-01T00:00:00Z",
		"refunded_at": "2026-01-05T00:00:00Z"},
		{"sale_id": "t", "sold_at": "2026-02-01T00:00:00Z"}]', NULL,
		'the refund of an older charge takes nothing'),
	('{"subscription_id": "u"}', '{"subscription_id": "u"}',
		'[{"sale_id": "s", "sold": true, "subscription_id": "u"}]', NULL,
		'a membership stands'),
	('{"subscription_id": "u"}',
		'{"subscription_id": "u", "cancelled_at": "2026-01-02T00:00:00Z"}',
		'[{"sale_id": "s", "sold": true, "subscription_id": "u"}]', NULL,
		'cancelled is not ended'),
	('{"subscription_id": "u"}', '{"subscription_id": "u",
		"ended_at": "2026-01-02T00:00:00Z", "ended_reason": "cancelled"}',
		'[{"sale_id": "s", "sold": true, "subscription_id": "u",
		   "sold_at": "2026-01-01T00:00:00Z"}]', 'subscription ended: cancelled', 'ended'),
	('{"subscription_id": "u"}', '{"subscription_id": "u",
		"ended_at": "2026-01-02T00:00:00Z", "ended_reason": "cancelled",
		"restarted_at": "2026-01-03T00:00:00Z"}',
		'[{"sale_id": "s", "sold": true, "subscription_id": "u",
		   "sold_at": "2026-01-01T00:00:00Z"}]', NULL, 'ended and restarted'))
	t(license, membership, charges, reason, name);

-- The status for the reply, from that of the licence before and after.
SELECT is(billing.gumroad_status(t.resource,
		jsonb_populate_record(NULL::billing.licenses, jsonb_build_object('tier', t.tier_before)),
		jsonb_populate_record(NULL::billing.licenses, jsonb_build_object('tier', t.tier,
			'status', t.status))), t.said, format('%s, %s %s', t.resource, t.status, t.tier))
FROM (VALUES
	('sale',                   'pro', 'active',  'pro', 'ok'),
	('sale',                   'pro', 'revoked', 'pro', 'revoked'),
	('refund',                 'pro', 'revoked', 'pro', 'revoked'),
	('refund',                 'pro', 'active',  'pro', 'ignored'),
	('dispute',                'pro', 'revoked', 'pro', 'revoked'),
	('dispute_won',            'pro', 'active',  'pro', 'restored'),
	('dispute_won',            'pro', 'revoked', 'pro', 'ignored'),
	('subscription_restarted', 'pro', 'active',  'pro', 'restored'),
	('subscription_ended',     'pro', 'revoked', 'pro', 'revoked'),
	('cancellation',           'pro', 'active',  'pro', 'ignored'),
	('subscription_updated',   'pro', 'active',  'pro', 'ignored'),
	('subscription_updated',   'pro', 'active',  'team', 'ok'))
	t(resource, tier_before, status, tier, said);
