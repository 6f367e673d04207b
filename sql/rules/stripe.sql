-- How one Stripe event changes the books. The program reads the event and
-- passes what it says as plain facts; billing.stripe_apply() does the rest in
-- the one transaction that also writes the ledger row.

CREATE OR REPLACE FUNCTION billing.customer_is_deleted(customer text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM billing.stripe_events
		WHERE type = 'customer.deleted' AND stripe_customer_id = customer
		  AND processed_at IS NOT NULL AND outcome <> 'ignored');
END $$;

-- Ends all subscriptions of a customer that was deleted at Stripe, and frees the
-- account for another one. Returns how many rows that touched.
CREATE OR REPLACE FUNCTION billing.customer_delete(customer_ text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	account bigint;
	touched integer;
	freed   integer;
BEGIN
	UPDATE billing.subscriptions s
		SET customer_deleted = true, past_due_since = NULL, updated_at = now(),
		    status = CASE WHEN billing.is_terminal(s.status) THEN s.status ELSE 'canceled' END
		WHERE s.stripe_customer_id = customer_ AND NOT s.customer_deleted;
	GET DIAGNOSTICS touched = ROW_COUNT;
	WITH freed AS (
		UPDATE billing.accounts
			SET stripe_customer_id = NULL, customer_gone_at = NULL, updated_at = now()
			WHERE stripe_customer_id = customer_ RETURNING id)
	INSERT INTO billing.bindings (account_id, customer, proof)
		SELECT id, customer_, 'deleted' FROM freed;
	GET DIAGNOSTICS freed = ROW_COUNT;
	FOR account IN SELECT DISTINCT account_id FROM billing.subscriptions
		WHERE stripe_customer_id = customer_ AND account_id IS NOT NULL ORDER BY 1
	LOOP
		PERFORM billing.account_refresh(account, true, false);
	END LOOP;
	RETURN touched + freed;
END $$;

-- Keeps the address that a customer object says with what the customer has paid for and
-- nobody has yet. It says nothing of whose that is now.
CREATE OR REPLACE FUNCTION billing.customer_address(customer text, address text,
	created timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
	n billing.subscriptions;
BEGIN
	FOR s IN SELECT * FROM billing.subscriptions t
		WHERE t.stripe_customer_id = customer AND t.account_id IS NULL ORDER BY t.id
		FOR NO KEY UPDATE
	LOOP
		n := billing.merge_email(s, address, true, created);
		IF n IS DISTINCT FROM s THEN
			PERFORM billing.subscription_store(n);
		END IF;
	END LOOP;
END $$;

-- The facts with the account that our own metadata name. The reference that whoever opened
-- the session gave counts when they name nobody.
CREATE OR REPLACE FUNCTION billing.facts_named(f billing.stripe_facts)
RETURNS billing.stripe_facts
LANGUAGE plpgsql STABLE AS $$
DECLARE
	named text;
BEGIN
	IF f.metadata IS NOT NULL THEN
		SELECT coalesce(nullif(f.metadata ->> p.metadata_key, ''),
			nullif(f.own_metadata ->> p.metadata_key, '')) INTO named FROM billing.policy p;
	END IF;
	IF f.reference IS NOT NULL AND NOT EXISTS (SELECT FROM billing.accounts a
			WHERE a.external_id = named) THEN
		named := NULL;
	END IF;
	f.account_ref := named;
	f.payment_link := coalesce(f.payment_link, false) OR (f.reference IS NOT NULL
		AND (SELECT p.client_reference = 'claim' FROM billing.policy p)
		AND NOT EXISTS (SELECT FROM billing.checkout_sessions c
			WHERE c.stripe_session_id = f.session));
	RETURN f;
END $$;

-- Does what an event says. Returns the outcome.
CREATE OR REPLACE FUNCTION billing.stripe_effect(f billing.stripe_facts, created timestamptz,
	erased boolean)
RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM billing.customer_lives(f.customer, created);
	IF f.fact = 'customer_deleted' THEN
		RETURN CASE WHEN billing.customer_delete(f.customer) = 0
			THEN 'unmatched' ELSE 'applied' END;
	ELSIF f.mode = 'payment' THEN
		RETURN billing.purchase_apply(f, created);
	ELSIF f.fact IN ('charge_refunded', 'refund', 'refund_undone', 'dispute', 'fraud_warning',
			'invoice_payment') THEN
		IF f.subscription IS NOT NULL THEN
			PERFORM billing.invoice_note(f, created);
		END IF;
		RETURN billing.claim_apply(f, created);
	ELSIF f.fact = 'schedule' THEN
		RETURN billing.schedule_apply(f, created);
	ELSIF f.subscription IS NOT NULL THEN
		f.status := billing.told_status(f.status, f.rank);
		RETURN billing.subscription_apply(f, created, erased);
	END IF;
	IF f.fact = 'customer_seen' THEN
		IF NOT erased THEN
			PERFORM billing.customer_address(f.customer, f.email, created);
		END IF;
		RETURN CASE WHEN EXISTS (SELECT FROM billing.accounts a
				WHERE a.stripe_customer_id = f.customer)
			THEN 'applied' ELSE 'unmatched' END;
	END IF;
	RETURN CASE WHEN billing.account_resolve(f.customer, coalesce(f.account_ref, f.reference),
			f.account_ref IS NULL AND coalesce(f.payment_link, false), f.email) IS NULL
		THEN 'unmatched' ELSE 'applied' END;
END $$;

-- Applies one event and writes its ledger row. Returns the outcome: 'applied',
-- 'duplicate', 'ignored', 'stale' or 'unmatched'. An exception leaves nothing
-- behind; the program then records it with billing.stripe_failed().
--   action  'apply'; 'record' (known, changes nothing); 'ignore'
--   facts   billing.stripe_facts as an object. fact is what the event says besides a
--           snapshot of a subscription, or nothing; there is no snapshot without a status:
--             a session         'checkout_paid', 'checkout_unpaid'
--             an invoice        'payment_failed', 'payment_paid', 'invoice_closed',
--                               'invoice_overdue', 'action_required'
--             a payment         'invoice_payment', 'charge_refunded', 'refund',
--                               'refund_undone', 'dispute', 'fraud_warning'
--             a schedule        'schedule'
--             a customer        'customer_deleted', 'customer_seen'
-- Events of one customer are taken one at a time, and none while the customer is
-- being erased: nothing of what is said of them afterwards is kept that names them.
CREATE OR REPLACE FUNCTION billing.stripe_apply(event text, type_ text, api_version_ text,
	livemode_ boolean, created timestamptz, payload_ text, truncated boolean,
	action text, facts jsonb)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f        billing.stripe_facts := billing.facts_named(
		jsonb_populate_record(NULL::billing.stripe_facts, facts));
	expected text := CASE action WHEN 'ignore' THEN 'ignored' ELSE 'applied' END;
	outcome_ text := expected;
	erased   boolean;
	anybody  boolean;
	done     boolean;
BEGIN
	PERFORM pg_advisory_xact_lock(
		hashtextextended(coalesce(f.customer, f.subscription, event), 0));
	SELECT EXISTS (SELECT FROM billing.erased_customers WHERE stripe_customer_id = f.customer),
		EXISTS (SELECT FROM billing.erased_addresses) INTO erased, anybody;
	IF erased OR anybody THEN
		erased := erased OR billing.facts_are_erased(f);
		f.email := CASE WHEN NOT erased THEN f.email END;
		payload_ := CASE WHEN NOT billing.event_names_erased(payload_) THEN payload_ END;
	END IF;
	INSERT INTO billing.stripe_events (event_id, type, api_version, livemode, created_at,
			processed_at, outcome, stripe_customer_id, stripe_subscription_id,
			payload, payload_truncated, notification_id)
		VALUES (event, type_, api_version_, livemode_, created,
			now(), expected, f.customer, f.subscription,
			CASE WHEN NOT erased THEN payload_ END, truncated, f.notification)
		ON CONFLICT (event_id) DO NOTHING;
	IF NOT FOUND THEN
		UPDATE billing.stripe_events SET deliveries = deliveries + 1,
			notification_id = coalesce(notification_id, f.notification)
			WHERE event_id = event
			RETURNING processed_at IS NOT NULL INTO done;
		IF done THEN
			RETURN 'duplicate';
		END IF;
	END IF;
	IF action = 'apply' THEN
		outcome_ := billing.stripe_effect(f, created, erased);
	END IF;
	IF outcome_ <> expected OR NOT done THEN
		UPDATE billing.stripe_events
			SET processed_at = now(), outcome = outcome_, error = NULL,
			    stripe_customer_id = f.customer, stripe_subscription_id = f.subscription
			WHERE event_id = event;
	END IF;
	RETURN outcome_;
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_apply(text, text, text, boolean, timestamptz, text,
	boolean, text, jsonb)
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
	error_ := billing.error_kept(error_);
	INSERT INTO billing.stripe_events AS e (event_id, type, api_version, livemode, created_at,
			outcome, error, stripe_customer_id, stripe_subscription_id,
			payload, payload_truncated)
		VALUES (event, type_, api_version_, livemode_, created,
			'handler_error', error_, customer, subscription,
			billing.payload_kept(customer, payload_), truncated)
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
