-- Which of several objects of a subscription is the newest.

-- What is known is at a second, of a rank: a status and a quantity; then another object comes.
CREATE FUNCTION pg_temp.facts(document jsonb) RETURNS billing.stripe_facts LANGUAGE sql AS $$
	SELECT jsonb_populate_record(NULL::billing.stripe_facts, document
		|| jsonb_build_object('items', jsonb_build_array(jsonb_strip_nulls(
			jsonb_build_object('quantity', document -> 'q', 'price', document -> 'p')))))
$$;
CREATE FUNCTION pg_temp.row_of(document jsonb, at double precision)
RETURNS billing.subscriptions LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
BEGIN
	IF document IS NULL THEN
		RETURN s;
	END IF;
	RETURN billing.take_snapshot(s, pg_temp.facts(document), to_timestamp(at));
END $$;

SELECT is((billing.merge_snapshot(pg_temp.row_of(t.old::jsonb, t.old_at), pg_temp.facts(t.new::jsonb),
		to_timestamp(t.at))).stale, NOT t.newer, t.name)
FROM (VALUES
	(NULL, NULL, 5, '{"rank": 2, "status": "active"}', true, 'the first object is news'),
	('{"rank": 2, "status": "active"}', 5, 6, '{"rank": 2, "status": "past_due"}', true,
		'a later second is news'),
	('{"rank": 0, "status": "active"}', 6, 5, '{"rank": 2, "status": "past_due"}', false,
		'an earlier second is none, whatever its rank'),
	('{"rank": 0, "status": "active"}', 5, 5, '{"rank": 2, "status": "past_due"}', true,
		'of one second the higher rank is'),
	('{"rank": 2, "status": "active"}', 5, 5, '{"rank": 0, "status": "past_due"}', false,
		'of one second the lower rank is not'),
	('{"rank": 2, "status": "active"}', 6, 5, '{"rank": 3, "status": "canceled"}', true,
		'the end is news however old'),
	('{"rank": 3, "status": "canceled"}', 5, 6, '{"rank": 2, "status": "active"}', false,
		'nothing comes back from the end'),
	('{"rank": 3, "status": "canceled"}', 5, 6, '{"rank": 3, "status": "incomplete_expired"}', true,
		'of two ends the later second is news'),
	('{"rank": 1, "status": "active"}', 5.7, 6, '{"rank": 2, "status": "past_due"}', true,
		'an event of the second after a fetch is news'),
	('{"rank": 1, "status": "active"}', 5.7, 5.8,
		'{"rank": 1, "status": "past_due", "fetched_at": "1970-01-01T00:00:05.8Z"}', true,
		'of two fetches of one second the later is'),
	('{"rank": 1, "status": "active"}', 5.7, 5.6,
		'{"rank": 1, "status": "past_due", "fetched_at": "1970-01-01T00:00:05.6Z"}', false,
		'the earlier is not')
	) t(old, old_at, at, new, newer, name);

