-- What one event says about a subscription, merged into its row.
--
-- The state of a subscription is a function of the facts seen so far and not of the
-- order in which they came:
--   snapshot   the newest subscription object, newest by rules/order.sql
--   invoices   the newest of its cycle, and what became of its money: rules/invoice.sql
--   checkout   whether its session was unpaid at first, and when it was paid
-- The merge and settle functions take a row and what an event says, and return the row that
-- follows. They write no table: billing.subscription_apply() does.

-- The row after its Checkout session was completed or paid.
CREATE OR REPLACE FUNCTION billing.merge_checkout(s billing.subscriptions,
	f billing.stripe_facts, created timestamptz)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF f.fact = 'checkout_unpaid' THEN
		s.checkout_unpaid := true;
	ELSE
		s.checkout_paid_at := greatest(s.checkout_paid_at, created);
	END IF;
	RETURN s;
END $$;

-- Since when a payment is missing; NULL: none is. before is the status that it had. When an
-- event tells how it became past due, that is from when; its invoice may have failed before.
CREATE OR REPLACE FUNCTION billing.overdue_since(s billing.subscriptions, before text)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN s.status = 'past_due' THEN least(s.failing_since,
		CASE WHEN s.snapshot_status = 'past_due' THEN coalesce(s.past_due_entry,
			CASE WHEN before = 'past_due' THEN s.past_due_since END, s.last_event_at)
		ELSE s.payment_failed_at END) END
$$;

-- The row with the status that its facts add up to.
CREATE OR REPLACE FUNCTION billing.settle_status(s billing.subscriptions)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	before text := s.status;
BEGIN
	s.status := billing.subscription_status(s.snapshot_status, s.last_event_at,
		s.payment_failed_at, s.payment_paid_at, s.checkout_paid_at, billing.is_withheld(s));
	IF s.customer_deleted AND NOT billing.is_terminal(s.status) THEN
		s.was_active := s.was_active OR s.status IN ('active', 'trialing');
		s.status := 'canceled';
	END IF;
	s.was_active := s.was_active OR s.status IN ('active', 'trialing');
	s.past_due_since := billing.overdue_since(s, before);
	RETURN s;
END $$;

-- The row with the account that it names: metadata and a session's own reference stand
-- above what the customer of a payment link has claimed.
CREATE OR REPLACE FUNCTION billing.merge_reference(s billing.subscriptions,
	f billing.stripe_facts)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF f.account_ref IS NOT NULL THEN
		s.account_ref := f.account_ref;
		s.ref_claimed := false;
	ELSIF f.reference IS NOT NULL AND (s.account_ref IS NULL OR s.ref_claimed) THEN
		s.account_ref := f.reference;
		s.ref_claimed := coalesce(f.payment_link, false);
	END IF;
	RETURN s;
END $$;

-- The row with the address of whoever pays, as the newest event says it.
CREATE OR REPLACE FUNCTION billing.merge_email(s billing.subscriptions, address text,
	claimed boolean, created timestamptz)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	plain text := nullif(lower(btrim(address)), '');
BEGIN
	IF plain IS NOT NULL AND ((created, NOT claimed, plain)
			> (s.email_at, NOT s.email_claimed, s.email)) IS NOT FALSE THEN
		s.email := plain;
		s.email_at := created;
		s.email_claimed := claimed;
	END IF;
	RETURN s;
END $$;

