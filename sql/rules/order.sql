-- Which of several objects of one subscription is the newest. Stripe's clock ticks in seconds,
-- its events come in any order, and several in a second are common: then
-- previous_attributes of each tell what came before it, and all of them together which one
-- is the last.

-- What an object says of the fields that previous_attributes may name.
CREATE OR REPLACE FUNCTION billing.state(f billing.stripe_facts) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('status', f.status, 'quantity', f.items -> 0 -> 'quantity',
		'price', f.items -> 0 -> 'price', 'items', f.items,
		'cancel_at', extract(epoch FROM f.cancel_at)::bigint,
		'cancel_scheduled', f.cancel_at_period_end,
		'trial_end', extract(epoch FROM f.trial_end)::bigint,
		'period_end', extract(epoch FROM f.current_period_end)::bigint,
		'pause_behavior', f.pause_collection -> 'behavior',
		'pause_resumes_at', nullif(f.pause_collection -> 'resumes_at', 'null'),
		'latest_invoice', f.latest_invoice)
$$;

-- Whether a field has the value that previous_attributes name; of items they may name less
-- than there is.
CREATE OR REPLACE FUNCTION billing.is_value(value jsonb, named jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN jsonb_typeof(value) = 'array' AND jsonb_typeof(named) = 'array'
		THEN jsonb_array_length(value) = jsonb_array_length(named) AND value @> named
		ELSE value = named END
$$;

-- Whether the object with the state before is what another one says was before it.
CREATE OR REPLACE FUNCTION billing.follows(previous jsonb, before jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(bool_and(billing.is_value(before -> p.key, p.value)), false)
		FROM jsonb_each(previous) p
$$;

-- How a state stands among the changes of its second. Every change takes a field from one
-- value to another: the last value of a field is reached once more than it is left. When
-- it is left as often, the changes go round in a circle, and what runs and is not about to
-- end is taken for where they began and ended.
CREATE OR REPLACE FUNCTION billing.standing(state_ jsonb, changes billing.stripe_facts[],
	OUT score integer, OUT circles integer)
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(sum(t.reached - t.times_left), 0)::integer,
	       (count(*) FILTER (WHERE t.reached > 0 AND t.reached = t.times_left
			AND coalesce(state_ ->> t.field IN ('active', 'trialing', 'false'), true)))::integer
	FROM (SELECT p.key AS field,
			count(*) FILTER (WHERE e.state -> p.key = state_ -> p.key) AS reached,
			count(*) FILTER (WHERE billing.is_value(state_ -> p.key, p.value)) AS times_left
		FROM unnest(changes) c
		CROSS JOIN LATERAL (SELECT billing.state(c) AS state) e
		CROSS JOIN LATERAL jsonb_each(c.previous) p
		WHERE NOT billing.is_value(e.state -> p.key, p.value)
		GROUP BY p.key) t
$$;

-- The last of the events of one second, in the order in which they came: the higher rank,
-- then what previous_attributes say, then the later stage of life; when all ties, arrival
-- decides. Two events may tell of one change, so each change counts once at first.
CREATE OR REPLACE FUNCTION billing.newest_event(events billing.stripe_facts[])
RETURNS billing.stripe_facts
LANGUAGE sql IMMUTABLE AS $$
	SELECT events[n] FROM generate_subscripts(events, 1) n
		CROSS JOIN LATERAL billing.standing(billing.state(events[n]),
			ARRAY(SELECT DISTINCT ON (billing.state(e), e.previous) e FROM unnest(events) e)) once
		CROSS JOIN LATERAL billing.standing(billing.state(events[n]), events) every
		ORDER BY (events[n]).rank DESC, once.score DESC, every.score DESC,
			billing.life_stage((events[n]).status) DESC, once.circles DESC, n DESC
		LIMIT 1
$$;

-- The newest of the objects of one second, in the order in which they came. The end is the
-- end. What was fetched last stands above the events, unless one of them says that it comes
-- after what was fetched.
CREATE OR REPLACE FUNCTION billing.newest(seen billing.stripe_facts[])
RETURNS billing.stripe_facts
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	ends    billing.stripe_facts[] := ARRAY(SELECT f FROM unnest(seen) f
		WHERE billing.is_terminal(f.status));
	events  billing.stripe_facts[] := ARRAY(SELECT f FROM unnest(seen) f WHERE f.rank <> 1);
	fetched billing.stripe_facts;
BEGIN
	IF cardinality(ends) > 0 THEN
		RETURN billing.newest_event(ends);
	END IF;
	fetched := (SELECT f FROM unnest(seen) f WHERE f.rank = 1
		ORDER BY f.fetched_at DESC NULLS LAST LIMIT 1);
	IF fetched.status IS NULL OR EXISTS (SELECT FROM unnest(events) e
			WHERE billing.follows(e.previous, billing.state(fetched))) THEN
		RETURN billing.newest_event(events);
	END IF;
	RETURN fetched;
END $$;
