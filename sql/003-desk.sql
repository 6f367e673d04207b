-- What the desk itself keeps: history for its charts, and who was erased.

-- One row a name and hour: how things stood when it was last looked.
CREATE TABLE billing.samples (
	at    timestamptz NOT NULL,
	name  text NOT NULL,
	value double precision NOT NULL,
	PRIMARY KEY (name, at)
);

COMMENT ON TABLE billing.samples IS
	'history for the charts of ops, written by ops sample; 400 days are kept';
COMMENT ON COLUMN billing.samples.at IS 'the beginning of the hour';

-- Until when the ends that time brings, of periods, grace and credit, have raised the version
-- of their accounts.
CREATE TABLE billing.ends_seen (
	one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
	until   timestamptz NOT NULL DEFAULT now()
);

INSERT INTO billing.ends_seen DEFAULT VALUES;

-- Makes the page's forms unforgeable; see common/program/csrf.h. Change it to make all
-- pages that are open now useless.
CREATE TABLE billing.ops_key (
	key text NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid(),
	one boolean PRIMARY KEY DEFAULT true CHECK (one)
);

INSERT INTO billing.ops_key DEFAULT VALUES;

-- Who was erased, without the person: when, and who did it.
CREATE TABLE billing.erasures (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id bigint REFERENCES billing.accounts ON DELETE SET NULL,
	erased_at  timestamptz NOT NULL DEFAULT now(),
	erased_by  text NOT NULL DEFAULT session_user
);

CREATE INDEX erasures_account ON billing.erasures (account_id);

-- An address, or an account's id, of somebody who was erased, as an HMAC-SHA256 of it.
CREATE TABLE billing.erased_addresses (
	hmac      bytea PRIMARY KEY,
	erased_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE billing.erased_addresses IS
	'what names them is applied, and no payload of it is kept: rules/erased.sql';

-- The key of these, in the two forms that HMAC hashes with.
CREATE TABLE billing.erasure_key (
	inner_pad bytea NOT NULL,
	outer_pad bytea NOT NULL,
	one       boolean PRIMARY KEY DEFAULT true CHECK (one)
);

INSERT INTO billing.erasure_key (inner_pad, outer_pad)
	SELECT string_agg(set_byte('\x00', 0, byte # 54), '' ORDER BY place),
	       string_agg(set_byte('\x00', 0, byte # 92), '' ORDER BY place)
	FROM (SELECT place, CASE WHEN place < 32 THEN get_byte(secret, place) ELSE 0 END AS byte
		FROM generate_series(0, 63) place, (SELECT sha256(convert_to(
			gen_random_uuid()::text || gen_random_uuid(), 'UTF8')) AS secret) made) padded;

-- What belongs to one person: an account, or a buyer who has none. events and deliveries
-- are theirs; those that only name them are somebody else's.
CREATE TYPE billing.person AS (
	account_id       bigint,
	external_id      text,
	email            text,
	customers        text[],
	subscriptions    text[],
	licenses         bigint[],
	events           text[],
	naming_events    text[],
	deliveries       bigint[],
	naming_deliveries bigint[]
);
