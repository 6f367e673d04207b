-- What becomes of money that was paid: refunds, disputes and fraud warnings. They are facts of
-- their own, in any order; billing.is_suspended() reads them by the catalog's policy.

-- The row of a payment, locked; it is made if need be. Everything that is said of a payment
-- meets here, so that two events about it are taken one after the other.
CREATE OR REPLACE FUNCTION billing.payment_lock(intent text, charge_ text)
RETURNS billing.payments
LANGUAGE plpgsql AS $$
DECLARE
	p billing.payments;
BEGIN
	FOR attempt IN 1..2 LOOP
		SELECT * INTO p FROM billing.payments n
			WHERE n.payment IN (intent, charge_) OR n.charge = charge_
			ORDER BY n.payment = intent DESC NULLS LAST LIMIT 1 FOR NO KEY UPDATE;
		EXIT WHEN FOUND;
		INSERT INTO billing.payments (payment, charge)
			VALUES (coalesce(intent, charge_), charge_) ON CONFLICT DO NOTHING;
	END LOOP;
	RETURN p;
END $$;

-- The payment after what an event says of it.
CREATE OR REPLACE FUNCTION billing.payment_merge(p billing.payments, f billing.stripe_facts,
	created timestamptz)
RETURNS billing.payments
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	p.charge := coalesce(f.charge, p.charge);
	p.customer := coalesce(f.customer, p.customer);
	p.invoice_id := coalesce(f.invoice, p.invoice_id);
	CASE f.fact
	WHEN 'charge_refunded' THEN
		p.amount := coalesce(f.amount, p.amount);
		IF p.refunded_at IS NULL OR created >= p.refunded_at THEN
			p.refunded := f.refunded OR (created = p.refunded_at AND p.refunded);
			p.refunded_at := created;
		END IF;
	WHEN 'refund_undone' THEN
		p.undone := p.undone || jsonb_build_object(f.refund, created);
	WHEN 'fraud_warning' THEN
		p.warned_at := least(p.warned_at, created);
	ELSE
		NULL;
	END CASE;
	RETURN p;
END $$;

CREATE OR REPLACE FUNCTION billing.payment_store(p billing.payments) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.payments SET charge = p.charge, customer = p.customer,
		invoice_id = p.invoice_id, amount = p.amount, refunded = p.refunded,
		refunded_at = p.refunded_at, undone = p.undone, warned_at = p.warned_at
		WHERE payment = p.payment;
END $$;

