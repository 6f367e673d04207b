-- What is kept for the charts, and what does not count.

INSERT INTO billing.samples (at, name, value) VALUES
	(date_trunc('hour', now()) - interval '399 days', 'mails.queued', 1),
	(date_trunc('hour', now()) - interval '401 days', 'mails.queued', 1);
INSERT INTO billing.licenses (license_key, blob, source_order_id, email, tier, test, created_at)
	VALUES ('K1', 'b', '1', 'a@x.test', 'core', false, now()),
		('K2', 'b', '2', 'a@x.test', 'core', true, now()),
		('K3', 'b', '3', 'a@x.test', 'core', false, now() - interval '29 days'),
		('K4', 'b', '4', 'a@x.test', 'core', false, now() - interval '31 days');
SELECT billing.sample_books();

SELECT results_eq($$SELECT round(extract(epoch FROM date_trunc('hour', now()) - at) / 86400)::int
	FROM billing.samples WHERE name = 'mails.queued' ORDER BY at$$, 'VALUES (399), (0)',
	'samples are kept for 400 days');
SELECT is((SELECT value FROM billing.samples WHERE name = 'licenses.active'), 3::double precision,
	'a sample counts no test licence');
SELECT is((SELECT value FROM billing.facts() WHERE fact = 'licenses' AND about = 'active'),
	3::double precision, 'nor does a metric');
SELECT is((SELECT sum(count) FROM billing.ops_licenses(30)), 2::numeric,
	'nor a chart, which is of 30 days');

-- Deliveries an hour, of 48 hours: this one and 47 before.
INSERT INTO billing.stripe_events (event_id, type, received_at, processed_at, outcome)
	SELECT 'evt_' || h, 'x', date_trunc('hour', now()) - make_interval(hours => h), now(), 'applied'
		FROM generate_series(46, 49) h;
SELECT is((SELECT count(*) FROM billing.ops_deliveries(48)), 2::bigint,
	'a chart of 48 hours holds no 49th');
