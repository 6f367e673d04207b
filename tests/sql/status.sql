-- The status of a subscription: what the newest facts add up to.

SELECT is(billing.is_terminal(t.status), t.terminal, t.status || ': is it final')
FROM (VALUES ('incomplete', false), ('trialing', false), ('active', false), ('past_due', false),
	('unpaid', false), ('paused', false), ('canceled', true),
	('incomplete_expired', true)) t(status, terminal);

SELECT is(billing.life_stage(t.status), t.stage, t.status || ': the stage of life')
FROM (VALUES ('incomplete', 0), ('trialing', 1), ('active', 1), ('past_due', 1), ('unpaid', 1),
	('paused', 1), ('canceled', 2), ('incomplete_expired', 2)) t(status, stage);

SELECT is(billing.told_status(t.status, t.rank::smallint), t.told,
	format('%s of rank %s', t.status, t.rank))
FROM (VALUES
	('active', 2, 'active'),
	('past_due', 1, 'past_due'),
	('active', 3, 'canceled'),
	('past_due', 3, 'canceled'),
	('canceled', 3, 'canceled'),
	('incomplete_expired', 3, 'incomplete_expired'),
	(NULL, 3, NULL)) t(status, rank, told);

SELECT is(billing.is_cycle(t.reason), t.cycle, coalesce(t.reason, 'no reason') || ': of the cycle')
FROM (VALUES (NULL, true), ('subscription', true), ('subscription_create', true),
	('subscription_cycle', true), ('subscription_threshold', true), ('manual', false),
	('subscription_update', false), ('upcoming', false)) t(reason, cycle);

SELECT is(billing.is_recovery(t.status, t.before), t.recovers,
	format('%s after %s: a late payment has arrived', t.status, t.before))
FROM (VALUES ('active', 'past_due', true), ('active', 'unpaid', true),
	('trialing', 'past_due', true), ('active', 'trialing', false),
	('past_due', 'active', false), ('canceled', 'past_due', false)) t(status, before, recovers);

-- Seconds of the snapshot, of the failed and the paid invoice, of the paid session.
SELECT is(billing.subscription_status(t.snapshot, to_timestamp(t.at), to_timestamp(t.failed),
		to_timestamp(t.paid), to_timestamp(t.session), t.unpaid), t.status, t.name)
FROM (VALUES
	(NULL,         NULL, NULL, NULL, NULL, false, 'incomplete', 'nothing is known'),
	('active',     5,    NULL, NULL, NULL, false, 'active',     'what Stripe says stands'),
	('unpaid',     5,    NULL, 6,    NULL, false, 'unpaid',     'a payment revives no unpaid one'),
	('canceled',   5,    6,    7,    8,    false, 'canceled',   'the end stands'),
	('active',     5,    5,    NULL, NULL, false, 'past_due',   'a failure of that second has the last word'),
	('active',     5,    6,    NULL, NULL, false, 'past_due',   'a failure after it'),
	('active',     5,    6,    6,    NULL, false, 'active',     'paid in the second of the failure'),
	('active',     5,    7,    6,    NULL, false, 'past_due',   'a failure after the payment'),
	('past_due',   5,    NULL, 5,    NULL, false, 'active',     'paid in that second'),
	('past_due',   5,    6,    7,    NULL, false, 'active',     'paid after the failure'),
	('past_due',   5,    7,    6,    NULL, false, 'past_due',   'failed after the payment'),
	('incomplete', 5,    NULL, NULL, 5,    false, 'active',     'the session was paid'),
	('incomplete', 5,    NULL, NULL, 4,    false, 'incomplete', 'the session was paid before'),
	(NULL,         NULL, NULL, NULL, 4,    false, 'active',     'only the paid session is known'),
	('trialing',   5,    6,    NULL, NULL, false, 'trialing',   'no invoice ends a trial'),
	('incomplete', 5,    6,    NULL, 5,    false, 'past_due',   'session paid, then an invoice failed'),
	('active',     5,    NULL, NULL, NULL, true,  'incomplete', 'its money is outstanding'),
	('trialing',   5,    NULL, NULL, NULL, true,  'incomplete', 'its money is outstanding in a trial'),
	('past_due',   5,    NULL, NULL, NULL, true,  'past_due',   'overdue and outstanding'))
	t(snapshot, at, failed, paid, session, unpaid, status, name);

SELECT is(billing.is_withheld(jsonb_populate_record(NULL::billing.subscriptions, t.s)),
	t.withheld, t.s::text)
FROM (VALUES
	('{"checkout_unpaid": false, "invoice_paid": false}'::jsonb, false),
	('{"checkout_unpaid": true, "invoice_paid": false}', true),
	('{"checkout_unpaid": true, "invoice_paid": true}', false),
	('{"checkout_unpaid": true, "invoice_paid": false,
	   "checkout_paid_at": "2026-01-01T00:00:00Z"}', false)) t(s, withheld);
