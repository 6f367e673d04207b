-- What is sold: the catalog that was applied, as a text and as tables. Nothing but
-- billing.catalog_apply() writes them.

CREATE TABLE billing.catalogs (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         timestamptz NOT NULL DEFAULT now(),
	applied_by text NOT NULL DEFAULT session_user,
	text       text NOT NULL
);

COMMENT ON TABLE billing.catalogs IS
	'every catalog that was applied, byte for byte; the newest one holds';

CREATE TABLE billing.plans (
	plan     text PRIMARY KEY,
	place    integer NOT NULL,
	rank     integer NOT NULL,
	addon    boolean NOT NULL,
	per_seat boolean NOT NULL,
	features jsonb NOT NULL
);

COMMENT ON COLUMN billing.plans.place IS 'its number in the order of the file';

CREATE TABLE billing.prices (
	price_id   text PRIMARY KEY,
	plan       text NOT NULL REFERENCES billing.plans,
	place      integer NOT NULL,
	period     text NOT NULL,
	days       integer,
	sold       boolean NOT NULL,
	trial_days integer NOT NULL,
	license    jsonb,
	metered    boolean
);

COMMENT ON COLUMN billing.prices.sold IS
	'false: nobody can buy it any more; whoever has it keeps the plan';
COMMENT ON COLUMN billing.prices.metered IS
	'what Stripe said of it when it was ordered first; NULL: not asked yet';

CREATE TABLE billing.plan_products (
	product text PRIMARY KEY,
	plan    text NOT NULL REFERENCES billing.plans
);

CREATE TABLE billing.gumroad_products (
	product     text NOT NULL,
	plan        text NOT NULL,
	tier        text NOT NULL,
	seller_id   text,
	activations integer,
	expires     text,
	after_end   text NOT NULL CHECK (after_end IN ('keep', 'revoke')),
	PRIMARY KEY (product, plan)
);

COMMENT ON COLUMN billing.gumroad_products.plan IS
	'the name or id of a plan of a membership; empty: the product itself';

CREATE TABLE billing.policy (
	one           boolean PRIMARY KEY DEFAULT true CHECK (one),
	catalog_id    bigint REFERENCES billing.catalogs,
	default_plan  text,
	other_prices  text NOT NULL DEFAULT 'paid' CHECK (other_prices IN ('ignore', 'paid')),
	metadata_key  text NOT NULL DEFAULT 'account',
	client_reference text NOT NULL DEFAULT 'trust'
		CHECK (client_reference IN ('trust', 'claim')),
	several       boolean NOT NULL DEFAULT false,
	grace_days    integer NOT NULL DEFAULT 14,
	pause_collection text NOT NULL DEFAULT 'keep' CHECK (pause_collection IN ('keep', 'stop')),
	refund_subscription text NOT NULL DEFAULT 'keep'
		CHECK (refund_subscription IN ('keep', 'end')),
	refund_purchase text NOT NULL DEFAULT 'end' CHECK (refund_purchase IN ('end', 'keep')),
	dispute       text NOT NULL DEFAULT 'suspend' CHECK (dispute IN ('suspend', 'keep')),
	dispute_lost  text NOT NULL DEFAULT 'end' CHECK (dispute_lost IN ('end', 'keep')),
	fraud_warning text NOT NULL DEFAULT 'note' CHECK (fraud_warning IN ('note', 'suspend')),
	proration     text NOT NULL DEFAULT 'always_invoice'
		CHECK (proration IN ('always_invoice', 'none')),
	referral_days integer NOT NULL DEFAULT 45,
	convert_on    text NOT NULL DEFAULT 'payment' CHECK (convert_on IN ('payment', 'trial')),
	free          jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON COLUMN billing.policy.several IS
	'an account may have more than one live subscription';
COMMENT ON TABLE billing.policy IS 'one row; catalog_id is NULL before the first catalog';

INSERT INTO billing.policy DEFAULT VALUES;