-- All objects of one second, in every order in which they can come; the last one is the newest.
CREATE FUNCTION pg_temp.orders(seen jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$
	WITH RECURSIVE o(taken, rest) AS (
		SELECT '[]'::jsonb, seen
		UNION ALL
		SELECT o.taken || jsonb_build_array(o.rest -> n), o.rest - n
			FROM o CROSS JOIN LATERAL generate_series(0, jsonb_array_length(o.rest) - 1) n)
	SELECT taken FROM o WHERE rest = '[]'
$$;
CREATE FUNCTION pg_temp.merged(orders jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
	d jsonb;
BEGIN
	FOR d IN SELECT * FROM jsonb_array_elements(orders) LOOP
		s := (billing.merge_snapshot(s, pg_temp.facts(d), coalesce(
			(d ->> 'fetched_at')::timestamptz, '2026-11-20T09:00:05Z'))).s;
	END LOOP;
	RETURN jsonb_build_object('status', s.snapshot_status, 'q', s.items -> 0 -> 'quantity',
		'p', s.items -> 0 -> 'price', 'cancel_at', s.cancel_at,
		'pause', s.pause_collection ->> 'behavior');
END $$;

SELECT results_eq(format('SELECT DISTINCT pg_temp.merged(o) @> %L FROM pg_temp.orders(%L) o',
		t.last, t.seen), 'VALUES (true)', t.name)
FROM (VALUES
	('[{"rank": 2, "status": "past_due", "previous": {"status": "active"}},
	   {"rank": 2, "status": "paused", "previous": {"status": "past_due"}},
	   {"rank": 2, "status": "paused"}]', '{"status": "paused"}',
		'one without previous_attributes says nothing against what the others tell'),
	('[{"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 3, "previous": {"quantity": 2}},
	   {"rank": 2, "status": "active", "q": 4, "previous": {"quantity": 3}}]', '{"q": 4}',
		'three changes of one field'),
	('[{"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 1, "previous": {"quantity": 2}},
	   {"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}}]', '{"q": 2}',
		'to and fro and to'),
	('[{"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 3, "previous": {"quantity": 2}}]', '{"q": 3}',
		'two events of one change'),
	('[{"rank": 2, "status": "active", "q": 2, "p": "a", "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 2, "p": "b", "previous": {"price": "a"}},
	   {"rank": 2, "status": "past_due", "q": 2, "p": "b", "previous": {"status": "active"}}]',
		'{"q": 2, "p": "b", "status": "past_due"}', 'changes of three fields'),
	('[{"rank": 2, "status": "active", "cancel_at": "2027-01-01T00:00:00Z", "cancel_at_period_end": true,
	    "previous": {"cancel_at": null, "cancel_scheduled": false}},
	   {"rank": 2, "status": "active", "cancel_at_period_end": false,
	    "previous": {"cancel_at": 1798761600, "cancel_scheduled": true}},
	   {"rank": 2, "status": "active", "cancel_at": "2027-02-01T00:00:00Z", "cancel_at_period_end": true,
	    "previous": {"cancel_at": null, "cancel_scheduled": false}}]',
		'{"cancel_at": "2027-02-01T00:00:00+00:00"}', 'a cancellation, its taking back, another one'),
	('[{"rank": 2, "status": "active", "pause_collection": {"behavior": "void", "resumes_at": null},
	    "previous": {"pause_behavior": null, "pause_resumes_at": null}},
	   {"rank": 2, "status": "active",
	    "previous": {"pause_behavior": "void", "pause_resumes_at": null}},
	   {"rank": 2, "status": "active", "pause_collection": {"behavior": "keep_as_draft", "resumes_at": null},
	    "previous": {"pause_behavior": null, "pause_resumes_at": null}}]',
		'{"pause": "keep_as_draft"}', 'a pause, its end, another one'),
	('[{"rank": 2, "status": "past_due", "previous": {"status": "active"}},
	   {"rank": 2, "status": "active", "previous": {"status": "past_due"}}]', '{"status": "active"}',
		'a circle ends where it most likely began'),
	('[{"rank": 0, "status": "active", "q": 1},
	   {"rank": 1, "status": "active", "q": 2, "fetched_at": "2026-11-20T09:00:05.5Z"},
	   {"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}}]', '{"q": 2}',
		'what was fetched stands above an event that it reflects'),
	('[{"rank": 1, "status": "active", "q": 2, "fetched_at": "2026-11-20T09:00:05.5Z"},
	   {"rank": 2, "status": "active", "q": 2, "previous": {"quantity": 1}},
	   {"rank": 2, "status": "active", "q": 3, "previous": {"quantity": 2}}]', '{"q": 3}',
		'an event that comes after what was fetched stands above it'),
	('[{"rank": 2, "status": "active", "previous": {"status": "past_due"}},
	   {"rank": 2, "status": "past_due", "previous": {"status": "active"}},
	   {"rank": 3, "status": "canceled"}]', '{"status": "canceled"}', 'the end is the end')
	) t(seen, last, name);

SELECT is(pg_temp.merged('[{"rank": 2, "status": "active"}, {"rank": 2, "status": "past_due"}]')
	->> 'status', 'past_due', 'when all ties arrival decides');
SELECT is(pg_temp.merged('[{"rank": 2, "status": "active"}, {"rank": 2, "status": "incomplete"}]')
	->> 'status', 'active', 'unless the one that came first is of a later stage of life');
