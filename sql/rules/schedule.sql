-- What a subscription is to become by itself: the next phase of its schedule.

-- Keeps what an event says of a schedule. One of a subscription that nobody knows is ignored,
-- and kept: its subscription may come later.
CREATE OR REPLACE FUNCTION billing.schedule_apply(f billing.stripe_facts, created timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
BEGIN
	IF f.subscription IS NULL THEN
		RETURN 'ignored';
	END IF;
	INSERT INTO billing.schedules AS c (schedule_id, stripe_subscription_id, status, next_at,
			next_items, event_at, event_rank)
		VALUES (f.schedule, f.subscription, f.schedule_status, f.next_at, f.next_items,
			created, f.rank)
		ON CONFLICT (schedule_id) DO UPDATE SET
			stripe_subscription_id = excluded.stripe_subscription_id,
			status = excluded.status, next_at = excluded.next_at,
			next_items = excluded.next_items, event_at = excluded.event_at,
			event_rank = excluded.event_rank
			WHERE (excluded.event_at, excluded.event_rank) >= (c.event_at, c.event_rank);
	SELECT * INTO s FROM billing.subscriptions n WHERE n.stripe_subscription_id = f.subscription;
	RETURN CASE WHEN s.id IS NULL OR NOT s.sold THEN 'ignored'
	            WHEN s.account_id IS NULL THEN 'unmatched' ELSE 'applied' END;
END $$;

-- The change that a subscription is to make next, as GET /account says it; NULL: none. A
-- subscription whose newer object names no schedule has been released from it. At a price that
-- nobody knows it will keep its plan.
CREATE OR REPLACE FUNCTION billing.scheduled(subscription bigint) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_build_object('plan', o.plan, 'period', o.period, 'at', billing.utc(c.next_at))
	FROM billing.subscriptions s
	JOIN billing.schedules c USING (stripe_subscription_id)
	CROSS JOIN LATERAL billing.known_offer(c.next_items) o
	WHERE s.id = subscription AND NOT billing.is_terminal(s.status)
	  AND c.status IN ('active', 'not_started') AND c.next_at > now()
	  AND (s.schedule = c.schedule_id OR s.last_event_at < c.event_at)
	  AND o.plan IS NOT NULL AND (o.plan, o.period) IS DISTINCT FROM (s.plan, s.period)
	ORDER BY c.event_at DESC LIMIT 1
$$;
