-- Accounts, subscriptions, the ledger of Stripe's events, referrals.
-- How an event changes them is in 002-stripe-apply.sql, who may do what in 003-roles.sql.

CREATE TABLE billing.accounts (
	id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	external_id         text NOT NULL UNIQUE,
	email               text,
	stripe_customer_id  text UNIQUE,
	subscription_status text,
	tier                text NOT NULL DEFAULT 'free'
	                    CHECK (tier IN ('free', 'paid')),
	trial_end           timestamptz,
	credit_until        timestamptz,
	referral_code       text UNIQUE
	                    DEFAULT upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)),
	first_paid_at       timestamptz,
	created_at          timestamptz NOT NULL DEFAULT now(),
	updated_at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX accounts_email ON billing.accounts (lower(email));

COMMENT ON COLUMN billing.accounts.external_id IS
	'the id by which the host application knows the account';
COMMENT ON COLUMN billing.accounts.first_paid_at IS
	'when paydesk first saw the account pay; a referral converts only then';

CREATE TABLE billing.subscriptions (
	id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id             bigint REFERENCES billing.accounts ON DELETE SET NULL,
	stripe_subscription_id text NOT NULL UNIQUE,
	stripe_customer_id     text,
	account_ref            text,
	plan                   text NOT NULL DEFAULT 'unknown',
	period                 text,
	price_id               text,
	status                 text NOT NULL DEFAULT 'incomplete',
	seat_limit             integer,
	current_period_start   timestamptz,
	current_period_end     timestamptz,
	trial_end              timestamptz,
	cancel_at_period_end   boolean NOT NULL DEFAULT false,
	last_event_at          timestamptz,
	last_event_rank        smallint,
	snapshot_status        text,
	previous_status        text,
	was_active             boolean NOT NULL DEFAULT false,
	payment_failed_at      timestamptz,
	payment_paid_at        timestamptz,
	checkout_unpaid        boolean NOT NULL DEFAULT false,
	checkout_paid_at       timestamptz,
	created_at             timestamptz NOT NULL DEFAULT now(),
	updated_at             timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

CREATE INDEX subscriptions_account ON billing.subscriptions (account_id);
CREATE INDEX subscriptions_unlinked_customer
	ON billing.subscriptions (stripe_customer_id) WHERE account_id IS NULL;
CREATE INDEX subscriptions_unlinked_ref
	ON billing.subscriptions (account_ref) WHERE account_id IS NULL;

COMMENT ON COLUMN billing.subscriptions.status IS
	'what the newest facts add up to: billing.subscription_status()';
COMMENT ON COLUMN billing.subscriptions.snapshot_status IS
	'the status that Stripe''s newest subscription object said';
COMMENT ON COLUMN billing.subscriptions.last_event_at IS
	'Stripe''s clock of that newest object; with last_event_rank it decides what is stale';
COMMENT ON COLUMN billing.subscriptions.account_ref IS
	'the account''s external id as the subscription''s metadata names it';
COMMENT ON COLUMN billing.subscriptions.was_active IS
	'it has been trialing or active, as any of its events says, also a stale one';

CREATE TABLE billing.stripe_events (
	event_id               text PRIMARY KEY,
	type                   text NOT NULL,
	api_version            text,
	livemode               boolean,
	created_at             timestamptz,
	received_at            timestamptz NOT NULL DEFAULT now(),
	processed_at           timestamptz,
	outcome                text NOT NULL,
	error                  text,
	stripe_customer_id     text,
	stripe_subscription_id text,
	payload                text COMPRESSION lz4,
	payload_truncated      boolean NOT NULL DEFAULT false,
	deliveries             integer NOT NULL DEFAULT 1
);

CREATE INDEX stripe_events_failed
	ON billing.stripe_events (received_at) WHERE processed_at IS NULL;
CREATE INDEX stripe_events_customer_deleted
	ON billing.stripe_events (stripe_customer_id) WHERE type = 'customer.deleted';

COMMENT ON TABLE billing.stripe_events IS
	'the ledger: an event with processed_at has taken effect, or needed none';

CREATE TABLE billing.webhook_failures (
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source   text NOT NULL,
	event_id text,
	type     text,
	at       timestamptz NOT NULL DEFAULT now(),
	error    text NOT NULL,
	sqlstate text
);

CREATE INDEX webhook_failures_at ON billing.webhook_failures (at);

COMMENT ON TABLE billing.webhook_failures IS
	'one row a failed attempt, for a person to read; never a mark of idempotency';

CREATE TABLE billing.referrals (
	id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	code                text NOT NULL,
	referrer_account_id bigint REFERENCES billing.accounts ON DELETE SET NULL,
	referred_account_id bigint NOT NULL UNIQUE
	                    REFERENCES billing.accounts ON DELETE CASCADE,
	created_at          timestamptz NOT NULL DEFAULT now(),
	converted_at        timestamptz,
	credited_at         timestamptz,
	CHECK (referrer_account_id <> referred_account_id)
);

CREATE INDEX referrals_referrer ON billing.referrals (referrer_account_id);
