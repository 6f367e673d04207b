-- Invoices: objects of their own, each with its own life, and what those of a subscription
-- say about it. Its newest invoice of the cycle decides; others change nothing.

-- The invoice after what an event says of it. Its fact is payment_paid, payment_failed,
-- invoice_closed (voided, or uncollectible), invoice_overdue, action_required, or none of them.
CREATE OR REPLACE FUNCTION billing.invoice_merge(i billing.invoices, f billing.stripe_facts,
	created timestamptz)
RETURNS billing.invoices
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	i.stripe_subscription_id := coalesce(f.subscription, i.stripe_subscription_id);
	i.created_at := coalesce(f.invoice_created, least(i.created_at, created));
	i.billing_reason := coalesce(f.billing_reason, i.billing_reason);
	i.amount_paid := greatest(i.amount_paid, f.amount_paid);
	i.paid_at := least(i.paid_at, f.invoice_paid);
	CASE f.fact
	WHEN 'payment_paid' THEN
		i.paid_at := least(i.paid_at, created);
	WHEN 'payment_failed' THEN
		i.failed_at := greatest(i.failed_at, created);
		i.failing_since := least(i.failing_since, created);
	WHEN 'invoice_closed' THEN
		i.closed_at := least(i.closed_at, created);
	WHEN 'invoice_overdue' THEN
		i.overdue_at := least(i.overdue_at, created);
	WHEN 'action_required' THEN
		i.action_at := greatest(i.action_at, created);
		i.action_url := coalesce(f.url, i.action_url);
	ELSE
		NULL;
	END CASE;
	RETURN i;
END $$;

