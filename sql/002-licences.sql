-- Licences, what Gumroad said about them, and the outbox of mails. What is done with
-- them stands in rules/.

CREATE TABLE billing.licenses (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	license_key     text NOT NULL UNIQUE,
	blob            text,
	source          text NOT NULL DEFAULT 'gumroad',
	source_order_id text NOT NULL,
	subscription_id text,
	email           text,
	name            text,
	tier            text NOT NULL,
	product_id      text,
	product_name    text,
	amount_cents    bigint,
	currency        text,
	offer_code      text,
	test            boolean NOT NULL DEFAULT false,
	status          text NOT NULL DEFAULT 'active'
	                CHECK (status IN ('active', 'revoked')),
	revoked_at      timestamptz,
	revoke_reason   text,
	operator_status text CHECK (operator_status IN ('active', 'revoked')),
	operator_reason text,
	renewals        integer NOT NULL DEFAULT 0,
	renewed_at      timestamptz,
	paid_until      timestamptz,
	cancelled_at    timestamptz,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz NOT NULL DEFAULT now(),
	UNIQUE (source, source_order_id)
);

CREATE INDEX licenses_email ON billing.licenses (lower(email));
CREATE INDEX licenses_created ON billing.licenses USING brin (created_at)
	WITH (autosummarize = on);

COMMENT ON COLUMN billing.licenses.email IS
	'NULL, like blob: the buyer was erased; the key still verifies';
COMMENT ON COLUMN billing.licenses.amount_cents IS
	'Gumroad''s price: US cents, whatever currency, the product''s, says';
COMMENT ON COLUMN billing.licenses.status IS
	'what everything known adds up to: billing.license_reason()';
COMMENT ON COLUMN billing.licenses.operator_status IS
	'an operator''s word, which stands above what Gumroad said until then';
COMMENT ON COLUMN billing.licenses.paid_until IS
	'of a membership: the end of the last paid period; nothing ends by itself then';

