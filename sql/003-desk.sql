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

-- What belongs to one person: an account, or a buyer who has none.
CREATE TYPE billing.person AS (
	account_id    bigint,
	external_id   text,
	email         text,
	customers     text[],
	subscriptions text[],
	licenses      bigint[]
);
