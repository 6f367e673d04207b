-- Invoices: which one of a subscription decides, what it says after the snapshot, and which
-- events are old. Times are seconds.

CREATE FUNCTION pg_temp.sub(document jsonb) RETURNS billing.subscriptions LANGUAGE sql AS $$
	SELECT jsonb_populate_record(NULL::billing.subscriptions, '{"checkout_unpaid": false,
		"invoice_paid": false, "stripe_subscription_id": "sub_1"}' || document)
$$;

INSERT INTO billing.invoices (invoice_id, stripe_subscription_id, created_at, billing_reason)
SELECT t.invoice, t.subscription, to_timestamp(t.created), t.reason
FROM (VALUES
	('in_old',    'sub_1', 10, 'subscription_create'),
	('in_new',    'sub_1', 20, 'subscription_cycle'),
	('in_manual', 'sub_1', 30, 'manual'),
	('in_change', 'sub_1', 40, 'subscription_update'),
	('in_a',      'sub_2', 50, NULL),
	('in_b',      'sub_2', 50, 'subscription_threshold'),
	('in_only',   'sub_3', 60, 'manual')) t(invoice, subscription, created, reason);

SELECT is((billing.deciding_invoice(pg_temp.sub(jsonb_build_object(
		'stripe_subscription_id', t.subscription, 'latest_invoice', t.latest,
		'last_event_at', to_timestamp(t.at))))).invoice_id, t.decides, t.name)
FROM (VALUES
	('sub_1', NULL,        NULL, 'in_new', 'the newest of the cycle, no snapshot was seen'),
	('sub_1', 'in_new',    25,   'in_new', 'the newest of the cycle, as the snapshot says'),
	('sub_1', 'in_old',    15,   'in_new', 'the newest of the cycle, newer than the snapshot'),
	('sub_1', 'in_manual', 45,   'in_new', 'the snapshot''s latest is not of the cycle'),
	('sub_1', NULL,        45,   'in_new', 'the snapshot names none'),
	('sub_1', 'in_unseen', 25,   NULL,     'the snapshot''s latest was not seen: all here are older'),
	('sub_1', 'in_unseen', 20,   NULL,     'the same, of the snapshot''s second'),
	('sub_1', 'in_unseen', 19,   'in_new', 'one that is newer than such a snapshot decides'),
	('sub_2', NULL,        NULL, 'in_b',   'of one second, the later id'),
	('sub_3', NULL,        NULL, NULL,     'none is of the cycle'),
	('sub_4', NULL,        NULL, NULL,     'there is none'))
	t(subscription, latest, at, decides, name);

SELECT is(billing.is_news(pg_temp.sub(jsonb_build_object('latest_invoice', t.latest,
		'last_event_at', to_timestamp(t.snapshot))),
	jsonb_populate_record(NULL::billing.invoices, '{"invoice_id": "in_1"}'), to_timestamp(t.at)),
	t.news, t.name)
FROM (VALUES
	(NULL,   NULL,             4, true,  'news: there is no snapshot'),
	('in_2', 5,                6, true,  'news: later than the snapshot'),
	('in_1', 5,                4, false, 'no news: before the snapshot'),
	('in_1', 5,                5, true,  'news: in its second, of its latest invoice'),
	(NULL,   5,                5, true,  'news: in its second, when it names none'),
	('in_2', 5,                5, false, 'no news: in its second, of another invoice'),
	('in_1', 5.7,              5, true,  'news: in the second of an object that was fetched'),
	('in_2', 5.7,              5, false, 'no news: the same, of another invoice'),
	('in_1', 5.7,              4, false, 'no news: before that second'))
	t(latest, snapshot, at, news, name);

-- The snapshot is of second 5.
SELECT is(concat_ws(' ', coalesce(extract(epoch FROM s.payment_failed_at)::int::text, '-'),
		coalesce(extract(epoch FROM s.failing_since)::int::text, '-'),
		coalesce(extract(epoch FROM s.payment_paid_at)::int::text, '-')), t.said, t.name)
FROM (VALUES
	(6,    6,    NULL, NULL, 'active',   NULL,       '6 6 -', 'it failed after the snapshot'),
	(8,    6,    NULL, NULL, 'active',   NULL,       '8 6 -', 'it failed twice'),
	(4,    4,    NULL, NULL, 'past_due', NULL,       '- 4 -', 'it failed before'),
	(5,    5,    NULL, NULL, 'active',   NULL,       '5 5 -', 'in its second: an invoice has the last word'),
	(5,    5,    NULL, NULL, 'active',   'past_due', '- 5 -', 'but for a snapshot that says that it recovered'),
	(6,    6,    NULL, NULL, 'active',   'past_due', '6 6 -', 'it failed after that'),
	(6,    6,    7,    NULL, 'active',   NULL,       '- - 7', 'it failed, then was paid'),
	(7,    7,    6,    NULL, 'active',   NULL,       '- - 6', 'what is paid fails no more'),
	(NULL, NULL, 4,    NULL, 'past_due', NULL,       '- - -', 'paid before the snapshot'),
	(6,    6,    NULL, 7,    'active',   NULL,       '- - -', 'voided, or given up: nobody waits'),
	(NULL, NULL, NULL, NULL, 'active',   NULL,       '- - -', 'nothing became of it yet'))
	t(failed, since, paid, closed, status, before, said, name)
CROSS JOIN LATERAL billing.settle_deciding(pg_temp.sub(jsonb_build_object(
		'last_event_at', to_timestamp(5), 'snapshot_status', t.status,
		'previous', jsonb_build_object('status', t.before))),
	jsonb_populate_record(NULL::billing.invoices, jsonb_build_object('invoice_id', 'in_1',
		'failed_at', to_timestamp(t.failed), 'failing_since', to_timestamp(t.since),
		'paid_at', to_timestamp(t.paid), 'closed_at', to_timestamp(t.closed)))) s;
