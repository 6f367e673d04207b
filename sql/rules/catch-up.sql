-- How far the books have caught up with Stripe's list of events.

CREATE OR REPLACE FUNCTION billing.catch_up_seen_until() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT seen_until FROM billing.catch_up
$$;

GRANT EXECUTE ON FUNCTION billing.catch_up_seen_until() TO paydesk_stripe_webhook;

-- Notes a complete pass over the events from since to until. A NULL since is
-- all that Stripe still has, a NULL until that there was none. What leaves a gap
-- after the noted moment does not move it. Subscriptions that missed their account
-- get it now.
CREATE OR REPLACE FUNCTION billing.catch_up_done(since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF since IS NULL THEN
		INSERT INTO billing.catch_up (seen_until, finished_at) VALUES (until, now())
			ON CONFLICT (one_row) DO NOTHING;
	END IF;
	UPDATE billing.catch_up
		SET seen_until = greatest(seen_until, until), finished_at = now()
		WHERE since IS NULL OR since <= seen_until;
	PERFORM billing.orphans_adopt();
END $$;

GRANT EXECUTE ON FUNCTION billing.catch_up_done(timestamptz, timestamptz) TO paydesk_stripe_webhook;
