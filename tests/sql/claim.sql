-- What becomes of money that was paid: refunds, disputes and fraud warnings, and what they stop.

SELECT is(concat_ws(' ', coalesce(billing.dispute_state(t.status), '-'),
		billing.dispute_word(t.status), billing.dispute_waits(t.status)::text), t.said, t.status)
FROM (VALUES
	('needs_response',         'open open true'),
	('under_review',           'open open false'),
	('appeal_needs_response',  'open open true'),
	('appeal_under_review',    'open open false'),
	('warning_needs_response', '- inquiry true'),
	('warning_under_review',   '- inquiry false'),
	('warning_closed',         '- other false'),
	('prevented',              '- other false'),
	('won',                    '- won false'),
	('lost',                   'lost lost false'),
	('something new',          '- other false')) t(status, said);

-- A payment's events; times are seconds.
CREATE FUNCTION pg_temp.payment_of(seen jsonb) RETURNS billing.payments LANGUAGE plpgsql AS $$
DECLARE
	p billing.payments;
	d jsonb;
BEGIN
	p.refunded := false;
	p.undone := '{}';
	FOR d IN SELECT * FROM jsonb_array_elements(seen) LOOP
		p := billing.payment_merge(p, jsonb_populate_record(NULL::billing.stripe_facts, d),
			to_timestamp((d ->> 'at')::int));
	END LOOP;
	RETURN p;
END $$;
SELECT is(billing.is_refunded(pg_temp.payment_of(t.seen::jsonb)), t.refunded, t.name)
FROM (VALUES
	('[]', false, 'not refunded: nothing was said'),
	('[{"fact": "charge_refunded", "refunded": true, "at": 5}]', true, 'refunded: in full'),
	('[{"fact": "charge_refunded", "refunded": false, "at": 5}]', false, 'not refunded: in part'),
	('[{"fact": "charge_refunded", "refunded": false, "at": 5},
	   {"fact": "charge_refunded", "refunded": true, "at": 6}]', true, 'refunded: the rest, too'),
	('[{"fact": "charge_refunded", "refunded": true, "at": 6},
	   {"fact": "charge_refunded", "refunded": false, "at": 5}]', true,
		'refunded: the part that came late is older'),
	('[{"fact": "charge_refunded", "refunded": true, "at": 5},
	   {"fact": "charge_refunded", "refunded": false, "at": 5}]', true,
		'refunded: of one second the whole is the newer'),
	('[{"fact": "charge_refunded", "refunded": true, "at": 5},
	   {"fact": "refund_undone", "refund": "re_1", "at": 6}]', false, 'not refunded: it failed'),
	('[{"fact": "refund_undone", "refund": "re_1", "at": 6},
	   {"fact": "charge_refunded", "refunded": true, "at": 5}]', false,
		'not refunded: it failed, which was told first'),
	('[{"fact": "charge_refunded", "refunded": true, "at": 5},
	   {"fact": "refund_undone", "refund": "re_1", "at": 5}]', false,
		'not refunded: it failed in that second'),
	('[{"fact": "refund_undone", "refund": "re_1", "at": 4},
	   {"fact": "charge_refunded", "refunded": true, "at": 5}]', true,
		'refunded: an earlier refund had failed')) t(seen, refunded, name);

-- What became of an invoice: its payments are refunded (r), kept (k) or warned of (w); its disputes.
CREATE FUNCTION pg_temp.invoice_with(invoice text, payments text[], disputes text[])
RETURNS text LANGUAGE sql AS $$
	INSERT INTO billing.payments (payment, invoice_id, refunded, refunded_at, warned_at)
		SELECT invoice || n, invoice, p = 'r', CASE WHEN p = 'r' THEN now() END,
		       CASE WHEN p = 'w' THEN now() END
			FROM unnest(payments) WITH ORDINALITY u(p, n);
	INSERT INTO billing.disputes (dispute_id, payment, status, event_at, event_rank)
		SELECT 'du_' || invoice || n, invoice || '1', status, now(), 0
			FROM unnest(disputes) WITH ORDINALITY u(status, n);
	SELECT invoice
