-- What is bought once: a Checkout session of mode payment whose metadata name a plan that the
-- catalog sells once. Other sessions of that mode are not ours.

-- Whether a purchase gives its plan now: it is paid, its time is not over, and its money is
-- neither gone nor in doubt, as far as the catalog's policy minds.
CREATE OR REPLACE FUNCTION billing.purchase_stands(b billing.purchases) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT b.paid_at IS NOT NULL AND (b.until > now()) IS NOT false AND NOT EXISTS (
		SELECT FROM billing.policy p
		WHERE b.refunded_at IS NOT NULL AND p.refund_purchase = 'end'
		   OR b.dispute = 'open' AND p.dispute = 'suspend'
		   OR b.dispute = 'lost' AND p.dispute_lost = 'end'
		   OR b.fraud_warned AND p.fraud_warning = 'suspend')
$$;

-- The purchase after what a session says of it.
CREATE OR REPLACE FUNCTION billing.purchase_merge(b billing.purchases, f billing.stripe_facts,
	days integer, created timestamptz)
RETURNS billing.purchases
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	b.payment_intent := coalesce(f.payment, b.payment_intent);
	b.amount := coalesce(f.amount, b.amount);
	b.currency := coalesce(f.currency, b.currency);
	b.customer := coalesce(b.customer, f.customer);
	b.account_ref := coalesce(f.account_ref, b.account_ref, f.reference);
	b.ref_claimed := f.account_ref IS NULL AND coalesce(f.payment_link, b.ref_claimed);
	b.email := coalesce(nullif(lower(btrim(f.email)), ''), b.email);
	IF f.fact = 'checkout_paid' THEN
		b.paid_at := least(b.paid_at, created);
		b.until := b.paid_at + make_interval(days => days);
	END IF;
	RETURN b;
END $$;

-- The purchase with what became of its money.
CREATE OR REPLACE FUNCTION billing.purchase_settle(b billing.purchases) RETURNS billing.purchases
LANGUAGE plpgsql STABLE AS $$
DECLARE
	p billing.payments;
BEGIN
	SELECT * INTO p FROM billing.payments n WHERE n.payment = b.payment_intent;
	b.refunded_at := CASE WHEN billing.is_refunded(p) THEN p.refunded_at END;
	b.fraud_warned := p.warned_at IS NOT NULL;
	b.dispute := billing.disputes_of(ARRAY[p.payment]);
	b.disputed_at := (SELECT min(d.event_at) FROM billing.disputes d
		WHERE d.payment = p.payment AND billing.dispute_state(d.status) IS NOT NULL);
	RETURN b;
END $$;

-- Keeps a purchase that was changed, and brings its account in line. Returns the outcome.
CREATE OR REPLACE FUNCTION billing.purchase_store(old billing.purchases, b billing.purchases)
RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	IF b.account_id IS NOT NULL THEN
		b.email := NULL;
	END IF;
	IF b IS DISTINCT FROM old THEN
		UPDATE billing.purchases SET account_id = b.account_id,
			payment_intent = b.payment_intent, amount = b.amount, currency = b.currency,
			until = b.until, paid_at = b.paid_at, refunded_at = b.refunded_at,
			disputed_at = b.disputed_at, dispute = b.dispute,
			fraud_warned = b.fraud_warned, customer = b.customer,
			account_ref = b.account_ref, ref_claimed = b.ref_claimed, email = b.email
			WHERE id = b.id;
		IF b.account_id IS NOT NULL THEN
			IF old.refunded_at IS NULL AND b.refunded_at IS NOT NULL THEN
				PERFORM billing.payment_retract(b.account_id, b.created_at);
			END IF;
			PERFORM billing.account_refresh(b.account_id,
				billing.purchase_stands(old) AND NOT billing.purchase_stands(b), true);
			PERFORM billing.account_changed(b.account_id);
		END IF;
	END IF;
	RETURN CASE WHEN b.account_id IS NULL THEN 'unmatched' ELSE 'applied' END;
END $$;

-- Applies what a session of mode payment says.
CREATE OR REPLACE FUNCTION billing.purchase_apply(f billing.stripe_facts, created timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	price billing.prices;
	old   billing.purchases;
	b     billing.purchases;
BEGIN
	SELECT * INTO price FROM billing.prices r
		WHERE r.period = 'once' AND r.plan = f.metadata ->> 'plan'
		ORDER BY r.sold DESC, r.place LIMIT 1;
	IF price.price_id IS NULL OR f.session IS NULL THEN
		RETURN 'ignored';
	END IF;
	IF f.payment IS NOT NULL THEN
		PERFORM billing.payment_lock(f.payment, NULL);
	END IF;
	INSERT INTO billing.purchases (source_id, price_id, plan, created_at)
		VALUES (f.session, price.price_id, price.plan, created) ON CONFLICT DO NOTHING;
	SELECT * INTO old FROM billing.purchases n WHERE n.source_id = f.session FOR NO KEY UPDATE;
	b := billing.purchase_settle(billing.purchase_merge(old, f, price.days, created));
	IF b.account_id IS NULL THEN
		b.account_id := billing.account_resolve(b.customer, b.account_ref, b.ref_claimed,
			f.email);
	END IF;
	RETURN billing.purchase_store(old, b);
END $$;

-- Brings the purchase that a payment paid in line with what became of its money. Returns the
-- outcome; NULL: it paid none.
CREATE OR REPLACE FUNCTION billing.purchase_resettle(payment text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	old billing.purchases;
BEGIN
	SELECT * INTO old FROM billing.purchases n WHERE n.payment_intent = payment
		FOR NO KEY UPDATE;
	RETURN CASE WHEN old.id IS NOT NULL THEN
		billing.purchase_store(old, billing.purchase_settle(old)) END;
END $$;

-- Gives an account the purchases that were kept for want of it. Returns how many.
CREATE OR REPLACE FUNCTION billing.purchases_adopt(account billing.accounts) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	b       billing.purchases;
	address text := CASE WHEN (billing.account_mailed(account.email)).id = account.id
		THEN lower(btrim(account.email)) END;
	n       billing.purchases;
	adopted integer := 0;
BEGIN
	FOR b IN SELECT * FROM billing.purchases p WHERE p.account_id IS NULL
		AND (p.customer = account.stripe_customer_id OR p.account_ref = account.external_id
			OR p.email = address) ORDER BY p.id FOR NO KEY UPDATE
	LOOP
		n := b;
		n.account_id := account.id;
		PERFORM billing.purchase_store(b, n);
		adopted := adopted + 1;
	END LOOP;
	RETURN adopted;
END $$;