CREATE TABLE billing.license_keys (
	key_id        text PRIMARY KEY,
	public_key    text NOT NULL,
	first_used_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE billing.license_keys IS
	'the public half, in base64url, of every key that ever signed a licence here';

CREATE TABLE billing.gumroad_events (
	id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	resource     text,
	order_id     text,
	received_at  timestamptz NOT NULL DEFAULT now(),
	payload      text COMPRESSION lz4,
	processed    boolean NOT NULL DEFAULT false,
	processed_at timestamptz,
	outcome      text,
	error        text,
	license_id   bigint REFERENCES billing.licenses ON DELETE SET NULL,
	retry_at     timestamptz DEFAULT now() + interval '1 minute'
);

CREATE INDEX gumroad_events_unprocessed
	ON billing.gumroad_events (received_at) WHERE NOT processed;
CREATE INDEX gumroad_events_retry
	ON billing.gumroad_events (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX gumroad_events_license ON billing.gumroad_events (license_id);
CREATE INDEX gumroad_events_received ON billing.gumroad_events
	USING brin (received_at) WITH (autosummarize = on);
CREATE INDEX gumroad_events_payload ON billing.gumroad_events (received_at)
	WHERE payload IS NOT NULL AND processed;

COMMENT ON TABLE billing.gumroad_events IS
	'one row a delivery with the right secret, written before anything else is tried';
COMMENT ON COLUMN billing.gumroad_events.payload IS
	'the form as it came; what it should have escaped is';
COMMENT ON COLUMN billing.gumroad_events.retry_at IS
	'when gumroad-webhook deliver takes it up by itself: it broke off, or takes effect later';
COMMENT ON COLUMN billing.gumroad_events.payload IS
	'the form as it came; what it should have escaped is; NULL: emptied since';

-- What is known of a charge and of a membership, from whatever came first: a
-- refund before its sale leaves a row here that the sale then finds.
CREATE TABLE billing.gumroad_charges (
	sale_id         text PRIMARY KEY,
	subscription_id text,
	license_id      bigint REFERENCES billing.licenses ON DELETE CASCADE,
	sold            boolean NOT NULL DEFAULT false,
	sold_at         timestamptz,
	refunded_at     timestamptz,
	disputed_at     timestamptz,
	dispute_won_at  timestamptz,
	seen_at         timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX gumroad_charges_license ON billing.gumroad_charges (license_id);
CREATE INDEX gumroad_charges_unlinked
	ON billing.gumroad_charges (subscription_id) WHERE license_id IS NULL;

COMMENT ON COLUMN billing.gumroad_charges.sold IS
	'its sale was seen, and not only what happened to it later';

CREATE TABLE billing.gumroad_memberships (
	subscription_id text PRIMARY KEY,
	license_id      bigint REFERENCES billing.licenses ON DELETE CASCADE,
	cancelled_at    timestamptz,
	ended_at        timestamptz,
	ended_reason    text,
	restarted_at    timestamptz,
	updated_event   bigint
);

CREATE INDEX gumroad_memberships_license ON billing.gumroad_memberships (license_id);

COMMENT ON COLUMN billing.gumroad_memberships.updated_event IS
	'the newest delivery that changed the plan; an older one changes nothing any more';

CREATE TYPE billing.gumroad_facts AS (
	sale         text,
	subscription text,
	at           timestamptz,
	reason       text,
	recurrence   text,
	refunded     boolean,
	email        text,
	name         text,
	tier         text,
	product      text,
	product_name text,
	amount_cents bigint,
	currency     text,
	offer_code   text,
	test         boolean,
	products     text[],
	plans        text[]
);

COMMENT ON TYPE billing.gumroad_facts IS
	'what gumroad-webhook reads in a delivery, and the tier and product that the catalog makes of it';

CREATE TYPE billing.gumroad_mint AS (
	to_sign    jsonb,
	key        text,
	blob       text,
	key_id     text,
	public_key text,
	subject    text,
	text       text,
	html       text,
	lease_s    integer
);

COMMENT ON TYPE billing.gumroad_mint IS
	'what gumroad-webhook has signed when billing.gumroad_apply() said to_sign, and the mail with it';

CREATE TABLE billing.emails (
	id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind                text NOT NULL,
	license_id          bigint REFERENCES billing.licenses ON DELETE CASCADE,
	to_email            text,
	to_name             text,
	subject             text,
	body_text           text,
	body_html           text,
	token               text NOT NULL DEFAULT 'paydesk.' || gen_random_uuid(),
	status              text NOT NULL DEFAULT 'queued'
	                    CHECK (status IN ('queued', 'sent', 'failed')),
	attempts            integer NOT NULL DEFAULT 0,
	next_attempt_at     timestamptz NOT NULL DEFAULT now(),
	claimed_at          timestamptz,
	unsure              boolean NOT NULL DEFAULT false,
	recipient_inactive  boolean NOT NULL DEFAULT false,
	provider_message_id text,
	error               text,
	created_at          timestamptz NOT NULL DEFAULT now(),
	sent_at             timestamptz,
	CHECK (status <> 'queued' OR num_nulls(to_email, subject, body_text, body_html) = 0)
);

CREATE INDEX emails_queued ON billing.emails (next_attempt_at) WHERE status = 'queued';
CREATE INDEX emails_license ON billing.emails (license_id);
CREATE INDEX emails_failed ON billing.emails (created_at) WHERE status = 'failed';
CREATE INDEX emails_body ON billing.emails (created_at)
	WHERE body_text IS NOT NULL AND status <> 'queued';

COMMENT ON COLUMN billing.emails.claimed_at IS
	'somebody is sending it; next_attempt_at is when that somebody is given up';
COMMENT ON COLUMN billing.emails.unsure IS
	'an attempt ended without an answer, so the mail may arrive more than once';
COMMENT ON COLUMN billing.emails.token IS
	'the left part of its Message-ID, the same in every attempt';

CREATE TABLE billing.resend_requests (
	address_hash bytea PRIMARY KEY,
	at           timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX resend_requests_at ON billing.resend_requests (at);

COMMENT ON TABLE billing.resend_requests IS
	'who asked for his licences in the last minutes, known here or not';