$$;
SELECT pg_temp.invoice_with(t.name, t.payments, t.disputes) FROM (VALUES
	('kept',              '{k}'::text[],  '{}'::text[]),
	('refunded',          '{r}',          '{}'),
	('one of two',        '{r,k}',        '{}'),
	('both',              '{r,r}',        '{}'),
	('warned',            '{k,w}',        '{}'),
	('open',              '{k}',          '{under_review}'),
	('lost',              '{k}',          '{lost}'),
	('won',               '{k}',          '{won}'),
	('inquiry',           '{k}',          '{warning_needs_response}'),
	('open beside lost',  '{k}',          '{lost,needs_response}'),
	('lost beside won',   '{k}',          '{won,lost}')) t(name, payments, disputes);
SELECT is(concat_ws(' ', f.refunded::text, coalesce(f.dispute, '-'), f.warned::text), t.fate,
	'the money of an invoice: ' || t.name)
FROM (VALUES
	('kept',             'false - false'),
	('refunded',         'true - false'),
	('one of two',       'false - false'),
	('both',             'true - false'),
	('warned',           'false - true'),
	('open',             'false open false'),
	('lost',             'false lost false'),
	('won',              'false - false'),
	('inquiry',          'false - false'),
	('open beside lost', 'false open false'),
	('lost beside won',  'false lost false'),
	('of no payment',    'false - false')) t(name, fate)
CROSS JOIN LATERAL billing.invoice_fate(t.name) f;

-- Policy: refund_subscription, dispute, dispute_lost, fraud_warning.
CREATE FUNCTION pg_temp.suspended(words text[], s text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.policy SET refund_subscription = words[1], dispute = words[2],
		dispute_lost = words[3], fraud_warning = words[4];
	RETURN billing.is_suspended(jsonb_populate_record(NULL::billing.subscriptions,
		'{"refunded": false, "fraud_warned": false}' || s::jsonb));
END $$;
SELECT is(pg_temp.suspended(t.policy, t.s), t.suspended, t.policy::text || ': ' || t.s)
FROM (VALUES
	('{keep,suspend,end,note}'::text[], '{}',          false),
	('{keep,suspend,end,note}',  '{"refunded": true}',     false),
	('{end,keep,keep,note}',     '{"refunded": true}',     true),
	('{end,keep,keep,suspend}',  '{}',                     false),
	('{keep,suspend,keep,note}', '{"dispute": "open"}',    true),
	('{end,keep,end,suspend}',   '{"dispute": "open"}',    false),
	('{keep,keep,end,note}',     '{"dispute": "lost"}',    true),
	('{end,suspend,keep,suspend}', '{"dispute": "lost"}',  false),
	('{keep,keep,keep,suspend}', '{"fraud_warned": true}', true),
	('{end,suspend,end,note}',   '{"fraud_warned": true}', false),
	('{end,keep,keep,note}', '{"refunded": true, "dispute": "open"}', true)) t(policy, s, suspended);
UPDATE billing.policy SET refund_subscription = 'keep', dispute = 'suspend', dispute_lost = 'end',
	fraud_warning = 'note';

-- Whose disputes are ours.
INSERT INTO billing.accounts (external_id, stripe_customer_id) VALUES ('ada', 'cus_ada');
INSERT INTO billing.subscriptions (stripe_subscription_id, stripe_customer_id, sold, account_id)
	SELECT 'sub_ours', 'cus_x', true, id FROM billing.accounts WHERE external_id = 'ada'
	UNION ALL SELECT 'sub_other', 'cus_ada', false, NULL;
INSERT INTO billing.invoices (invoice_id, stripe_subscription_id, created_at)
	VALUES ('in_ours', 'sub_ours', now()), ('in_other', 'sub_other', now());
INSERT INTO billing.payments (payment, invoice_id, customer)
	VALUES ('pi_ours', 'in_ours', NULL), ('pi_other', 'in_other', 'cus_ada'),
		('pi_bound', NULL, 'cus_ada'), ('pi_stranger', NULL, 'cus_y'), ('pi_nobody', NULL, NULL);
INSERT INTO billing.disputes (dispute_id, payment, status, due_by, event_at, event_rank)
	SELECT 'du_' || payment, payment, 'needs_response', now(), now(), 0
		FROM billing.payments WHERE payment LIKE 'pi%';
SELECT results_eq('SELECT d.payment, d.customer, a.external_id FROM billing.our_disputes() d
	LEFT JOIN billing.accounts a ON a.id = d.account_id ORDER BY 1',
	$$VALUES ('pi_bound', 'cus_ada', 'ada'), ('pi_ours', 'cus_x', 'ada')$$,
	'ours are disputes of what is sold here, or of a bound customer''s payment for nothing else');
