-- The short way of what nearly every event is: a strictly newer snapshot of a live
-- subscription whose account is known, and which nothing else that is known of it
-- contradicts. It leads to the rows that billing.subscription_apply() would write by
-- the long way, in half the time; a test compares the two.

-- Writes the snapshot into its row. Without an offer o its items have to be those that the
-- row has, which then is of the same plan; what was fetched to mend a row looks anew. The
-- account is NULL when the event is none of these, and nothing is written. changed: its
-- account has to follow; says: its answer is another one. (Nobody but the events of its
-- customer, who come one at a time, changes what is read of old here.)
CREATE OR REPLACE FUNCTION billing.snapshot_advance(f billing.stripe_facts, o billing.offer,
	created timestamptz, OUT account bigint, OUT changed boolean, OUT says boolean)
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.subscriptions s SET
		snapshot_status = f.status, status = f.status, previous = f.previous, rivals = NULL,
		latest_invoice = f.latest_invoice, schedule = f.schedule,
		last_event_at = created, last_event_rank = f.rank,
		items = f.items, said_plan = nullif(f.metadata ->> 'plan', ''),
		said_period = nullif(f.metadata ->> 'period', ''), price_known = true,
		period = CASE WHEN o IS NULL THEN s.period ELSE o.period END,
		price_id = CASE WHEN o IS NULL THEN s.price_id ELSE o.price_id END,
		seat_limit = CASE WHEN o IS NULL THEN s.seat_limit ELSE o.seat_limit END,
		known_plan = s.plan,
		known_period = CASE WHEN o IS NULL THEN s.period ELSE o.period END,
		known_at = created, known_rank = f.rank, current_period_start = f.current_period_start,
		current_period_end = f.current_period_end, trial_end = f.trial_end,
		cancel_at_period_end = f.cancel_at_period_end, cancel_at = f.cancel_at,
		pause_collection = nullif(f.pause_collection, 'null'),
		account_ref = coalesce(f.account_ref, s.account_ref),
		payment_failed_at = NULL, payment_paid_at = NULL,
		past_due_entry = CASE WHEN f.status = 'past_due'
			AND f.previous ->> 'status' <> 'past_due' THEN created ELSE s.past_due_entry END,
		past_due_since = CASE WHEN f.status = 'past_due' THEN least(s.failing_since, coalesce(
			CASE WHEN f.previous ->> 'status' <> 'past_due' THEN created
			     ELSE s.past_due_entry END,
			CASE WHEN s.status = 'past_due' THEN s.past_due_since END, created)) END,
		updated_at = now()
		FROM billing.subscriptions old
		WHERE s.stripe_subscription_id = f.subscription AND old.id = s.id
		  AND s.account_id IS NOT NULL AND s.stripe_customer_id = f.customer
		  AND (s.account_ref = f.account_ref OR f.account_ref IS NULL) AND NOT s.ref_claimed
		  AND s.was_active AND s.sold
		  AND CASE WHEN o IS NULL THEN s.price_known AND s.items = f.items AND f.rank <> 1
			AND s.price_id IS NOT NULL AND s.plan = s.known_plan ELSE s.plan = o.plan END
		  AND s.status IN ('active', 'trialing', 'past_due')
		  AND NOT billing.is_terminal(s.snapshot_status)
		  AND s.last_event_at < created
		  AND (s.known_at < created OR s.known_at IS NULL)
		  AND (s.invoice_event_at < created OR s.invoice_event_at IS NULL)
		  AND NOT billing.is_withheld(s)
		RETURNING s.account_id,
			(old.status, old.trial_end) IS DISTINCT FROM (s.status, s.trial_end),
			billing.said_of(old) <> billing.said_of(s)
		INTO account, changed, says;
END $$;

-- The account follows when this is its only subscription, no mere add-on, and cannot be
-- its first payment; otherwise by billing.account_refresh(). It is locked before it is asked.
CREATE OR REPLACE FUNCTION billing.account_advance(account bigint, f billing.stripe_facts)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	UPDATE billing.accounts a
		SET subscription_status = f.status, tier = 'paid',
		    trial_end = CASE WHEN f.status = 'trialing' THEN f.trial_end END,
		    updated_at = now()
		WHERE a.id = account AND (a.first_paid_at IS NOT NULL
			OR (SELECT convert_on = 'payment' FROM billing.policy))
		  AND EXISTS (SELECT FROM billing.subscriptions s
			WHERE s.stripe_subscription_id = f.subscription AND billing.is_base(s))
		  AND NOT EXISTS (SELECT FROM billing.subscriptions o
			WHERE o.account_id = account AND o.stripe_subscription_id <> f.subscription);
	IF NOT FOUND THEN
		PERFORM billing.account_refresh(account, false, false);
	END IF;
END $$;

-- Whether the event went the short way.
CREATE OR REPLACE FUNCTION billing.subscription_advance(f billing.stripe_facts,
	created timestamptz)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	advanced record;
	o        billing.offer;
BEGIN
	IF f.fact IS NOT NULL OR f.status IS NULL
	   OR f.status NOT IN ('active', 'trialing', 'past_due') THEN
		RETURN false;
	END IF;
	advanced := billing.snapshot_advance(f, NULL, created);
	IF advanced.account IS NULL THEN
		o := billing.known_offer(f.items);
		IF o.plan IS NULL THEN
			RETURN false;
		END IF;
		advanced := billing.snapshot_advance(f, o, created);
	END IF;
	IF advanced.changed THEN
		PERFORM billing.account_advance(advanced.account, f);
	END IF;
	IF advanced.says THEN
		PERFORM billing.account_changed(advanced.account);
	END IF;
	RETURN advanced.account IS NOT NULL;
END $$;
