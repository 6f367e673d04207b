-- What an operator does with the ledger: look, try again, skip.

-- The live subscriptions that are paid for, or tried, and have no account.
CREATE OR REPLACE FUNCTION billing.unmatched_payers() RETURNS SETOF billing.subscriptions
LANGUAGE sql STABLE AS $$
	SELECT * FROM billing.subscriptions s
		WHERE s.account_id IS NULL AND s.sold AND NOT billing.is_terminal(s.status)
		  AND (s.status IN ('active', 'trialing', 'past_due') OR s.money_at IS NOT NULL)
		  AND NOT billing.is_withheld(s)
$$;

-- Whether an event found no account, and still nobody has what it is about, who pays.
CREATE OR REPLACE FUNCTION billing.is_of_unmatched_payer(e billing.stripe_events)
RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT e.outcome = 'unmatched' AND EXISTS (SELECT FROM billing.unmatched_payers() p
		WHERE p.stripe_subscription_id = e.stripe_subscription_id
		  AND p.stripe_customer_id = e.stripe_customer_id)
$$;

-- The events of those who pay and have no account, as billing.events_find() asks for them.
CREATE OR REPLACE FUNCTION billing.events_unmatched(type_ text, outcome_ text, customer text,
	oldest timestamptz, before timestamptz, most integer)
RETURNS SETOF billing.stripe_events
LANGUAGE sql STABLE AS $$
	SELECT e.* FROM billing.unmatched_payers() p
		JOIN billing.stripe_events e ON e.stripe_customer_id = p.stripe_customer_id
			AND e.stripe_subscription_id = p.stripe_subscription_id
		WHERE e.outcome = 'unmatched' AND e.processed_at IS NOT NULL
		  AND e.received_at >= oldest AND e.received_at < before
		  AND (type_ IS NULL OR e.type = type_)
		  AND coalesce(outcome_, 'unmatched') = 'unmatched'
		  AND (customer IS NULL OR e.stripe_customer_id = customer)
		ORDER BY e.received_at DESC LIMIT most
$$;

-- The events that fit, a NULL argument fits all: those that could not be applied
-- first, then those of who pays and has no account, then the newest. undone says: only
-- those that a replay can change. The index tells ranges of time; so it looks further and
-- further back.
CREATE OR REPLACE FUNCTION billing.events_find(type_ text, outcome_ text, customer text,
	since timestamptz, until timestamptz, undone boolean, most integer)
RETURNS SETOF billing.stripe_events
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	oldest timestamptz := coalesce(since, now() - interval '50 years');
	upper_ timestamptz := coalesce(until, 'infinity');
	back   interval := CASE WHEN customer IS NULL THEN interval '1 hour'
		ELSE interval '50 years' END;
	lower_ timestamptz;
	more   integer := most;
	found_ integer;
BEGIN
	RETURN QUERY SELECT * FROM billing.stripe_events e
		WHERE e.processed_at IS NULL
		  AND e.received_at >= oldest AND e.received_at < upper_
		  AND (type_ IS NULL OR e.type = type_)
		  AND (outcome_ IS NULL OR e.outcome = outcome_)
		  AND (customer IS NULL OR e.stripe_customer_id = customer)
		ORDER BY e.received_at DESC LIMIT more;
	GET DIAGNOSTICS found_ = ROW_COUNT;
	more := more - found_;
	RETURN QUERY SELECT * FROM billing.events_unmatched(type_, outcome_, customer, oldest,
		upper_, more);
	GET DIAGNOSTICS found_ = ROW_COUNT;
	LOOP
		more := more - found_;
		EXIT WHEN more <= 0 OR upper_ <= oldest;
		lower_ := greatest(now() - back, oldest);
		RETURN QUERY SELECT * FROM billing.stripe_events e
			WHERE e.processed_at IS NOT NULL
			  AND e.received_at >= lower_ AND e.received_at < upper_
			  AND (type_ IS NULL OR e.type = type_)
			  AND (outcome_ IS NULL OR e.outcome = outcome_)
			  AND (customer IS NULL OR e.stripe_customer_id = customer)
			  AND (e.outcome = 'unmatched' OR NOT undone)
			  AND NOT billing.is_of_unmatched_payer(e)
			ORDER BY e.received_at DESC LIMIT more;
		GET DIAGNOSTICS found_ = ROW_COUNT;
		upper_ := least(upper_, lower_);
		back := back * 4;
	END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION billing.events_find(text, text, text, timestamptz, timestamptz,
	boolean, integer)
	TO paydesk_stripe_webhook;

CREATE OR REPLACE FUNCTION billing.stripe_failures(event text)
RETURNS TABLE (at timestamptz, error text, sqlstate text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT at, error, sqlstate FROM billing.webhook_failures
		WHERE source = 'stripe' AND id = event ORDER BY failure_id
$$;

GRANT EXECUTE ON FUNCTION billing.stripe_failures(text) TO paydesk_stripe_webhook;

-- Lets an event that found no account be applied once more, by whoever does so in
-- the same transaction.
CREATE OR REPLACE FUNCTION billing.stripe_reopen(event text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.stripe_events SET processed_at = NULL
		WHERE event_id = event AND outcome = 'unmatched'
$$;

GRANT EXECUTE ON FUNCTION billing.stripe_reopen(text) TO paydesk_stripe_webhook, paydesk_ops;

-- Settles an event that could not be applied: it is not tried again, and a resend
-- is a duplicate. Returns the outcome that the event has now, and whether this did
-- it; no row when there is no such event.
CREATE OR REPLACE FUNCTION billing.stripe_skip(event text, reason text)
RETURNS TABLE (type text, outcome text, done boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY UPDATE billing.stripe_events
		SET processed_at = now(), outcome = 'skipped', error = NULL, skip_reason = reason
		WHERE event_id = event AND processed_at IS NULL
		RETURNING type, outcome, true;
	IF NOT FOUND THEN
		RETURN QUERY SELECT type, outcome, false FROM billing.stripe_events
			WHERE event_id = event;
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_skip(text, text) TO paydesk_stripe_webhook;
