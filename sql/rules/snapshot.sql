-- What a subscription object of Stripe's says of all at once: a snapshot. The newest stands.

-- The row with the snapshot f, which Stripe's clock dates at.
CREATE OR REPLACE FUNCTION billing.take_snapshot(s billing.subscriptions,
	f billing.stripe_facts, at timestamptz)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	s.snapshot_status := f.status;
	s.previous := f.previous;
	s.last_event_at := at;
	s.last_event_rank := f.rank;
	s.items := coalesce(f.items, '[]');
	s.said_plan := nullif(coalesce(f.own_metadata, f.metadata) ->> 'plan', '');
	s.said_period := nullif(coalesce(f.own_metadata, f.metadata) ->> 'period', '');
	s.current_period_start := f.current_period_start;
	s.current_period_end := f.current_period_end;
	s.trial_end := f.trial_end;
	s.cancel_at_period_end := f.cancel_at_period_end;
	s.cancel_at := f.cancel_at;
	s.pause_collection := nullif(f.pause_collection, 'null');
	s.latest_invoice := f.latest_invoice;
	s.schedule := f.schedule;
	RETURN s;
END $$;

-- The snapshot that a row holds: what billing.take_snapshot() put there.
CREATE OR REPLACE FUNCTION billing.snapshot_of(s billing.subscriptions)
RETURNS billing.stripe_facts
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	f billing.stripe_facts;
BEGIN
	f.status := s.snapshot_status;
	f.previous := s.previous;
	f.rank := s.last_event_rank;
	f.fetched_at := CASE WHEN s.last_event_rank = 1 THEN s.last_event_at END;
	f.items := s.items;
	f.metadata := jsonb_build_object('plan', s.said_plan, 'period', s.said_period);
	f.current_period_start := s.current_period_start;
	f.current_period_end := s.current_period_end;
	f.trial_end := s.trial_end;
	f.cancel_at_period_end := s.cancel_at_period_end;
	f.cancel_at := s.cancel_at;
	f.pause_collection := s.pause_collection;
	f.latest_invoice := s.latest_invoice;
	f.schedule := s.schedule;
	RETURN f;
END $$;

-- The row after a snapshot of a second of which it has one already: the newest of all that
-- were seen of that second stands.
CREATE OR REPLACE FUNCTION billing.merge_rival(s billing.subscriptions,
	f billing.stripe_facts, at timestamptz)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
DECLARE
	seen   billing.stripe_facts[];
	known  billing.stripe_facts[];
	newest billing.stripe_facts;
BEGIN
	seen := coalesce(ARRAY(SELECT jsonb_populate_record(NULL::billing.stripe_facts, r)
		FROM jsonb_array_elements(s.rivals) WITH ORDINALITY e (r, n) ORDER BY n), '{}');
	IF cardinality(seen) = 0 THEN
		seen := ARRAY[billing.snapshot_of(s)];
	END IF;
	seen := seen || billing.snapshot_of(billing.take_snapshot(s, f, at));
	newest := billing.newest(seen);
	s := billing.take_snapshot(s, newest,
		coalesce(newest.fetched_at, date_trunc('second', at)));
	s.rivals := (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(r) - 'previous')
			|| jsonb_build_object('previous', r.previous)) FROM unnest(seen) r);
	known := ARRAY(SELECT k FROM unnest(seen) k WHERE (billing.known_offer(k.items)).plan IS NOT NULL);
	IF cardinality(known) > 0 THEN
		newest := billing.newest(known);
		s := billing.merge_known(s, newest.items, at, newest.rank);
	END IF;
	RETURN s;
END $$;

-- The row after a snapshot, whether or not that is news to it. stale: it is older than what
-- the row reflects.
CREATE OR REPLACE FUNCTION billing.merge_snapshot(INOUT s billing.subscriptions,
	f billing.stripe_facts, at timestamptz, OUT stale boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	ends boolean := billing.is_terminal(f.status);
BEGIN
	stale := false;
	f.items := coalesce(f.items, '[]');
	IF f.status = 'past_due' AND f.previous ->> 'status' <> 'past_due' THEN
		s.past_due_entry := greatest(s.past_due_entry, at);
	END IF;
	IF s.last_event_at IS NULL OR (ends AND NOT billing.is_terminal(s.snapshot_status)) THEN
		s := billing.take_snapshot(s, f, at);
	ELSIF NOT ends AND billing.is_terminal(s.snapshot_status) THEN
		stale := true;
	ELSIF date_trunc('second', at) = date_trunc('second', s.last_event_at) THEN
		s := billing.merge_rival(s, f, at);
		stale := billing.state(billing.snapshot_of(s)) <> billing.state(f);
		RETURN;
	ELSIF at > s.last_event_at THEN
		s := billing.take_snapshot(s, f, at);
		s.rivals := NULL;
	ELSE
		stale := true;
	END IF;
	s := billing.merge_known(s, f.items, at, f.rank);
END $$;