-- Keeps what an event says of an invoice, and whose payment it names.
CREATE OR REPLACE FUNCTION billing.invoice_note(f billing.stripe_facts, created timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	old billing.invoices;
	i   billing.invoices;
BEGIN
	IF coalesce(f.payment, f.charge) IS NOT NULL THEN
		PERFORM billing.payment_store(billing.payment_merge(
			billing.payment_lock(f.payment, f.charge), f, created));
	END IF;
	INSERT INTO billing.invoices (invoice_id, created_at)
		VALUES (f.invoice, coalesce(f.invoice_created, created)) ON CONFLICT DO NOTHING;
	SELECT * INTO old FROM billing.invoices WHERE invoice_id = f.invoice FOR NO KEY UPDATE;
	i := billing.invoice_merge(old, f, created);
	IF i IS DISTINCT FROM old THEN
		UPDATE billing.invoices SET
			stripe_subscription_id = i.stripe_subscription_id, created_at = i.created_at,
			billing_reason = i.billing_reason, amount_paid = i.amount_paid,
			paid_at = i.paid_at, failed_at = i.failed_at, failing_since = i.failing_since,
			closed_at = i.closed_at, overdue_at = i.overdue_at, action_at = i.action_at,
			action_url = i.action_url
			WHERE invoice_id = i.invoice_id;
	END IF;
END $$;

-- The invoice that decides: the newest of the cycle. A snapshot whose latest invoice nobody
-- has seen makes those that are older than the snapshot old ones.
CREATE OR REPLACE FUNCTION billing.deciding_invoice(s billing.subscriptions)
RETURNS billing.invoices
LANGUAGE plpgsql STABLE AS $$
DECLARE
	i billing.invoices;
BEGIN
	SELECT n.* INTO i FROM billing.invoices n
		WHERE n.stripe_subscription_id = s.stripe_subscription_id
		  AND billing.is_cycle(n.billing_reason)
		ORDER BY n.created_at DESC, n.invoice_id DESC LIMIT 1;
	IF i.created_at <= s.last_event_at AND s.latest_invoice IS NOT NULL AND NOT EXISTS (
			SELECT FROM billing.invoices l WHERE l.invoice_id = s.latest_invoice) THEN
		RETURN NULL;
	END IF;
	RETURN i;
END $$;

-- Whether what became of an invoice at a time is news to the snapshot. In its second an invoice
-- has the last word, but for another one than the snapshot's latest.
CREATE OR REPLACE FUNCTION billing.is_news(s billing.subscriptions, i billing.invoices,
	at timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT s.last_event_at IS NULL OR at > s.last_event_at
	    OR (at >= date_trunc('second', s.last_event_at)
		AND i.invoice_id = coalesce(s.latest_invoice, i.invoice_id))
$$;

-- The row with what the invoice that decides says after the snapshot, if anything.
CREATE OR REPLACE FUNCTION billing.settle_deciding(s billing.subscriptions, i billing.invoices)
RETURNS billing.subscriptions
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	waits boolean := i.paid_at IS NULL AND i.closed_at IS NULL;
BEGIN
	s.payment_failed_at := CASE WHEN waits AND billing.is_news(s, i, i.failed_at)
		AND (i.failed_at = date_trunc('second', s.last_event_at)
			AND billing.is_recovery(s.snapshot_status, s.previous ->> 'status')) IS NOT true
		THEN i.failed_at END;
	s.failing_since := CASE WHEN waits THEN i.failing_since END;
	s.payment_paid_at := CASE WHEN billing.is_news(s, i, i.paid_at) THEN i.paid_at END;
	RETURN s;
END $$;

-- The row with all that its invoices say: whether a payment is missing, whether money was
-- seen and stayed, whether it is disputed.
CREATE OR REPLACE FUNCTION billing.settle_invoices(s billing.subscriptions)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
DECLARE
	i      billing.invoices;
	newest boolean := true;
	fate   record;
BEGIN
	IF NOT EXISTS (SELECT FROM billing.invoices n
			WHERE n.stripe_subscription_id = s.stripe_subscription_id) THEN
		RETURN s;
	END IF;
	s := billing.settle_deciding(s, billing.deciding_invoice(s));
	s.money_at := NULL;
	s.refunded := false;
	s.dispute := NULL;
	s.fraud_warned := false;
	FOR i IN SELECT * FROM billing.invoices n
		WHERE n.stripe_subscription_id = s.stripe_subscription_id
		ORDER BY n.created_at DESC, n.invoice_id DESC
	LOOP
		s.invoice_event_at := greatest(s.invoice_event_at, i.paid_at, i.failed_at, i.closed_at);
		fate := billing.invoice_fate(i.invoice_id);
		s.dispute := CASE WHEN 'open' IN (s.dispute, fate.dispute) THEN 'open'
			ELSE coalesce(s.dispute, CASE WHEN newest THEN fate.dispute END) END;
		CONTINUE WHEN NOT billing.is_cycle(i.billing_reason);
		s.fraud_warned := s.fraud_warned OR (newest AND fate.warned);
		s.refunded := s.refunded OR (newest AND fate.refunded);
		newest := false;
		CONTINUE WHEN i.paid_at IS NULL;
		s.invoice_paid := true;
		CONTINUE WHEN i.amount_paid = 0;
		IF NOT fate.refunded AND fate.dispute IS DISTINCT FROM 'lost' THEN
			s.money_at := least(s.money_at, i.paid_at);
		END IF;
	END LOOP;
	RETURN s;
END $$;

-- Whether what an event says of an invoice is older than what the row reflects, and brought
-- no first money either.
CREATE OR REPLACE FUNCTION billing.is_old_invoice(old billing.subscriptions,
	s billing.subscriptions, f billing.stripe_facts, created timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
	i billing.invoices;
BEGIN
	IF f.fact IS NULL OR f.fact NOT IN ('payment_failed', 'payment_paid')
	   OR NOT billing.is_cycle(f.billing_reason) OR billing.is_withheld(old)
	   OR (old.money_at, old.invoice_paid) IS DISTINCT FROM (s.money_at, s.invoice_paid) THEN
		RETURN false;
	END IF;
	i := billing.deciding_invoice(s);
	RETURN created < date_trunc('second', s.last_event_at)
		OR i.invoice_id IS DISTINCT FROM f.invoice
		OR (f.fact = 'payment_failed' AND s.payment_failed_at IS NULL);
END $$;
