-- Invoices, what became of their payments, and what is scheduled: objects of Stripe's that
-- change on their own, in any order. What they mean stands in rules/{invoice,claim,schedule}.sql.

CREATE TABLE billing.invoices (
	invoice_id             text PRIMARY KEY,
	stripe_subscription_id text,
	created_at             timestamptz NOT NULL,
	billing_reason         text,
	amount_paid            bigint NOT NULL DEFAULT 0,
	paid_at                timestamptz,
	failed_at              timestamptz,
	failing_since          timestamptz,
	closed_at              timestamptz,
	overdue_at             timestamptz,
	action_at              timestamptz,
	action_url             text
) WITH (fillfactor = 80);

CREATE INDEX invoices_subscription ON billing.invoices (stripe_subscription_id, created_at);

COMMENT ON COLUMN billing.invoices.created_at IS
	'its own, else the first event''s: the newest of the cycle decides';
COMMENT ON COLUMN billing.invoices.closed_at IS
	'it was voided or marked uncollectible: nobody waits for its money any more';
COMMENT ON COLUMN billing.invoices.action_url IS
	'where the customer confirms a payment that the bank asks about';

CREATE TABLE billing.payments (
	payment     text PRIMARY KEY,
	charge      text,
	customer    text,
	invoice_id  text,
	amount      bigint,
	refunded    boolean NOT NULL DEFAULT false,
	refunded_at timestamptz,
	undone      jsonb NOT NULL DEFAULT '{}',
	warned_at   timestamptz
);

CREATE INDEX payments_invoice ON billing.payments (invoice_id);
CREATE INDEX payments_charge ON billing.payments (charge);
CREATE INDEX payments_customer ON billing.payments (customer);

COMMENT ON TABLE billing.payments IS
	'what is known of a payment: whose invoice it paid, and whether the money stayed';
COMMENT ON COLUMN billing.payments.payment IS
	'the payment intent, or the charge where there is none';
COMMENT ON COLUMN billing.payments.refunded IS
	'its charge was given back in full, as Stripe said at refunded_at';
COMMENT ON COLUMN billing.payments.undone IS
	'refunds that failed, and when: a refund that failed after refunded_at gave nothing back';

CREATE TABLE billing.disputes (
	dispute_id text PRIMARY KEY,
	payment    text NOT NULL,
	status     text NOT NULL,
	due_by     timestamptz,
	event_at   timestamptz NOT NULL,
	event_rank smallint NOT NULL
);

CREATE INDEX disputes_payment ON billing.disputes (payment);

COMMENT ON COLUMN billing.disputes.due_by IS 'until when Stripe takes evidence';

CREATE TABLE billing.schedules (
	schedule_id            text PRIMARY KEY,
	stripe_subscription_id text NOT NULL,
	status                 text NOT NULL,
	next_at                timestamptz,
	next_items             jsonb,
	event_at               timestamptz NOT NULL,
	event_rank             smallint NOT NULL
);

CREATE INDEX schedules_subscription ON billing.schedules (stripe_subscription_id);

COMMENT ON TABLE billing.schedules IS 'changes that a subscription is to make by itself';
COMMENT ON COLUMN billing.schedules.next_items IS 'what it is of from next_at on';

CREATE TABLE billing.purchases (
	id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id     bigint REFERENCES billing.accounts ON DELETE SET NULL,
	source_id      text NOT NULL UNIQUE,
	payment_intent text UNIQUE,
	price_id       text,
	plan           text NOT NULL,
	quantity       integer NOT NULL DEFAULT 1,
	amount         bigint,
	currency       text,
	until          timestamptz,
	paid_at        timestamptz,
	refunded_at    timestamptz,
	disputed_at    timestamptz,
	dispute        text CHECK (dispute IN ('open', 'lost')),
	fraud_warned   boolean NOT NULL DEFAULT false,
	customer       text,
	account_ref    text,
	ref_claimed    boolean NOT NULL DEFAULT false,
	email          text,
	created_at     timestamptz NOT NULL
);

CREATE INDEX purchases_account ON billing.purchases (account_id);
CREATE INDEX purchases_unlinked ON billing.purchases (customer) WHERE account_id IS NULL;

COMMENT ON TABLE billing.purchases IS 'what was bought once, for good or for some days';
COMMENT ON COLUMN billing.purchases.source_id IS 'the Checkout session that sold it';
COMMENT ON COLUMN billing.purchases.until IS 'NULL: for good';
COMMENT ON COLUMN billing.purchases.email IS 'of whoever paid, while there is no account';
