-- What a subscription is to become by itself. The event about its schedule is of second 5.

SELECT count(*) FROM billing.catalog_apply('{"plans": {
	"pro": {"rank": 1, "monthly": {"price": "pm"}, "annual": {"price": "pa"}},
	"team": {"rank": 2, "monthly": {"price": "tm"}}}}', NULL, NULL);

CREATE FUNCTION pg_temp.case(name text, subscription jsonb, schedule jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
BEGIN
	INSERT INTO billing.subscriptions (stripe_subscription_id, status, plan, period, schedule,
			last_event_at)
		SELECT name, coalesce(d ->> 'status', 'active'), 'pro', 'monthly', d ->> 'schedule',
		       to_timestamp((d ->> 'at')::int)
			FROM (SELECT subscription AS d) n RETURNING * INTO s;
	INSERT INTO billing.schedules (schedule_id, stripe_subscription_id, status, next_at,
			next_items, event_at, event_rank)
		SELECT coalesce(d ->> 'id', name), name, coalesce(d ->> 'status', 'active'),
		       now() + coalesce(d ->> 'in', '9 days')::interval,
		       jsonb_build_array(jsonb_build_object('price', coalesce(d ->> 'price', 'tm'),
				'quantity', 1)), to_timestamp(coalesce(d ->> 'at', '5')::int), 1
			FROM jsonb_array_elements(schedule) d;
	RETURN CASE WHEN n.change IS NULL THEN 'nothing'
			ELSE concat_ws(' ', n.change ->> 'plan', n.change ->> 'period') END
		FROM (SELECT billing.scheduled(s.id) AS change) n;
END $$;

SELECT is(pg_temp.case(t.name, t.subscription, t.schedule), t.expected, t.name)
FROM (VALUES
	('no schedule',           '{"at": 6}'::jsonb, '[]'::jsonb, 'nothing'),
	('the subscription names it', '{"at": 6, "schedule": "a"}', '[{"id": "a"}]', 'team monthly'),
	('it is newer than the subscription', '{"at": 4}', '[{}]', 'team monthly'),
	('a newer subscription names none: released', '{"at": 6}', '[{}]', 'nothing'),
	('a newer subscription names another one', '{"at": 6, "schedule": "b"}', '[{"id": "c"}]', 'nothing'),
	('not started yet',       '{"at": 4}', '[{"status": "not_started"}]', 'team monthly'),
	('canceled',              '{"at": 4}', '[{"status": "canceled"}]', 'nothing'),
	('released by its own event', '{"at": 4}', '[{"status": "released"}]', 'nothing'),
	('completed',             '{"at": 4}', '[{"status": "completed"}]', 'nothing'),
	('its time is over',      '{"at": 4}', '[{"in": "-1 second"}]', 'nothing'),
	('the subscription is over', '{"at": 4, "status": "canceled"}', '[{}]', 'nothing'),
	('another period alone',  '{"at": 4}', '[{"price": "pa"}]', 'pro annual'),
	('nothing changes',       '{"at": 4}', '[{"price": "pm"}]', 'nothing'),
	('a price that nobody knows keeps the plan', '{"at": 4}', '[{"price": "x"}]', 'nothing'),
	('of two the newer',      '{"at": 4}', '[{"id": "d", "at": 5},
		{"id": "e", "at": 6, "price": "pa"}]', 'pro annual'))
	t(name, subscription, schedule, expected);

SELECT is(billing.scheduled(s.id) ->> 'at', billing.utc(now() + interval '9 days'), 'and when')
	FROM billing.subscriptions s WHERE stripe_subscription_id = 'not started yet';

-- Events about a schedule in any order: the newest stands, of one second the later in its life.
SELECT billing.schedule_apply(jsonb_populate_record(NULL::billing.stripe_facts, jsonb_build_object(
		'schedule', 'sched', 'subscription', 'no schedule', 'schedule_status', t.status,
		'rank', t.rank)), to_timestamp(t.at))
FROM (VALUES ('active', 1, 6), ('not_started', 0, 5), ('canceled', 3, 7), ('active', 1, 7))
	t(status, rank, at);
SELECT is((SELECT status FROM billing.schedules WHERE schedule_id = 'sched'), 'canceled',
	'an older event about a schedule changes nothing');
SELECT is(billing.schedule_apply(jsonb_populate_record(NULL::billing.stripe_facts,
	jsonb_build_object('schedule', t.name, 'subscription', t.subscription,
		'schedule_status', 'active', 'rank', 1)), now()), t.outcome, t.name)
FROM (VALUES ('names none', NULL, 'ignored'), ('nobody knows that one', 'sub_x', 'ignored'),
	('one that has no account', 'no schedule', 'unmatched')) t(name, subscription, outcome);
