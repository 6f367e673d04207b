-- A customer's story: what people decided, and what became of the money. The rest of it, and
-- the whole, is billing.ops_story().

-- What people have decided about an account, and whose customer it became by what proof.
CREATE OR REPLACE FUNCTION billing.story_of_decisions(account_ bigint, customer_ text)
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE AS $$
	SELECT g.created_at, 'grant', 'is granted ' || coalesce('plan ' || g.plan, 'the default plan')
		|| coalesce(' until ' || billing.utc(g.until), ''), NULL,
	       concat_ws(': ', g.granted_by, g.reason), NULL
		FROM billing.grants g WHERE g.account_id = account_
	UNION ALL
	SELECT g.revoked_at, 'grant', 'grant ' || g.id || ' is taken back', NULL, g.revoked_by, NULL
		FROM billing.grants g WHERE g.account_id = account_ AND g.revoked_at IS NOT NULL
	UNION ALL
	SELECT c.created_at, 'credit',
	       CASE WHEN c.days > 0 THEN 'is given ' || c.days || ' days of credit, until '
			ELSE 'loses ' || -c.days || ' days of credit, which now ends at ' END
		|| billing.utc(c.until), NULL, concat_ws(': ', c.given_by, c.reason), NULL
		FROM billing.credits c WHERE c.account_id = account_
	UNION ALL
	SELECT b.at, 'customer', 'customer ' || b.customer || CASE b.proof
			WHEN 'unlinked' THEN ' is taken from it' WHEN 'replaced' THEN ' is replaced'
			ELSE ' becomes its own' END, NULL,
	       CASE b.proof WHEN 'metadata' THEN 'an event names the account'
			WHEN 'e-mail' THEN 'who paid has its verified address'
			ELSE 'by ' || b.noted_by END, NULL
		FROM billing.bindings b
		WHERE b.account_id = account_
		   OR (account_ IS NULL AND b.customer = customer_)
$$;

-- What a subscription is about to do by itself, and how it is paused: as it is known now.
CREATE OR REPLACE FUNCTION billing.story_of_changes(subscription bigint)
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE AS $$
	SELECT c.event_at, 'change', s.stripe_subscription_id || ' is to become '
			|| concat_ws(', ', n.change ->> 'plan', n.change ->> 'period')
			|| ' at ' || (n.change ->> 'at'), 'scheduled', c.schedule_id, NULL
		FROM billing.subscriptions s
		JOIN billing.schedules c USING (stripe_subscription_id)
		CROSS JOIN LATERAL (SELECT billing.scheduled(s.id) AS change OFFSET 0) n
		WHERE s.id = subscription AND billing.utc(c.next_at) = n.change ->> 'at'
	UNION ALL
	SELECT coalesce(s.last_event_at, s.updated_at), 'pause', CASE p.pause ->> 'kind'
			WHEN 'subscription' THEN s.stripe_subscription_id || ' is paused, and gives nothing'
			ELSE 'no money is collected for ' || s.stripe_subscription_id || coalesce(
				' until ' || (p.pause ->> 'resumes_at'), '') END, 'paused',
	       p.pause ->> 'reason', NULL
		FROM billing.subscriptions s
		CROSS JOIN LATERAL (SELECT billing.paused(s.status, s.pause_collection) AS pause
			OFFSET 0) p
		WHERE s.id = subscription AND p.pause IS NOT NULL
$$;

-- What became of a subscription's invoices. The page that asks a customer to confirm a
-- payment is there for an operator to pass on.
CREATE OR REPLACE FUNCTION billing.story_of_invoices(subscription text)
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE AS $$
	SELECT h.at, 'invoice', format(h.what, i.invoice_id), h.outcome,
	       concat_ws(', ', i.billing_reason, h.detail), NULL
		FROM billing.invoices i CROSS JOIN LATERAL (VALUES
			(i.paid_at, CASE WHEN i.amount_paid > 0 THEN 'invoice %s is paid'
				ELSE 'invoice %s is settled: there was nothing to pay' END, 'paid', NULL),
			(i.failing_since, 'a payment of invoice %s fails', 'failed', NULL),
			(CASE WHEN i.failed_at > i.failing_since THEN i.failed_at END,
				'a payment of invoice %s fails again', 'failed', 'the last time so far'),
			(i.closed_at, 'invoice %s is voided or given up as uncollectible', 'closed', NULL),
			(i.overdue_at, 'invoice %s is overdue', 'overdue', NULL),
			(i.action_at, 'the bank asks the customer to confirm the payment of invoice %s',
				CASE WHEN i.paid_at IS NULL AND i.closed_at IS NULL THEN 'waits'
				ELSE 'over' END,
				'the customer confirms at ' || i.action_url)
			) h(at, what, outcome, detail)
		WHERE i.stripe_subscription_id = subscription AND h.at IS NOT NULL
