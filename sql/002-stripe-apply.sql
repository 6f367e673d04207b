-- How one Stripe event changes the books. The program reads the event and
-- passes what it says as plain facts; billing.stripe_apply() does the rest in
-- the one transaction that also writes the ledger row.
--
-- The state of a subscription is a function of the facts seen so far and not of
-- the order in which they came:
--   snapshot   the newest subscription object, newest by (created, rank)
--   payments   the newest failed and the newest paid invoice since then
--   checkout   whether its session was unpaid at first, and when it was paid

-- Whether a status is final at Stripe.
CREATE FUNCTION billing.is_terminal(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT status IN ('canceled', 'incomplete_expired')
$$;

-- The stage of life a status stands for: it only ever grows.
CREATE FUNCTION billing.life_stage(status text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN status = 'incomplete' THEN 0
	            WHEN status IN ('canceled', 'incomplete_expired') THEN 2
	            ELSE 1 END
$$;

-- Days of credit that a converted referral is worth; the programs set it for
-- their session from REFERRAL_CREDIT_DAYS.
CREATE FUNCTION billing.referral_credit_days() RETURNS integer
LANGUAGE sql STABLE AS $$
	SELECT coalesce(nullif(current_setting('paydesk.referral_credit_days', true), ''), '45')::integer
$$;

-- Whether the object described by (created, rank, status, previous) is newer
-- than the one that the row reflects, the old one. A final status always is; nothing comes
-- back from one. When all else ties, arrival decides.
CREATE FUNCTION billing.is_newer(old_at timestamptz, old_rank smallint, old_status text,
	old_previous text, created timestamptz, rank smallint, status text, previous text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF old_at IS NULL THEN
		RETURN true;
	END IF;
	IF billing.is_terminal(status) <> billing.is_terminal(old_status) THEN
		RETURN billing.is_terminal(status);
	END IF;
	IF (created, rank) <> (old_at, old_rank) THEN
		RETURN (created, rank) > (old_at, old_rank);
	END IF;
	IF old_status IN (status, previous) THEN
		RETURN true;
	END IF;
	IF old_previous = status THEN
		RETURN false;
	END IF;
	RETURN billing.life_stage(status) >= billing.life_stage(old_status);
END $$;

-- Whether a snapshot says that a late payment arrived: a failure of the same
-- second came before it.
CREATE FUNCTION billing.is_recovery(status text, previous text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT status IN ('active', 'trialing') AND previous IN ('past_due', 'unpaid')
$$;

-- What the facts add up to. payment_failed_at and payment_paid_at are kept only
-- while they are not older than the snapshot; in one second an invoice has the
-- last word, and of two invoices the paid one.
CREATE FUNCTION billing.subscription_status(snapshot text, snapshot_at timestamptz,
	failed_at timestamptz, paid_at timestamptz, checkout_paid_at timestamptz, unpaid boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	status text := coalesce(snapshot, 'incomplete');
BEGIN
	IF status = 'incomplete' AND checkout_paid_at >= coalesce(snapshot_at, '-infinity') THEN
		status := 'active';
	END IF;
	IF status IN ('active', 'trialing') AND failed_at > coalesce(paid_at, '-infinity') THEN
		status := 'past_due';
	ELSIF status = 'past_due' AND paid_at >= coalesce(failed_at, '-infinity') THEN
		status := 'active';
	END IF;
	IF unpaid AND status IN ('active', 'trialing') THEN
		status := 'incomplete';
	END IF;
	RETURN status;
END $$;

CREATE FUNCTION billing.customer_is_deleted(customer text) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM billing.stripe_events
		WHERE type = 'customer.deleted' AND stripe_customer_id = customer
		  AND processed_at IS NOT NULL AND outcome <> 'ignored')
$$;

-- Gives both sides of a referral their days, once. The caller holds their locks.
CREATE FUNCTION billing.referral_convert(account bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	referrer bigint;
BEGIN
	UPDATE billing.referrals SET converted_at = now(), credited_at = now()
		WHERE referred_account_id = account AND converted_at IS NULL
		RETURNING referrer_account_id INTO referrer;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE billing.accounts
		SET credit_until = greatest(now(), credit_until)
			+ make_interval(days => billing.referral_credit_days())
		WHERE id IN (account, referrer);
END $$;

-- Takes back what was taken for an account's first payment, because the Checkout
-- session of that subscription says that nothing was paid: the date, and both
-- sides' days. The money's own event brings them again. Whoever has paid for
-- another subscription, or before this one was known, keeps them.
CREATE FUNCTION billing.payment_retract(s billing.subscriptions) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	referrer bigint;
BEGIN
	PERFORM FROM billing.accounts WHERE id = s.account_id OR id = (
		SELECT referrer_account_id FROM billing.referrals
			WHERE referred_account_id = s.account_id)
		ORDER BY id FOR NO KEY UPDATE;
	IF EXISTS (SELECT FROM billing.subscriptions
			WHERE account_id = s.account_id AND was_active AND id <> s.id
			  AND (NOT checkout_unpaid OR invoice_paid OR checkout_paid_at IS NOT NULL)) THEN
		RETURN;
	END IF;
	UPDATE billing.accounts SET first_paid_at = NULL, updated_at = now()
		WHERE id = s.account_id AND first_paid_at >= s.created_at;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE billing.referrals SET converted_at = NULL, credited_at = NULL
		WHERE referred_account_id = s.account_id AND converted_at >= s.created_at
		RETURNING referrer_account_id INTO referrer;
	IF FOUND THEN
		UPDATE billing.accounts
			SET credit_until = credit_until
				- make_interval(days => billing.referral_credit_days())
			WHERE id IN (s.account_id, referrer);
	END IF;
END $$;

-- Brings an account in line with its subscriptions: mirrored status, trial end,
-- tier, and on the first payment ever the referral. ended says that one of them
-- has just ended, or turned out to be unpaid: that takes the tier away unless
-- another one is active, has been and is not over, or is overdue. The account is
-- locked first: it may have subscriptions of several customers, whose events are
-- not applied one at a time. When this may be its first payment, so is the one that
-- referred it, both in the order of their ids, so that two that referred each other
-- cannot deadlock.
CREATE FUNCTION billing.account_refresh(account bigint, ended boolean, maybe_first boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	a         record;
	s         record;
	status_   text;
	trial_    timestamptz;
	tier_     text;
	grants    boolean := false;
	paid      boolean := false;
	overdue   boolean := false;
BEGIN
	IF maybe_first THEN
		PERFORM FROM billing.accounts WHERE id = account OR id = (
			SELECT referrer_account_id FROM billing.referrals
				WHERE referred_account_id = account AND converted_at IS NULL)
			ORDER BY id FOR NO KEY UPDATE;
	END IF;
	SELECT subscription_status, trial_end, tier, first_paid_at INTO a
		FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	-- the most alive one last: it is the one that the account mirrors
	FOR s IN SELECT status, trial_end, was_active,
			checkout_unpaid AND checkout_paid_at IS NULL AND NOT invoice_paid AS unpaid
		FROM billing.subscriptions WHERE account_id = account
		ORDER BY array_position(ARRAY['incomplete_expired', 'canceled', 'incomplete',
			'paused', 'unpaid', 'past_due', 'trialing', 'active'], status) NULLS FIRST,
			last_event_at NULLS FIRST, id
	LOOP
		status_ := s.status;
		trial_ := s.trial_end;
		grants := grants OR s.status IN ('trialing', 'active')
			OR (s.was_active AND s.status IN ('past_due', 'unpaid', 'paused'));
		paid := paid OR (s.was_active AND NOT s.unpaid);
		overdue := overdue OR s.status = 'past_due';
	END LOOP;

	tier_ := CASE WHEN grants THEN 'paid'
	              WHEN ended AND NOT overdue THEN 'free'
	              ELSE a.tier END;
	paid := paid AND a.first_paid_at IS NULL;
	IF paid AND a.tier = 'free' THEN
		PERFORM billing.referral_convert(account);
	END IF;
	IF paid OR (a.subscription_status, a.trial_end, a.tier)
	           IS DISTINCT FROM (status_, trial_, tier_) THEN
		UPDATE billing.accounts
			SET subscription_status = status_, trial_end = trial_, tier = tier_,
			    first_paid_at = CASE WHEN paid THEN now() ELSE first_paid_at END,
			    updated_at = now()
			WHERE id = account;
	END IF;
END $$;

-- Links what was held back for want of an account to the one that is known now.
-- Returns how many subscriptions that were.
CREATE FUNCTION billing.account_adopt(account billing.accounts) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	customer text;
	adopted  integer;
BEGIN
	UPDATE billing.subscriptions SET account_id = account.id, updated_at = now()
		WHERE account_id IS NULL AND (stripe_customer_id = account.stripe_customer_id
			OR account_ref = account.external_id);
	GET DIAGNOSTICS adopted = ROW_COUNT;
	IF adopted = 0 THEN
		RETURN 0;
	END IF;
	IF account.stripe_customer_id IS NULL THEN
		SELECT s.stripe_customer_id INTO customer FROM billing.subscriptions s
			WHERE s.account_id = account.id AND s.stripe_customer_id IS NOT NULL
			  AND NOT billing.customer_is_deleted(s.stripe_customer_id)
			  AND NOT EXISTS (SELECT FROM billing.accounts o
				WHERE o.stripe_customer_id = s.stripe_customer_id)
			ORDER BY billing.is_terminal(s.status), s.last_event_at DESC NULLS LAST
			LIMIT 1;
		IF FOUND THEN
			UPDATE billing.accounts SET stripe_customer_id = customer
				WHERE id = account.id AND stripe_customer_id IS NULL;
		END IF;
	END IF;
	PERFORM billing.account_refresh(account.id, false, true);
	RETURN adopted;
END $$;

-- Does so whoever makes the account known: a webhook, a program that creates it,
-- or an operator.
CREATE FUNCTION billing.account_adopts_subscriptions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM billing.account_adopt(NEW);
	RETURN NULL;
END $$;

-- Does so for subscriptions that missed it: their event and the transaction that
-- made the account were under way at the same moment, and saw nothing of each
-- other. Returns how many subscriptions got their account.
CREATE FUNCTION billing.orphans_adopt() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	account billing.accounts;
	adopted integer := 0;
BEGIN
	FOR account IN SELECT a.* FROM billing.accounts a JOIN (
		SELECT o.id, min(1) FILTER (WHERE o.stripe_customer_id = s.stripe_customer_id) AS bound
			FROM billing.subscriptions s JOIN billing.accounts o
				ON o.stripe_customer_id = s.stripe_customer_id
				OR o.external_id = s.account_ref
			WHERE s.account_id IS NULL GROUP BY o.id) owner USING (id)
		ORDER BY owner.bound, a.id
	LOOP
		adopted := adopted + billing.account_adopt(account);
	END LOOP;
	RETURN adopted;
END $$;

CREATE TRIGGER account_created AFTER INSERT ON billing.accounts
	FOR EACH ROW EXECUTE FUNCTION billing.account_adopts_subscriptions();
CREATE TRIGGER account_bound AFTER UPDATE OF stripe_customer_id ON billing.accounts
	FOR EACH ROW WHEN (NEW.stripe_customer_id IS DISTINCT FROM OLD.stripe_customer_id
	                   AND NEW.stripe_customer_id IS NOT NULL)
	EXECUTE FUNCTION billing.account_adopts_subscriptions();

-- The account with that external id, else the one with the second.
CREATE FUNCTION billing.account_named(ref text, second_ref text) RETURNS billing.accounts
LANGUAGE sql STABLE AS $$
	SELECT * FROM billing.accounts WHERE external_id IN (ref, second_ref)
		ORDER BY external_id <> ref LIMIT 1
$$;

-- Whose customer this is, in the order of trust: the account that holds the
-- customer; the account that our own metadata names; the one account with that
-- e-mail and no customer yet. Binds the customer when the account had none.
CREATE FUNCTION billing.account_resolve(customer text, account_ref text, second_ref text,
	email_ text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	bound   bigint;
	named   billing.accounts;
	by_mail bigint[];
BEGIN
	SELECT id INTO bound FROM billing.accounts WHERE stripe_customer_id = customer;
	IF account_ref IS NOT NULL THEN
		named := billing.account_named(account_ref, second_ref);
	END IF;
	IF bound IS NOT NULL THEN
		IF named.id <> bound THEN
			RAISE WARNING 'customer % belongs to account %; metadata naming account % is ignored',
				customer, bound, named.id;
		END IF;
		RETURN bound;
	END IF;
	IF named.id IS NULL AND email_ IS NOT NULL THEN
		SELECT array_agg(id) INTO by_mail FROM (SELECT id FROM billing.accounts
			WHERE lower(email) = lower(email_) AND stripe_customer_id IS NULL LIMIT 2) m;
		IF cardinality(by_mail) = 1 THEN
			SELECT * INTO named FROM billing.accounts WHERE id = by_mail[1];
		END IF;
	END IF;
	IF named.id IS NULL OR customer IS NULL THEN
		RETURN named.id;
	END IF;
	IF named.stripe_customer_id IS NOT NULL THEN
		RAISE WARNING 'account % keeps its customer %; an event names it with customer %',
			named.id, named.stripe_customer_id, customer;
	ELSIF NOT billing.customer_is_deleted(customer) THEN
		UPDATE billing.accounts SET stripe_customer_id = customer, updated_at = now()
			WHERE id = named.id AND stripe_customer_id IS NULL;
	END IF;
	RETURN named.id;
END $$;

-- Ends all subscriptions of a customer that was deleted at Stripe, and frees the
-- account for another one. Returns how many rows that touched.
CREATE FUNCTION billing.customer_delete(customer text, created timestamptz, rank smallint)
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

-- Merges what an event says about a subscription into its row, which is made if
-- need be, and brings the account in line. The arguments are those of
-- billing.stripe_apply(), and so is the outcome.
CREATE FUNCTION billing.subscription_apply(
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
CREATE FUNCTION billing.stripe_apply(
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

-- Records that an event could not be applied: a failure for people to read, and
-- a ledger row without processed_at, so that a resend or a replay tries again.
-- One that has taken effect before stays a duplicate. Returns the outcome.
CREATE FUNCTION billing.stripe_failed(
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
