-- How one Stripe event changes the books. The program reads the event and
-- passes what it says as plain facts; billing.stripe_apply() does the rest in
-- the one transaction that also writes the ledger row.
--
-- The state of a subscription is a function of the facts seen so far and not of
-- the order in which they came:
--   snapshot   the newest subscription object, newest by (created, rank)
--   payments   the newest failed and the newest paid invoice since then
--   checkout   whether its session was unpaid at first, and when it was paid

CREATE OR REPLACE FUNCTION billing.customer_is_deleted(customer text) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM billing.stripe_events
		WHERE type = 'customer.deleted' AND stripe_customer_id = customer
		  AND processed_at IS NOT NULL AND outcome <> 'ignored')
$$;

-- Ends all subscriptions of a customer that was deleted at Stripe, and frees the
-- account for another one. Returns how many rows that touched.
CREATE OR REPLACE FUNCTION billing.customer_delete(customer text, created timestamptz,
	rank smallint)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	account bigint;
	touched integer;
	freed   integer;
BEGIN
	UPDATE billing.subscriptions
		SET snapshot_status = 'canceled', status = 'canceled', computed_status = 'canceled',
		    updated_at = now(),
		    last_event_at = created, last_event_rank = rank
		WHERE stripe_customer_id = customer AND NOT billing.is_terminal(status);
	GET DIAGNOSTICS touched = ROW_COUNT;
	UPDATE billing.accounts SET stripe_customer_id = NULL, updated_at = now()
		WHERE stripe_customer_id = customer;
	GET DIAGNOSTICS freed = ROW_COUNT;
	FOR account IN SELECT DISTINCT account_id FROM billing.subscriptions
		WHERE stripe_customer_id = customer AND account_id IS NOT NULL ORDER BY 1
	LOOP
		PERFORM billing.account_refresh(account, true, false);
	END LOOP;
	RETURN touched + freed;
END $$;

-- Applies one event and writes its ledger row. Returns the outcome: 'applied',
-- 'duplicate', 'ignored', 'stale' or 'unmatched'. An exception leaves nothing
-- behind; the program then records it with billing.stripe_failed().
--   action    'apply'; 'record' (known, changes nothing); 'ignore'
--   fact      what the event says besides a snapshot: 'payment_failed',
--             'payment_paid', 'checkout_paid', 'checkout_unpaid',
--             'customer_deleted', or NULL
--   account_ref_, second_ref  what may be the account's external id
--   status_ … cancel_at_   the snapshot of the subscription; none when status_ is NULL
-- Events of one customer are taken one at a time, and none while the customer is
-- being erased: nothing of what is said of them afterwards is kept that names them.
CREATE OR REPLACE FUNCTION billing.stripe_apply(
	event text, type_ text, api_version_ text, livemode_ boolean, created timestamptz,
	payload_ text, truncated boolean,
	action text, fact text,
	customer text, subscription text, account_ref_ text, second_ref text, email_ text,
	status_ text, previous text, rank smallint,
	plan_ text, period_ text, price text, seats integer,
	period_start timestamptz, period_end timestamptz, trial_end_ timestamptz,
	cancel_ boolean, cancel_at_ timestamptz)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	expected text := CASE action WHEN 'ignore' THEN 'ignored' ELSE 'applied' END;
	outcome_ text := expected;
	done     boolean;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(coalesce(customer, subscription, event), 0));
	INSERT INTO billing.stripe_events (event_id, type, api_version, livemode, created_at,
			processed_at, outcome, stripe_customer_id, stripe_subscription_id,
			payload, payload_truncated)
		VALUES (event, type_, api_version_, livemode_, created,
			now(), expected, customer, subscription,
			CASE WHEN NOT EXISTS (SELECT FROM billing.erased_customers
				WHERE stripe_customer_id = customer) THEN payload_ END, truncated)
		ON CONFLICT (event_id) DO NOTHING;
	IF NOT FOUND THEN
		UPDATE billing.stripe_events SET deliveries = deliveries + 1 WHERE event_id = event
			RETURNING processed_at IS NOT NULL INTO done;
		IF done THEN
			RETURN 'duplicate';
		END IF;
	END IF;

	IF action = 'apply' THEN
		IF fact = 'customer_deleted' THEN
			IF billing.customer_delete(customer, created, rank) = 0 THEN
				outcome_ := 'unmatched';
			END IF;
		ELSIF subscription IS NULL THEN
			IF billing.account_resolve(customer, account_ref_, second_ref, email_) IS NULL THEN
				outcome_ := 'unmatched';
			END IF;
		ELSE
			outcome_ := billing.subscription_apply(created, fact, customer, subscription,
				account_ref_, second_ref, email_, status_, previous, rank, plan_, period_, price, seats,
				period_start, period_end, trial_end_, cancel_,
				cancel_at_);
		END IF;
	END IF;

	IF outcome_ <> expected OR NOT done THEN
		UPDATE billing.stripe_events
			SET processed_at = now(), outcome = outcome_, error = NULL,
			    stripe_customer_id = customer, stripe_subscription_id = subscription
			WHERE event_id = event;
	END IF;
	RETURN outcome_;
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_apply(text, text, text, boolean, timestamptz, text,
	boolean, text, text, text, text, text, text, text, text, text, smallint, text, text,
	text, integer, timestamptz, timestamptz, timestamptz, boolean, timestamptz)
	TO paydesk_stripe_webhook, paydesk_ops;

-- Records that an event could not be applied: a failure for people to read, and
-- a ledger row without processed_at, so that a resend or a replay tries again.
-- One that has taken effect before stays a duplicate. Returns the outcome.
CREATE OR REPLACE FUNCTION billing.stripe_failed(
	event text, type_ text, api_version_ text, livemode_ boolean, created timestamptz,
	payload_ text, truncated boolean, customer text, subscription text,
	error_ text, sqlstate_ text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	done boolean;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(coalesce(customer, subscription, event), 0));
	INSERT INTO billing.stripe_events AS e (event_id, type, api_version, livemode, created_at,
			outcome, error, stripe_customer_id, stripe_subscription_id,
			payload, payload_truncated)
		VALUES (event, type_, api_version_, livemode_, created,
			'handler_error', error_, customer, subscription,
			CASE WHEN NOT EXISTS (SELECT FROM billing.erased_customers
				WHERE stripe_customer_id = customer) THEN payload_ END, truncated)
		ON CONFLICT (event_id) DO UPDATE SET deliveries = e.deliveries + 1,
			error = CASE WHEN e.processed_at IS NULL THEN excluded.error END
		RETURNING e.processed_at IS NOT NULL INTO done;
	IF done THEN
		RETURN 'duplicate';
	END IF;
	INSERT INTO billing.webhook_failures (source, id, type, error, sqlstate)
		VALUES ('stripe', event, type_, error_, sqlstate_);
	RETURN 'handler_error';
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_failed(text, text, text, boolean, timestamptz, text,
	boolean, text, text, text, text)
	TO paydesk_stripe_webhook, paydesk_ops;
