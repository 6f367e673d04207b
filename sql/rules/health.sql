-- What health says about the books.

-- When Stripe's last event came; NULL when that is more than six weeks ago. Looks
-- at the last minutes first, so that it reads little wherever there is traffic.
CREATE OR REPLACE FUNCTION billing.stripe_last_received() RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
	back  interval := interval '15 minutes';
	found timestamptz;
BEGIN
	WHILE found IS NULL AND back < interval '60 days' LOOP
		SELECT max(received_at) INTO found FROM billing.stripe_events
			WHERE received_at > now() - back;
		back := back * 4;
	END LOOP;
	RETURN found;
END $$;

CREATE OR REPLACE FUNCTION billing.age(at timestamptz) RETURNS double precision
LANGUAGE sql STABLE AS $$
	SELECT greatest(extract(epoch FROM now() - at), 0)::double precision
$$;

-- What the metrics are made from: a fact, what it is about where there are
-- several, and a number. A fact that is not known has no row.
CREATE OR REPLACE FUNCTION billing.health_facts()
RETURNS TABLE (fact text, about text, value double precision)
LANGUAGE sql STABLE AS $$
	SELECT 'failures_waiting', 'stripe', count(*)::double precision
		FROM billing.stripe_events WHERE processed_at IS NULL
	UNION ALL
	SELECT 'failures_waiting', 'gumroad', count(*)
		FROM billing.gumroad_events WHERE NOT processed
	UNION ALL
	SELECT 'failures', NULL, CASE WHEN is_called THEN last_value ELSE 0 END
		FROM billing.webhook_failures_failure_id_seq
	UNION ALL
	SELECT 'last_event', 'stripe', billing.age(at)
		FROM billing.stripe_last_received() at WHERE at IS NOT NULL
	UNION ALL
	(SELECT 'last_event', 'gumroad', billing.age(received_at)
		FROM billing.gumroad_events ORDER BY id DESC LIMIT 1)
	UNION ALL
	SELECT 'mails', 'queued', count(*) FROM billing.emails WHERE status = 'queued'
	UNION ALL
	SELECT 'mails', 'failed', count(*) FROM billing.emails WHERE status = 'failed'
	UNION ALL
	SELECT 'mail_oldest', NULL, coalesce(billing.age(min(created_at)), 0)
		FROM billing.emails WHERE status = 'queued'
	UNION ALL
	SELECT 'unmatched', NULL, count(*) FROM billing.subscriptions
		WHERE account_id IS NULL AND sold AND NOT billing.is_terminal(status)
	UNION ALL
	SELECT 'subscriptions', CASE WHEN status IN ('active', 'trialing', 'past_due', 'unpaid',
			'paused', 'incomplete') THEN status ELSE 'other' END, count(*)
		FROM billing.subscriptions WHERE NOT billing.is_terminal(status) GROUP BY 2
	UNION ALL
	SELECT 'licenses', status, count(*) FROM billing.licenses
		WHERE NOT test GROUP BY status
	UNION ALL
	SELECT * FROM billing.doubt_facts()
$$;