-- Keeps what an event says of a dispute. A closed one may be opened again by an appeal: the
-- newest event stands.
CREATE OR REPLACE FUNCTION billing.dispute_note(f billing.stripe_facts, p billing.payments,
	created timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO billing.disputes AS d (dispute_id, payment, status, due_by, event_at, event_rank)
		VALUES (f.dispute, p.payment, f.dispute_status, f.due_by, created, f.rank)
		ON CONFLICT (dispute_id) DO UPDATE SET payment = excluded.payment,
			status = excluded.status, due_by = coalesce(excluded.due_by, d.due_by),
			event_at = excluded.event_at, event_rank = excluded.event_rank
			WHERE (excluded.event_at, excluded.event_rank) >= (d.event_at, d.event_rank);
END $$;

-- What a dispute's status stands for: open, lost, or NULL when it takes nothing: an inquiry,
-- one that was won, or one that was settled before it began.
CREATE OR REPLACE FUNCTION billing.dispute_state(status text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN status = 'lost' THEN 'lost'
	            WHEN status IN ('needs_response', 'under_review') OR status LIKE 'appeal%'
	            THEN 'open' END
$$;

-- Whether a payment was given back in full, and no refund failed since.
CREATE OR REPLACE FUNCTION billing.is_refunded(p billing.payments) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT p.refunded AND NOT EXISTS (SELECT FROM jsonb_each_text(p.undone) u
		WHERE u.value::timestamptz >= p.refunded_at)
$$;

-- What the disputes of these payments stand for together: an open one before one that is lost.
CREATE OR REPLACE FUNCTION billing.disputes_of(payments text[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT CASE WHEN bool_or(billing.dispute_state(d.status) = 'open') THEN 'open'
			WHEN bool_or(billing.dispute_state(d.status) = 'lost') THEN 'lost' END
		FROM billing.disputes d WHERE d.payment = ANY (payments));
END $$;

-- What became of the money of an invoice.
CREATE OR REPLACE FUNCTION billing.invoice_fate(invoice text, OUT refunded boolean,
	OUT dispute text, OUT warned boolean)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT coalesce(bool_and(billing.is_refunded(p)), false),
	       billing.disputes_of(array_agg(p.payment)),
	       coalesce(bool_or(p.warned_at IS NOT NULL), false)
		INTO refunded, dispute, warned FROM billing.payments p WHERE p.invoice_id = invoice;
END $$;

-- Whether the money of a subscription is gone or in doubt in a way that stops its access, by
-- the catalog's policy.
CREATE OR REPLACE FUNCTION billing.is_suspended(s billing.subscriptions) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT (s.refunded OR s.fraud_warned OR s.dispute IS NOT NULL) AND EXISTS (
		SELECT FROM billing.policy p
		WHERE s.refunded AND p.refund_subscription = 'end'
		   OR s.fraud_warned AND p.fraud_warning = 'suspend'
		   OR s.dispute = 'open' AND p.dispute = 'suspend'
		   OR s.dispute = 'lost' AND p.dispute_lost = 'end')
$$;

-- Whether something that would give an account access is suspended.
CREATE OR REPLACE FUNCTION billing.account_suspended(account bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM billing.subscriptions s
		WHERE s.account_id = account AND s.status IN ('active', 'trialing', 'past_due')
		  AND billing.is_base(s) AND NOT billing.is_withheld(s)
		  AND NOT billing.is_stopped(s) AND billing.is_suspended(s))
		OR EXISTS (SELECT FROM billing.purchases b
			WHERE b.account_id = account AND b.paid_at IS NOT NULL
			  AND (b.until > now()) IS NOT false AND NOT billing.purchase_stands(b));
END $$;

-- Whether a customer is an account's, or has bought something that is sold here.
CREATE OR REPLACE FUNCTION billing.is_our_customer(customer text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM billing.accounts a WHERE a.stripe_customer_id = customer)
		OR EXISTS (SELECT FROM billing.subscriptions s
			WHERE s.stripe_customer_id = customer AND s.sold);
END $$;

-- Whether Stripe is to be asked which invoice a payment has paid: nothing that passed names it,
-- and the payment is that of a customer of ours. Of one whose customer nobody names it is asked
-- once, before there is a row of it.
CREATE OR REPLACE FUNCTION billing.payment_is_asked(event text, intent text, charge_ text,
	invoice text, customer_ text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p billing.payments;
BEGIN
	IF EXISTS (SELECT FROM billing.stripe_events e
			WHERE e.event_id = event AND e.processed_at IS NOT NULL) THEN
		RETURN false;
	END IF;
	SELECT * INTO p FROM billing.payments n
		WHERE n.payment IN (intent, charge_) OR n.charge = charge_
		ORDER BY n.invoice_id IS NULL, n.payment = intent DESC NULLS LAST LIMIT 1;
	IF p.invoice_id IS NOT NULL OR EXISTS (SELECT FROM billing.invoices i
			WHERE i.invoice_id = invoice AND i.stripe_subscription_id IS NOT NULL)
	   OR EXISTS (SELECT FROM billing.purchases b WHERE b.payment_intent = intent) THEN
		RETURN false;
	END IF;
	p.customer := coalesce(customer_, p.customer);
	RETURN CASE WHEN p.customer IS NULL THEN p.payment IS NULL
	            ELSE billing.is_our_customer(p.customer) END;
END $$;

GRANT EXECUTE ON FUNCTION billing.payment_is_asked(text, text, text, text, text)
	TO paydesk_stripe_webhook, paydesk_ops;

-- Applies what an event says of a payment. What nobody can tell whose it is, is ignored, and
-- kept: it counts as soon as the invoice is known.
CREATE OR REPLACE FUNCTION billing.claim_apply(f billing.stripe_facts, created timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	p            billing.payments;
	subscription text;
	bought       text;
BEGIN
	IF coalesce(f.payment, f.charge) IS NULL THEN
		RETURN 'ignored';
	END IF;
	p := billing.payment_merge(billing.payment_lock(f.payment, f.charge), f, created);
	PERFORM billing.payment_store(p);
	IF f.dispute IS NOT NULL THEN
		PERFORM billing.dispute_note(f, p, created);
	END IF;
	bought := billing.purchase_resettle(p.payment);
	SELECT i.stripe_subscription_id INTO subscription FROM billing.invoices i
		WHERE i.invoice_id = p.invoice_id;
	IF bought IS NOT NULL THEN
		RETURN bought;
	ELSIF subscription IS NULL THEN
		RETURN CASE WHEN billing.is_our_customer(p.customer) THEN 'applied' ELSE 'ignored' END;
	END IF;
	RETURN billing.subscription_resettle(subscription);
END $$;