SELECT is((s.payment_failed_at, s.failing_since, s.payment_paid_at)::text, '(,,)',
	'none decides: what was said before is forgotten')
FROM billing.settle_deciding(pg_temp.sub(jsonb_build_object('last_event_at', to_timestamp(5),
	'payment_failed_at', to_timestamp(6), 'failing_since', to_timestamp(6),
	'payment_paid_at', to_timestamp(7))), NULL) s;

-- The snapshot is of second 25, its latest invoice in_new, which decides.
SELECT is(billing.is_old_invoice(
	pg_temp.sub('{"last_event_at": "1970-01-01T00:00:25Z", "latest_invoice": "in_new"}' || t.old),
	pg_temp.sub('{"last_event_at": "1970-01-01T00:00:25Z", "latest_invoice": "in_new"}' || t.now),
	jsonb_populate_record(NULL::billing.stripe_facts, jsonb_build_object('fact', t.fact,
		'invoice', t.invoice, 'billing_reason', t.reason)), to_timestamp(t.at)),
	t.old_one, t.name)
FROM (VALUES
	('payment_paid', 'in_new', NULL, 26, '{}'::jsonb, '{}'::jsonb, false, 'not old: paid after the snapshot'),
	('payment_paid', 'in_new', NULL, 25, '{}', '{}', false, 'not old: paid in its second'),
	('payment_paid', 'in_new', NULL, 24, '{}', '{}', true,  'old: paid before the snapshot'),
	('payment_paid', 'in_old', NULL, 26, '{}', '{}', true,  'old: an older invoice is paid'),
	('payment_paid', 'in_old', NULL, 26, '{}', '{"money_at": "1970-01-01T00:00:26Z"}', false,
		'not old: an older invoice brought the first money'),
	('payment_paid', 'in_old', NULL, 26, '{}', '{"invoice_paid": true}', false,
		'not old: an older invoice, of nothing, released it'),
	('payment_paid', 'in_old', NULL, 24, '{"checkout_unpaid": true}', '{}', false,
		'not old: it waited for that'),
	('payment_paid', 'in_manual', 'manual', 24, '{}', '{}', false, 'not old: of a manual one nothing is expected'),
	('payment_failed', 'in_new', NULL, 26, '{}', '{"payment_failed_at": "1970-01-01T00:00:26Z"}', false,
		'not old: it failed after the snapshot'),
	('payment_failed', 'in_new', NULL, 26, '{}', '{}', true, 'old: it failed, and was paid since'),
	('payment_failed', 'in_old', NULL, 26, '{}', '{"payment_failed_at": "1970-01-01T00:00:26Z"}', true,
		'old: an older one failed'),
	('invoice_overdue', 'in_old', NULL, 24, '{}', '{}', false, 'not old: no payment'),
	(NULL, 'in_old', NULL, 24, '{}', '{}', false, 'not old: nothing became of it'))
	t(fact, invoice, reason, at, old, now, old_one, name);

-- One invoice's events, in every order.
CREATE FUNCTION pg_temp.invoice_of(seen jsonb) RETURNS billing.invoices LANGUAGE plpgsql AS $$
DECLARE
	i billing.invoices;
	d jsonb;
BEGIN
	i.amount_paid := 0;
	FOR d IN SELECT * FROM jsonb_array_elements(seen) LOOP
		i := billing.invoice_merge(i, jsonb_populate_record(NULL::billing.stripe_facts, d),
			to_timestamp((d ->> 'at')::int));
	END LOOP;
	RETURN i;
END $$;
SELECT is((SELECT count(DISTINCT pg_temp.invoice_of(jsonb_build_array(a.e, b.e, c.e, d.e)))
	FROM jsonb_array_elements(t.seen) WITH ORDINALITY a(e, n),
	     jsonb_array_elements(t.seen) WITH ORDINALITY b(e, n),
	     jsonb_array_elements(t.seen) WITH ORDINALITY c(e, n),
	     jsonb_array_elements(t.seen) WITH ORDINALITY d(e, n)
	WHERE a.n NOT IN (b.n, c.n, d.n) AND b.n NOT IN (c.n, d.n) AND c.n <> d.n), 1::bigint,
	'the order of an invoice''s events says nothing: ' || t.name)
FROM (VALUES
	('[{"fact": "payment_failed", "at": 5}, {"fact": "payment_failed", "at": 7},
	   {"fact": "payment_paid", "at": 9, "amount_paid": 100},
	   {"fact": "action_required", "at": 6, "url": "x"}]'::jsonb, 'failed twice, then paid'),
	('[{"fact": "invoice_overdue", "at": 5}, {"fact": "payment_failed", "at": 4},
	   {"fact": "invoice_closed", "at": 9}, {"at": 3, "billing_reason": "subscription_cycle"}]',
		'overdue, then given up')) t(seen, name);
SELECT is((extract(epoch FROM i.failing_since), extract(epoch FROM i.failed_at),
		extract(epoch FROM i.paid_at), i.amount_paid, i.action_url)::text,
	'(5.000000,7.000000,9.000000,100,x)', 'what is kept of an invoice')
FROM pg_temp.invoice_of('[{"fact": "payment_failed", "at": 7}, {"fact": "payment_failed", "at": 5},
	{"fact": "payment_paid", "at": 9, "amount_paid": 100}, {"fact": "payment_paid", "at": 10},
	{"fact": "action_required", "at": 6, "url": "x"}]') i;
