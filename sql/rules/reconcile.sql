-- Comparing the subscriptions here with those at Stripe.

-- The prices of items and how many of each, for people.
CREATE OR REPLACE FUNCTION billing.items_text(items jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(concat_ws(' x ', i ->> 'price', i ->> 'quantity'), ', '
			ORDER BY i ->> 'price', i ->> 'quantity')
		FROM jsonb_array_elements(items) i
$$;

-- Where the rows here differ from what Stripe answered at a moment. answer is what
-- the programs read in Stripe's objects: an array of billing.stripe_facts. The status
-- is compared after our own rules: what Stripe says as if it were the newest event.
-- by_payment says that it differs only because an invoice's event has changed it since
-- the object said the same. A row that reflects something newer does not differ.
CREATE OR REPLACE FUNCTION billing.drift_between(answer jsonb, at timestamptz)
RETURNS TABLE (subscription text, field text, here text, at_stripe text, by_payment boolean)
LANGUAGE sql STABLE AS $$
	SELECT f.subscription, d.field, d.here, d.at_stripe,
	       d.field = 'status' AND s.snapshot_status IS NOT DISTINCT FROM f.status
	FROM jsonb_populate_recordset(NULL::billing.stripe_facts, answer) told
	CROSS JOIN LATERAL billing.facts_named(told) f
	LEFT JOIN billing.subscriptions s ON s.stripe_subscription_id = f.subscription
	CROSS JOIN LATERAL billing.settle_offer(billing.take_snapshot(s, f, at)) o
	LEFT JOIN LATERAL (SELECT external_id FROM billing.accounts
		WHERE s.account_id IS NULL
		  AND (stripe_customer_id = f.customer OR external_id = f.account_ref)
		ORDER BY stripe_customer_id IS NOT DISTINCT FROM f.customer DESC LIMIT 1) a ON true
	CROSS JOIN LATERAL (SELECT greatest(jsonb_array_length(s.items),
		jsonb_array_length(f.items)) > 1 AS items) several
	CROSS JOIN LATERAL (VALUES
		('subscription', CASE WHEN s.id IS NOT NULL THEN f.status END, f.status),
		('status', s.status, billing.subscription_status(f.status, at,
			CASE WHEN s.payment_failed_at >= at THEN s.payment_failed_at END,
			CASE WHEN s.payment_paid_at >= at THEN s.payment_paid_at END,
			s.checkout_paid_at, billing.is_withheld(s))),
		('customer', s.stripe_customer_id, coalesce(f.customer, s.stripe_customer_id)),
		('account', NULL, a.external_id),
		('plan', s.plan, o.plan),
		('period', s.period, o.period),
		('price_id', s.price_id, o.price_id),
		('seat_limit', s.seat_limit::text, o.seat_limit::text),
		('items', CASE WHEN several.items THEN billing.items_text(s.items) END,
			CASE WHEN several.items THEN billing.items_text(f.items) END),
		('pause_collection', s.pause_collection ->> 'behavior',
			f.pause_collection ->> 'behavior'),
		('schedule', s.schedule, f.schedule),
		('current_period_start', billing.utc(s.current_period_start),
			billing.utc(f.current_period_start)),
		('current_period_end', billing.utc(s.current_period_end),
			billing.utc(f.current_period_end)),
		('trial_end', billing.utc(s.trial_end), billing.utc(f.trial_end)),
		('cancel_at_period_end', s.cancel_at_period_end::text,
			f.cancel_at_period_end::text),
		('cancel_at', billing.utc(s.cancel_at), billing.utc(f.cancel_at))
	) d (field, here, at_stripe)
	WHERE d.here IS DISTINCT FROM d.at_stripe
	  AND (s.id IS NULL) = (d.field = 'subscription')
	  AND (s.last_event_at, s.last_event_rank) > (at, 1::smallint) IS NOT true
$$;

-- Begins a run, or goes on with one that was interrupted. No row: another one is
-- under way; the lock goes with the connection.
CREATE OR REPLACE FUNCTION billing.reconcile_begin(fix_ boolean, restart boolean)
RETURNS TABLE (run bigint, after text, checked integer, total bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT pg_try_advisory_lock(hashtextextended('billing.reconcile', 0)) THEN
		RETURN;
	END IF;
	DELETE FROM billing.reconciliations r
		WHERE r.finished_at IS NULL AND (restart OR r.fix <> fix_)
		   OR r.started_at < now() - interval '1 year';
	IF NOT EXISTS (SELECT FROM billing.reconciliations r WHERE r.finished_at IS NULL) THEN
		INSERT INTO billing.reconciliations (fix) VALUES (fix_);
	END IF;
	RETURN QUERY SELECT r.id, r.done_until, r.checked,
			(SELECT count(*) FROM billing.subscriptions)
		FROM billing.reconciliations r WHERE r.finished_at IS NULL;
END $$;

GRANT EXECUTE ON FUNCTION billing.reconcile_begin(boolean, boolean) TO paydesk_stripe_webhook;

-- What was noted before and does not differ any more is fixed.
CREATE OR REPLACE FUNCTION billing.reconcile_settle(run bigint, answer jsonb, at timestamptz)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.drift d SET fixed = NOT EXISTS (
			SELECT FROM billing.drift_between(answer, at) still
			WHERE (still.subscription, still.field) = (d.subscription, d.field))
		FROM jsonb_array_elements(answer) f
		WHERE d.reconciliation = run AND d.subscription = f ->> 'subscription'
$$;

GRANT EXECUTE ON FUNCTION billing.reconcile_settle(bigint, jsonb, timestamptz)
	TO paydesk_stripe_webhook;

-- Compares what Stripe answered at a moment, notes what was seen and what differs.
-- Returns the subscriptions that differ.
CREATE OR REPLACE FUNCTION billing.reconcile_compare(run bigint, answer jsonb, at timestamptz)
RETURNS TABLE (subscription text, status text, by_payment boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM billing.reconcile_settle(run, answer, at);
	INSERT INTO billing.reconcile_seen (reconciliation, subscription)
		SELECT run, s.stripe_subscription_id
			FROM jsonb_array_elements(answer) f JOIN billing.subscriptions s
				ON s.stripe_subscription_id = f ->> 'subscription'
			WHERE NOT billing.is_terminal(s.status)
		ON CONFLICT DO NOTHING;
	RETURN QUERY
		WITH different AS (SELECT * FROM billing.drift_between(answer, at)), noted AS (
			INSERT INTO billing.drift (reconciliation, subscription, field, here, at_stripe)
				SELECT run, d.subscription, d.field, d.here, d.at_stripe FROM different d
				ON CONFLICT (reconciliation, subscription, field) DO UPDATE
					SET here = excluded.here, at_stripe = excluded.at_stripe)
		SELECT d.subscription, s.status, bool_or(d.by_payment)
			FROM different d LEFT JOIN billing.subscriptions s
				ON s.stripe_subscription_id = d.subscription
			GROUP BY d.subscription, s.status;
END $$;

GRANT EXECUTE ON FUNCTION billing.reconcile_compare(bigint, jsonb, timestamptz)
	TO paydesk_stripe_webhook;

-- Takes a status back that differs with good reason. Returns whether something
-- else of the subscription differs.
CREATE OR REPLACE FUNCTION billing.reconcile_excuse(run bigint, subscription_ text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM billing.drift d
		WHERE d.reconciliation = run AND d.subscription = subscription_ AND d.field = 'status';
	RETURN EXISTS (SELECT FROM billing.drift d
		WHERE d.reconciliation = run AND d.subscription = subscription_);
END $$;

GRANT EXECUTE ON FUNCTION billing.reconcile_excuse(bigint, text) TO paydesk_stripe_webhook;

-- A page is done; the next one begins after that subscription.
CREATE OR REPLACE FUNCTION billing.reconcile_page_done(run bigint, answer jsonb, last text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.reconciliations
		SET done_until = last, checked = checked + jsonb_array_length(answer),
		    known = known + (SELECT count(*) FROM jsonb_array_elements(answer) f
			JOIN billing.subscriptions s ON s.stripe_subscription_id = f ->> 'subscription')
		WHERE id = run
$$;

GRANT EXECUTE ON FUNCTION billing.reconcile_page_done(bigint, jsonb, text)
	TO paydesk_stripe_webhook;

-- A subscription's items in the form of Stripe's.
CREATE OR REPLACE FUNCTION billing.items_at_stripe(s billing.subscriptions) RETURNS jsonb
LANGUAGE sql STABLE AS $$
	SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'price', jsonb_build_object('id', i.item ->> 'price', 'product', i.item ->> 'product',
				'recurring', jsonb_build_object('interval', i.item ->> 'interval',
					'interval_count', i.item -> 'interval_count')),
			'quantity', i.item -> 'quantity',
			'current_period_start', extract(epoch FROM (i.item ->> 'start')::timestamptz)::bigint,
			'current_period_end', extract(epoch FROM (i.item ->> 'end')::timestamptz)::bigint))
			ORDER BY i.place), '[]')
		FROM jsonb_array_elements(s.items) WITH ORDINALITY i (item, place)
$$;

-- What is alive here and was not on Stripe's list, a hundred after an id; and
-- whether Stripe knows any subscription of these books at all.
CREATE OR REPLACE FUNCTION billing.reconcile_unseen(run bigint, after text)
RETURNS TABLE (subscription text, status text, known boolean, object jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.stripe_subscription_id, s.status, r.known > 0, jsonb_build_object(
		'id', s.stripe_subscription_id, 'object', 'subscription', 'status', 'canceled',
		'customer', s.stripe_customer_id, 'cancel_at_period_end', s.cancel_at_period_end,
		'trial_end', extract(epoch FROM s.trial_end)::bigint,
		'metadata', jsonb_strip_nulls(jsonb_build_object('plan', s.said_plan,
			'period', s.said_period)),
		'items', jsonb_build_object('data', billing.items_at_stripe(s)))
	FROM billing.reconciliations r, billing.subscriptions s
	WHERE r.id = run AND s.created_at < r.started_at AND s.stripe_subscription_id > after
	  AND NOT billing.is_terminal(s.status)
	  AND NOT EXISTS (SELECT FROM billing.reconcile_seen x
		WHERE (x.reconciliation, x.subscription) = (run, s.stripe_subscription_id))
	ORDER BY s.stripe_subscription_id LIMIT 100
$$;

GRANT EXECUTE ON FUNCTION billing.reconcile_unseen(bigint, text) TO paydesk_stripe_webhook;

-- Notes a subscription that is alive here and that Stripe does not know.
CREATE OR REPLACE FUNCTION billing.reconcile_gone(run bigint, subscription_ text, status_ text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO billing.drift (reconciliation, subscription, field, here)
		VALUES (run, subscription_, 'subscription', status_) ON CONFLICT DO NOTHING
$$;

GRANT EXECUTE ON FUNCTION billing.reconcile_gone(bigint, text, text) TO paydesk_stripe_webhook;

-- Ends a run, and forgets what the ones before it found.
CREATE OR REPLACE FUNCTION billing.reconcile_finish(run bigint)
RETURNS TABLE (checked integer, drift integer, fixed integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM billing.reconcile_seen x WHERE x.reconciliation = run;
	DELETE FROM billing.drift d WHERE d.reconciliation < run;
	UPDATE billing.drift d SET fixed = true FROM billing.subscriptions s
		WHERE d.reconciliation = run AND d.field = 'subscription' AND d.at_stripe IS NULL
		  AND s.stripe_subscription_id = d.subscription AND billing.is_terminal(s.status);
	RETURN QUERY UPDATE billing.reconciliations r
		SET finished_at = now(), done_until = NULL, drift = summed.drift, fixed = summed.fixed
		FROM (SELECT count(*)::integer AS drift,
				(count(*) FILTER (WHERE whole.fixed))::integer AS fixed
			FROM (SELECT bool_and(d.fixed) AS fixed FROM billing.drift d
				WHERE d.reconciliation = run GROUP BY d.subscription) whole) summed
		WHERE r.id = run
		RETURNING r.checked, r.drift, r.fixed;
END $$;

GRANT EXECUTE ON FUNCTION billing.reconcile_finish(bigint) TO paydesk_stripe_webhook;

CREATE OR REPLACE FUNCTION billing.reconcile_drift(run bigint)
RETURNS TABLE (subscription text, field text, here text, at_stripe text, fixed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT subscription, field, here, at_stripe, fixed FROM billing.drift
		WHERE reconciliation = run ORDER BY fixed, subscription, field
$$;

GRANT EXECUTE ON FUNCTION billing.reconcile_drift(bigint) TO paydesk_stripe_webhook;