-- The row after all that an event says, and whether that was old news. What its invoices say
-- is settled afterwards.
CREATE OR REPLACE FUNCTION billing.subscription_merge(INOUT s billing.subscriptions,
	f billing.stripe_facts, created timestamptz, OUT stale boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	merged record;
BEGIN
	stale := false;
	s.stripe_customer_id := coalesce(s.stripe_customer_id, f.customer);
	s := billing.merge_reference(s, f);
	s := billing.merge_email(s, f.email, false, created);
	s.was_active := s.was_active OR coalesce(f.status IN ('active', 'trialing'), false);
	IF f.status IS NOT NULL THEN
		merged := billing.merge_snapshot(s, f, coalesce(f.fetched_at, created));
		s := merged.s;
		stale := merged.stale AND f.fact IS NULL;
	END IF;
	IF f.fact IN ('checkout_unpaid', 'checkout_paid') THEN
		s := billing.merge_checkout(s, f, created);
	END IF;
	IF f.fact IS NOT NULL AND s.snapshot_status IS NULL THEN
		s.said_plan := coalesce(nullif(f.metadata ->> 'plan', ''), s.said_plan);
		s.said_period := coalesce(nullif(f.metadata ->> 'period', ''), s.said_period);
	END IF;
END $$;

-- The row with what all that it holds adds up to.
CREATE OR REPLACE FUNCTION billing.subscription_settle(s billing.subscriptions)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN billing.settle_status(billing.settle_offer(billing.settle_invoices(s)));
END $$;

-- The row of a subscription, locked; it is made if need be.
CREATE OR REPLACE FUNCTION billing.subscription_lock(subscription text)
RETURNS billing.subscriptions
LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
BEGIN
	SELECT * INTO s FROM billing.subscriptions
		WHERE stripe_subscription_id = subscription FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		INSERT INTO billing.subscriptions (stripe_subscription_id)
			VALUES (subscription) ON CONFLICT DO NOTHING;
		SELECT * INTO s FROM billing.subscriptions
			WHERE stripe_subscription_id = subscription FOR NO KEY UPDATE;
	END IF;
	RETURN s;
END $$;

-- Here, as wherever a table is read or written for every event, the language is
-- plpgsql: it keeps the plan, and a function in SQL is planned at every call.
CREATE OR REPLACE FUNCTION billing.subscription_store(s billing.subscriptions) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.subscriptions SET
		account_id = s.account_id, stripe_customer_id = s.stripe_customer_id,
		account_ref = s.account_ref, ref_claimed = s.ref_claimed, email = s.email,
		email_at = s.email_at, email_claimed = s.email_claimed, plan = s.plan, period = s.period,
		price_id = s.price_id, items = s.items, said_plan = s.said_plan,
		said_period = s.said_period, sold = s.sold, price_known = s.price_known,
		known_plan = s.known_plan, known_period = s.known_period, known_at = s.known_at,
		known_rank = s.known_rank,
		status = s.status,
		seat_limit = s.seat_limit, current_period_start = s.current_period_start,
		current_period_end = s.current_period_end, trial_end = s.trial_end,
		cancel_at_period_end = s.cancel_at_period_end, cancel_at = s.cancel_at,
		last_event_at = s.last_event_at, last_event_rank = s.last_event_rank,
		snapshot_status = s.snapshot_status, previous = s.previous, rivals = s.rivals,
		latest_invoice = s.latest_invoice, schedule = s.schedule,
		was_active = s.was_active, past_due_since = s.past_due_since,
		past_due_entry = s.past_due_entry, customer_deleted = s.customer_deleted,
		payment_failed_at = s.payment_failed_at, payment_paid_at = s.payment_paid_at,
		failing_since = s.failing_since, invoice_event_at = s.invoice_event_at,
		checkout_unpaid = s.checkout_unpaid, checkout_paid_at = s.checkout_paid_at,
		invoice_paid = s.invoice_paid, money_at = s.money_at, refunded = s.refunded,
		dispute = s.dispute, fraud_warned = s.fraud_warned,
		pause_collection = s.pause_collection, updated_at = now()
		WHERE id = s.id;
END $$;

-- What an account does about a change of one of its subscriptions.
CREATE OR REPLACE FUNCTION billing.subscription_follow(old billing.subscriptions,
	s billing.subscriptions)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	IF s.was_active AND billing.is_withheld(s) AND NOT billing.is_withheld(old)
	   OR s.money_at IS NULL AND old.money_at IS NOT NULL OR old.sold AND NOT s.sold THEN
		PERFORM billing.payment_retract(s.account_id, s.created_at);
	END IF;
	IF (s.status, s.was_active, s.trial_end, s.account_id, s.sold, s.plan,
		billing.is_withheld(s), s.money_at IS NULL)
	   IS DISTINCT FROM (old.status, old.was_active, old.trial_end, old.account_id, old.sold,
		old.plan, billing.is_withheld(old), old.money_at IS NULL) THEN
		PERFORM billing.account_refresh(s.account_id,
			billing.life_stage(s.status) = 2 AND billing.life_stage(old.status) < 2
			OR billing.life_stage(s.status) = 0 AND billing.life_stage(old.status) = 1
			OR billing.is_base(old) AND NOT billing.is_base(s) OR billing.is_withheld(s),
			NOT old.was_active OR old.account_id IS NULL
			OR old.money_at IS NULL AND s.money_at IS NOT NULL);
	END IF;
	IF billing.said_of(s) <> billing.said_of(old) THEN
		PERFORM billing.account_changed(s.account_id);
	END IF;
END $$;

-- Brings a subscription and its account in line with what an event says. Returns
-- the outcome, as billing.stripe_apply() does. erased: the customer was, so nothing
-- is kept that names them.
CREATE OR REPLACE FUNCTION billing.subscription_apply(f billing.stripe_facts,
	created timestamptz, erased boolean)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	old      billing.subscriptions;
	s        billing.subscriptions;
	merged   record;
	resolved bigint;
BEGIN
	IF NOT erased AND billing.subscription_advance(f, created) THEN
		RETURN 'applied';
	END IF;
	IF f.invoice IS NOT NULL THEN
		PERFORM billing.invoice_note(f, created);
	END IF;
	old := billing.subscription_lock(f.subscription);
	s := old;
	s.customer_deleted := s.customer_deleted
		OR (s.last_event_at IS NULL AND billing.customer_is_deleted(f.customer));
	merged := billing.subscription_merge(s, f, created);
	s := billing.subscription_settle(merged.s);
	IF s.sold AND (s.account_id IS NULL
			OR (s.stripe_customer_id, s.account_ref, s.ref_claimed) IS DISTINCT FROM
				(old.stripe_customer_id, old.account_ref, old.ref_claimed)) THEN
		-- asked also when it is known: now its customer may be bound
		resolved := billing.account_resolve(s.stripe_customer_id, s.account_ref,
			s.ref_claimed, coalesce(f.email,
				CASE WHEN NOT s.email_claimed THEN s.email END));
		s.account_id := coalesce(s.account_id, resolved);
	END IF;
	IF erased THEN
		s.account_ref := NULL;
	END IF;
	IF erased OR s.account_id IS NOT NULL THEN
		s.email := NULL;
		s.email_at := NULL;
		s.email_claimed := false;
	END IF;
	IF s IS DISTINCT FROM old THEN
		PERFORM billing.subscription_store(s);
	END IF;
	IF s.account_id IS NOT NULL THEN
		PERFORM billing.subscription_follow(old, s);
	END IF;
	RETURN CASE WHEN NOT s.sold THEN 'ignored'
	            WHEN merged.stale OR billing.is_old_invoice(old, s, f, created) THEN 'stale'
	            WHEN s.account_id IS NULL THEN 'unmatched'
	            ELSE 'applied' END;
END $$;

-- Settles a subscription anew after something else has changed what it adds up to. Returns
-- the outcome.
CREATE OR REPLACE FUNCTION billing.subscription_resettle(subscription text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	old billing.subscriptions := billing.subscription_lock(subscription);
	s   billing.subscriptions := billing.subscription_settle(old);
BEGIN
	IF s IS DISTINCT FROM old THEN
		PERFORM billing.subscription_store(s);
		IF s.account_id IS NOT NULL THEN
			PERFORM billing.subscription_follow(old, s);
		END IF;
	END IF;
	RETURN CASE WHEN NOT s.sold THEN 'ignored' WHEN s.account_id IS NULL THEN 'unmatched'
	            ELSE 'applied' END;
END $$;