$$;

-- Refunds, disputes and fraud warnings of the payments of these customers, or for these
-- subscriptions.
CREATE OR REPLACE FUNCTION billing.story_of_payments(customers text[], subscriptions text[])
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE AS $$
	WITH payment AS MATERIALIZED (
		SELECT * FROM billing.payments p WHERE p.invoice_id IN (
			SELECT i.invoice_id FROM billing.invoices i
				WHERE i.stripe_subscription_id = ANY (subscriptions))
		UNION
		SELECT * FROM billing.payments p WHERE p.customer = ANY (customers)
	)
	SELECT p.refunded_at, 'refund', CASE WHEN p.refunded THEN 'payment ' || p.payment
			|| ' is given back in full'
			ELSE 'a part of payment ' || p.payment || ' is given back' END,
	       'refunded', p.invoice_id, NULL
		FROM payment p WHERE p.refunded_at IS NOT NULL
	UNION ALL
	SELECT u.value::timestamptz, 'refund', 'refund ' || u.key || ' of payment ' || p.payment
			|| ' fails: the money stays', 'failed', p.invoice_id, NULL
		FROM payment p CROSS JOIN LATERAL jsonb_each_text(p.undone) u
	UNION ALL
	SELECT p.warned_at, 'fraud', 'Stripe warns that payment ' || p.payment
			|| ' may be a fraud', 'warned', p.invoice_id, NULL
		FROM payment p WHERE p.warned_at IS NOT NULL
	UNION ALL
	SELECT d.event_at, 'dispute', CASE billing.dispute_word(d.status)
			WHEN 'open' THEN 'the customer disputes payment ' || d.payment
			WHEN 'inquiry' THEN 'the customer''s bank asks about payment ' || d.payment
			WHEN 'lost' THEN 'the dispute of payment ' || d.payment || ' is lost'
			WHEN 'won' THEN 'the dispute of payment ' || d.payment || ' is won'
			ELSE 'a dispute of payment ' || d.payment || ' is over and took nothing' END,
	       billing.dispute_word(d.status), concat_ws(', ', d.dispute_id, d.status,
			CASE WHEN billing.dispute_waits(d.status)
			THEN 'evidence is due by ' || billing.utc(d.due_by) END), NULL
		FROM payment p JOIN billing.disputes d USING (payment)
$$;

-- The licences of these addresses: sold, revoked, what Gumroad said of them, their mails.
CREATE OR REPLACE FUNCTION billing.story_of_licences(emails text[])
RETURNS TABLE (at timestamptz, kind text, what text, outcome text, detail text, event text)
LANGUAGE sql STABLE AS $$
	WITH license AS MATERIALIZED (
		SELECT * FROM billing.licenses l
			WHERE lower(l.email) = ANY (ARRAY(SELECT lower(e) FROM unnest(emails) e))
	)
	SELECT l.created_at, 'licence', 'licence ' || l.license_key || ' is sold', NULL,
	       concat_ws(', ', l.tier, coalesce(l.product_name, l.product_id),
			round(l.amount_cents / 100.0, 2) || ' USD', CASE WHEN l.test THEN 'a test' END), NULL
		FROM license l
	UNION ALL
	SELECT l.revoked_at, 'licence', 'licence ' || l.license_key || ' is revoked', 'revoked',
	       l.revoke_reason, NULL
		FROM license l WHERE l.revoked_at IS NOT NULL
	UNION ALL
	SELECT g.received_at, 'delivery', 'Gumroad: ' || coalesce(g.resource, 'not read yet'),
	       CASE WHEN g.processed THEN g.outcome ELSE 'failed' END,
	       concat_ws(': ', g.id, g.error), NULL
		FROM license l JOIN billing.gumroad_events g ON g.license_id = l.id
	UNION ALL
	SELECT coalesce(m.sent_at, m.created_at), 'mail',
	       coalesce(m.subject, 'a mail, emptied since'), m.status,
	       concat_ws(', ', m.kind,
			CASE WHEN m.attempts > 1 THEN m.attempts || ' attempts' END, m.error),
	       NULL
		FROM license l JOIN billing.emails m ON m.license_id = l.id
$$;
