-- What an event says about a subscription, merged into its row.

-- Merges what an event says about a subscription into its row, which is made if
-- need be, and brings the account in line. The arguments are those of
-- billing.stripe_apply(), and so is the outcome.
CREATE OR REPLACE FUNCTION billing.subscription_apply(
	created timestamptz, fact text,
	customer text, subscription text, account_ref_ text, second_ref text, email_ text,
	status_ text, previous text, rank smallint,
	plan_ text, period_ text, price text, seats integer,
	period_start timestamptz, period_end timestamptz, trial_end_ timestamptz,
	cancel_ boolean, cancel_at_ timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	outcome_ text := 'applied';
	old      billing.subscriptions;
	s        billing.subscriptions;
BEGIN
	SELECT * INTO s FROM billing.subscriptions
		WHERE stripe_subscription_id = subscription FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		INSERT INTO billing.subscriptions (stripe_subscription_id)
			VALUES (subscription) ON CONFLICT DO NOTHING;
		SELECT * INTO s FROM billing.subscriptions
			WHERE stripe_subscription_id = subscription FOR NO KEY UPDATE;
	END IF;
	old := s;
	IF s.last_event_at IS NULL AND billing.customer_is_deleted(customer) THEN
		s.was_active := s.was_active OR coalesce(status_ IN ('active', 'trialing'), false);
		s.status := 'canceled';
		status_ := CASE WHEN status_ IS NOT NULL THEN 'canceled' END;
	END IF;
	s.stripe_customer_id := coalesce(s.stripe_customer_id, customer);
	s.account_ref := coalesce(account_ref_, s.account_ref);
	IF s.account_id IS NULL
	   OR (s.stripe_customer_id, s.account_ref)
	      IS DISTINCT FROM (old.stripe_customer_id, old.account_ref) THEN
		s.account_id := coalesce(s.account_id,
			billing.account_resolve(customer, account_ref_, second_ref, email_));
	END IF;
	s.was_active := s.was_active OR s.status IN ('active', 'trialing');
	IF s.status <> s.computed_status THEN
		-- set by hand: what a person says stands until Stripe says something newer
		s.snapshot_status := s.status;
		s.payment_failed_at := NULL;
		s.payment_paid_at := NULL;
	END IF;

	IF status_ IS NOT NULL THEN
		s.was_active := s.was_active OR status_ IN ('active', 'trialing');
		IF billing.is_newer(s.last_event_at, s.last_event_rank, s.snapshot_status,
			s.previous_status, created, rank, status_, previous) THEN
			s.snapshot_status := status_;
			s.previous_status := previous;
			s.last_event_at := created;
			s.last_event_rank := rank;
			s.plan := coalesce(plan_, 'unknown');
			s.period := period_;
			s.price_id := price;
			s.seat_limit := seats;
			s.current_period_start := period_start;
			s.current_period_end := period_end;
			s.trial_end := trial_end_;
			s.cancel_at_period_end := cancel_;
			s.cancel_at := cancel_at_;
			IF s.payment_failed_at < created
			   OR (s.payment_failed_at = created AND billing.is_recovery(status_, previous)) THEN
				s.payment_failed_at := NULL;
			END IF;
			IF s.payment_paid_at < created THEN
				s.payment_paid_at := NULL;
			END IF;
		ELSIF fact IS NULL THEN
			outcome_ := 'stale';
		END IF;
	END IF;

	IF fact IN ('payment_failed', 'payment_paid') THEN
		IF created < greatest(s.last_event_at, s.payment_failed_at, s.payment_paid_at)
		   OR (fact = 'payment_failed' AND s.last_event_at = created
		       AND billing.is_recovery(s.snapshot_status, s.previous_status)) THEN
			outcome_ := 'stale';
		ELSIF fact = 'payment_failed' THEN
			s.payment_failed_at := created;
		ELSE
			s.payment_paid_at := created;
		END IF;
		IF fact = 'payment_paid' AND NOT s.invoice_paid THEN
			s.invoice_paid := true;
			outcome_ := CASE WHEN s.checkout_unpaid THEN 'applied' ELSE outcome_ END;
		END IF;
	ELSIF fact = 'checkout_unpaid' THEN
		s.checkout_unpaid := true;
	ELSIF fact = 'checkout_paid' THEN
		s.checkout_paid_at := greatest(s.checkout_paid_at, created);
	END IF;
	IF fact IS NOT NULL AND s.snapshot_status IS NULL THEN
		s.plan := coalesce(plan_, s.plan);
		s.period := coalesce(period_, s.period);
	END IF;

	s.status := billing.subscription_status(s.snapshot_status, s.last_event_at,
		s.payment_failed_at, s.payment_paid_at, s.checkout_paid_at,
		s.checkout_unpaid AND s.checkout_paid_at IS NULL AND NOT s.invoice_paid);
	s.computed_status := s.status;
	s.was_active := s.was_active OR s.status IN ('active', 'trialing');
	IF s IS DISTINCT FROM old THEN
		UPDATE billing.subscriptions SET
			account_id = s.account_id, stripe_customer_id = s.stripe_customer_id,
			account_ref = s.account_ref, plan = s.plan, period = s.period,
			price_id = s.price_id, status = s.status, computed_status = s.computed_status,
			seat_limit = s.seat_limit,
			current_period_start = s.current_period_start,
			current_period_end = s.current_period_end, trial_end = s.trial_end,
			cancel_at_period_end = s.cancel_at_period_end, cancel_at = s.cancel_at,
			last_event_at = s.last_event_at, last_event_rank = s.last_event_rank,
			snapshot_status = s.snapshot_status, previous_status = s.previous_status,
			was_active = s.was_active, payment_failed_at = s.payment_failed_at,
			payment_paid_at = s.payment_paid_at, checkout_unpaid = s.checkout_unpaid,
			checkout_paid_at = s.checkout_paid_at, invoice_paid = s.invoice_paid,
			updated_at = now()
			WHERE id = s.id;
	END IF;
	IF s.account_id IS NULL THEN
		RETURN CASE outcome_ WHEN 'applied' THEN 'unmatched' ELSE outcome_ END;
	END IF;
	IF s.checkout_unpaid AND NOT old.checkout_unpaid AND s.was_active
	   AND s.status = 'incomplete' THEN
		PERFORM billing.payment_retract(s);
	END IF;
	IF (s.status, s.was_active, s.trial_end, s.account_id)
	   IS DISTINCT FROM (old.status, old.was_active, old.trial_end, old.account_id) THEN
		PERFORM billing.account_refresh(s.account_id,
			billing.life_stage(s.status) = 2 AND billing.life_stage(old.status) < 2
			OR billing.life_stage(s.status) = 0 AND billing.life_stage(old.status) = 1,
			NOT old.was_active OR old.account_id IS NULL);
	END IF;
	RETURN outcome_;
END $$;

CREATE OR REPLACE FUNCTION billing.note_past_due() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.past_due_since := CASE WHEN NEW.status = 'past_due'
		THEN coalesce(NEW.payment_failed_at, NEW.last_event_at, now()) END;
	RETURN NEW;
END $$;

-- What an event says of the account's name is not kept for somebody who was erased.
CREATE OR REPLACE FUNCTION billing.subscription_of_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM billing.erased_customers
			WHERE stripe_customer_id = NEW.stripe_customer_id) THEN
		NEW.account_ref := NULL;
	END IF;
	RETURN NEW;
END $$;
