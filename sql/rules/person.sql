-- What is held on one person: shown to them, or erased.

-- A regular expression for that very text.
CREATE OR REPLACE FUNCTION billing.literally(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(value, '([^[:alnum:]])', '\\\1', 'g')
$$;

-- As forms have it.
CREATE OR REPLACE FUNCTION billing.form_encoded(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(CASE WHEN c ~ '[A-Za-z0-9_.~-]' THEN c
		ELSE upper(regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', '%\1', 'g'))
		END, '' ORDER BY n)
	FROM regexp_split_to_table(value, '') WITH ORDINALITY AS s(c, n)
$$;

-- Whether a payload of Stripe says that it is about this address or this account.
CREATE OR REPLACE FUNCTION billing.payload_names(payload text, email text, external_id text)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(position(lower(to_json(email)::text) IN lower(payload)) > 0
		AND lower(payload) ~ ('"(email|customer_email|receipt_email|customer_email_address)"\s*:\s*'
			|| billing.literally(lower(to_json(email)::text))), false)
	    OR coalesce(position(to_json(external_id)::text IN payload) > 0
		AND payload ~ ('"(client_reference_id|account|account_id|external_id|user_id|uid)"\s*:\s*'
			|| billing.literally(to_json(external_id)::text)), false)
$$;

-- Finds the account with that external id, or whoever has that address: an account,
-- a buyer of licences, a customer of Stripe whom no account knows. problem says in a
-- sentence why there is nobody.
CREATE OR REPLACE FUNCTION billing.person_find(ref text, by_email boolean,
	OUT problem text, OUT person billing.person)
LANGUAGE plpgsql AS $$
DECLARE
	found_ bigint[];
BEGIN
	found_ := ARRAY(SELECT id FROM billing.accounts
		WHERE CASE WHEN by_email THEN lower(btrim(email)) = lower(btrim(ref)) ELSE external_id = ref END
		LIMIT 2);
	IF cardinality(found_) > 1 THEN
		problem := 'several accounts have that address: name one by its id';
		RETURN;
	END IF;
	person.account_id := found_[1];
	IF person.account_id IS NULL AND NOT by_email THEN
		problem := 'there is no account with that id, or it was erased';
		RETURN;
	END IF;
	-- an address that nobody has proven may be somebody else's
	SELECT external_id, CASE WHEN email_verified THEN email END
		INTO person.external_id, person.email
		FROM billing.accounts WHERE id = person.account_id;
	IF by_email THEN
		person.email := ref;
	END IF;
	person.customers := ARRAY(SELECT c.customer FROM (
			SELECT stripe_customer_id AS customer FROM billing.accounts
				WHERE id = person.account_id
			UNION SELECT stripe_customer_id FROM billing.subscriptions
				WHERE account_id = person.account_id
				   OR (account_id IS NULL AND account_ref = person.external_id)
			UNION SELECT stripe_customer_id FROM billing.stripe_events
				WHERE billing.payload_names(payload, person.email, person.external_id)) c
		WHERE c.customer IS NOT NULL
		  AND NOT EXISTS (SELECT FROM billing.accounts o
			WHERE o.stripe_customer_id = c.customer AND o.id IS DISTINCT FROM person.account_id)
		  AND NOT EXISTS (SELECT FROM billing.subscriptions o
			WHERE o.stripe_customer_id = c.customer AND o.account_id IS NOT NULL
			  AND o.account_id IS DISTINCT FROM person.account_id)
		ORDER BY 1);
	person.subscriptions := ARRAY(SELECT stripe_subscription_id FROM billing.subscriptions
		WHERE account_id = person.account_id OR account_id IS NULL
		  AND (account_ref = person.external_id OR stripe_customer_id = ANY (person.customers)));
	person.licenses := ARRAY(SELECT id FROM billing.licenses
		WHERE lower(email) = lower(person.email) ORDER BY id);
	IF person.account_id IS NULL AND cardinality(person.licenses) = 0
	      AND NOT EXISTS (SELECT billing.person_stripe_events(person))
	      AND NOT EXISTS (SELECT billing.person_gumroad_events(person)) THEN
		problem := 'nothing is held on that address';
	END IF;
END $$;

-- The person's events at Stripe: those of their customers and subscriptions, and
-- those that belong to no other account and name them.
CREATE OR REPLACE FUNCTION billing.person_stripe_events(p billing.person) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
	SELECT e.event_id FROM billing.stripe_events e
	WHERE e.stripe_customer_id = ANY (p.customers)
	   OR e.stripe_subscription_id = ANY (p.subscriptions)
	   OR billing.payload_names(e.payload, p.email, p.external_id)
	      AND NOT EXISTS (SELECT FROM billing.accounts o
		WHERE o.stripe_customer_id = e.stripe_customer_id AND o.id IS DISTINCT FROM p.account_id)
	      AND NOT EXISTS (SELECT FROM billing.subscriptions o
		WHERE o.stripe_subscription_id = e.stripe_subscription_id
		  AND o.account_id IS DISTINCT FROM p.account_id AND o.account_id IS NOT NULL)
$$;

-- Their deliveries of Gumroad: those of their licences, and those of no licence
-- that name their address.
CREATE OR REPLACE FUNCTION billing.person_gumroad_events(p billing.person) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
	SELECT e.id FROM billing.gumroad_events e
	WHERE e.license_id = ANY (p.licenses)
	   OR (e.license_id IS NULL AND lower(e.payload) ~ ('=('
		|| billing.literally(lower(billing.form_encoded(p.email))) || '|'
		|| billing.literally(lower(p.email)) || ')(&|$)'))
$$;

CREATE OR REPLACE FUNCTION billing.as_json(value text) RETURNS json
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN value::json;
EXCEPTION WHEN data_exception THEN
	RETURN to_json(value);
END $$;

-- All that is held on a person, as one JSON object, or a problem.
CREATE OR REPLACE FUNCTION billing.account_export(ref text, by_email boolean,
	OUT problem text, OUT document text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	found_   record;
	p        billing.person;
	events   text[];
	gumroad_ bigint[];
BEGIN
	SELECT * INTO found_ FROM billing.person_find(ref, by_email);
	problem := found_.problem;
	p := found_.person;
	IF problem IS NOT NULL THEN
		RETURN;
	END IF;
	events := ARRAY(SELECT billing.person_stripe_events(p));
	gumroad_ := ARRAY(SELECT billing.person_gumroad_events(p));
	document := json_build_object(
	'exported_at', date_trunc('second', now()),
	'account', (SELECT row_to_json(a) FROM billing.accounts a WHERE id = p.account_id),
	'subscriptions', (SELECT coalesce(json_agg(s ORDER BY s.id), '[]') FROM billing.subscriptions s
		WHERE stripe_subscription_id = ANY (p.subscriptions)),
	'stripe_events', (SELECT coalesce(json_agg(e ORDER BY e.received_at, e.event_id), '[]') FROM (
		SELECT event_id, type, api_version, livemode, created_at, received_at, processed_at,
		       outcome, error, stripe_customer_id, stripe_subscription_id, deliveries,
		       payload_truncated, billing.as_json(payload) AS payload
		FROM billing.stripe_events WHERE event_id = ANY (events)) e),
	'webhook_failures', (SELECT coalesce(json_agg(f ORDER BY f.failure_id), '[]')
		FROM billing.webhook_failures f
		WHERE source = 'stripe' AND id = ANY (events)
		   OR source = 'gumroad' AND id IN (SELECT order_id FROM billing.gumroad_events
			WHERE id = ANY (gumroad_))),
	'drift', (SELECT coalesce(json_agg(d ORDER BY d.reconciliation, d.subscription, d.field), '[]')
		FROM billing.drift d WHERE subscription = ANY (p.subscriptions)),
	'grants', (SELECT coalesce(json_agg(g ORDER BY g.id), '[]')
		FROM billing.grants g WHERE account_id = p.account_id),
	'bindings', (SELECT coalesce(json_agg(b ORDER BY b.id), '[]')
		FROM billing.bindings b WHERE account_id = p.account_id),
	'checkout_sessions', (SELECT coalesce(json_agg(c ORDER BY c.id), '[]')
		FROM billing.checkout_sessions c WHERE account_id = p.account_id),
	'referrals', json_build_object(
		'referred_by', (SELECT row_to_json(r) FROM (
			SELECT code, created_at, converted_at, credited_at FROM billing.referrals
			WHERE referred_account_id = p.account_id) r),
		'referred', (SELECT coalesce(json_agg(r ORDER BY r.created_at), '[]') FROM (
			SELECT code, created_at, converted_at, credited_at FROM billing.referrals
			WHERE referrer_account_id = p.account_id) r)),
	'licenses', (SELECT coalesce(json_agg(l ORDER BY l.id), '[]') FROM billing.licenses l
		WHERE id = ANY (p.licenses)),
	'gumroad_events', (SELECT coalesce(json_agg(g ORDER BY g.id), '[]')
		FROM billing.gumroad_events g WHERE id = ANY (gumroad_)),
	'emails', (SELECT coalesce(json_agg(m ORDER BY m.id), '[]') FROM billing.emails m
		WHERE license_id = ANY (p.licenses) OR lower(to_email) = lower(p.email))
	)::text;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_export(text, boolean) TO paydesk_operator;

-- Why a person cannot be erased yet, in a sentence; NULL: they can.
CREATE OR REPLACE FUNCTION billing.person_is_customer(p billing.person) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT 'subscription ' || stripe_subscription_id || ' is ' || status
		|| ': cancel it at Stripe and erase when its last event has arrived'
	FROM billing.subscriptions
	WHERE stripe_subscription_id = ANY (p.subscriptions) AND NOT billing.is_terminal(status)
	  AND (status <> 'incomplete' OR checkout_unpaid)
	UNION ALL
	SELECT 'membership ' || m.subscription_id || ' runs at Gumroad'
		|| ': cancel it there and erase when its period is over'
	FROM billing.gumroad_memberships m JOIN billing.licenses l ON l.id = m.license_id
	WHERE l.id = ANY (p.licenses) AND l.status = 'active'
	  AND NOT (m.cancelled_at IS NOT NULL AND coalesce(l.paid_until, m.cancelled_at) < now())
	LIMIT 1
$$;

-- Takes the person out of every table. What accounting needs stays: amounts, dates,
-- states, the ids at Stripe and Gumroad, the account under a new name. Returns what
-- was done to how many rows.
CREATE OR REPLACE FUNCTION billing.person_erase(p billing.person)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	new_name text := 'erased-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 16);
	events   text[] := ARRAY(SELECT billing.person_stripe_events(p));
	pings    bigint[] := ARRAY(SELECT billing.person_gumroad_events(p));
BEGIN
	INSERT INTO billing.erased_customers (stripe_customer_id)
		SELECT unnest(p.customers) ON CONFLICT DO NOTHING;
	INSERT INTO billing.erasures (account_id) VALUES (p.account_id);
	RETURN QUERY WITH
	account AS (
		UPDATE billing.accounts SET external_id = new_name, email = NULL,
			referral_code = NULL, updated_at = now()
			WHERE id = p.account_id RETURNING 1),
	subscription AS (
		UPDATE billing.subscriptions SET account_ref = NULL
			WHERE stripe_subscription_id = ANY (p.subscriptions) RETURNING 1),
	event AS (
		UPDATE billing.stripe_events SET payload = NULL,
			error = CASE WHEN error IS NOT NULL THEN 'erased' END
			WHERE event_id = ANY (events) RETURNING 1),
	ping AS (
		UPDATE billing.gumroad_events SET payload = NULL, processed = true,
			retry_at = NULL, error = CASE WHEN error IS NOT NULL THEN 'erased' END
			WHERE id = ANY (pings) RETURNING 1),
	failure AS (
		UPDATE billing.webhook_failures SET error = 'erased'
			WHERE source = 'stripe' AND id = ANY (events)
			   OR source = 'gumroad' AND id IN (SELECT order_id
				FROM billing.gumroad_events WHERE id = ANY (pings))
			   OR position(lower(p.email) IN lower(error)) > 0 RETURNING 1),
	mail AS (
		UPDATE billing.emails SET to_email = NULL, to_name = NULL, subject = NULL,
			body_text = NULL, body_html = NULL, provider_message_id = NULL,
			error = CASE WHEN error IS NOT NULL OR status = 'queued' THEN 'erased' END,
			status = CASE status WHEN 'queued' THEN 'failed' ELSE status END,
			claimed_at = NULL
			WHERE license_id = ANY (p.licenses) OR lower(to_email) = lower(p.email)
			RETURNING 1),
	license AS (
		UPDATE billing.licenses SET email = NULL, name = NULL, blob = NULL,
			operator_reason = CASE WHEN operator_reason IS NOT NULL THEN 'erased' END,
			revoke_reason = CASE WHEN operator_status = 'revoked' AND status = 'revoked'
				THEN 'erased' ELSE revoke_reason END,
			updated_at = now()
			WHERE id = ANY (p.licenses) RETURNING 1),
	referral AS (
		UPDATE billing.referrals SET code = 'erased'
			WHERE referrer_account_id = p.account_id RETURNING 1),
	granted AS (UPDATE billing.grants SET reason = 'erased'
		WHERE account_id = p.account_id RETURNING 1),
	difference AS (
		DELETE FROM billing.drift WHERE subscription = ANY (p.subscriptions) RETURNING 1),
	checkout AS (
		DELETE FROM billing.checkout_sessions WHERE account_id = p.account_id RETURNING 1),
	resend AS (
		DELETE FROM billing.resend_requests
			WHERE address_hash = sha256(convert_to(lower(p.email), 'UTF8')) RETURNING 1)
	SELECT 'account', count(*), CASE WHEN count(*) > 0 THEN new_name END FROM account
	UNION ALL SELECT 'subscriptions', count(*), 'kept without the account''s id' FROM subscription
	UNION ALL SELECT 'events of Stripe', count(*), 'kept without payload' FROM event
	UNION ALL SELECT 'deliveries of Gumroad', count(*), 'kept without payload' FROM ping
	UNION ALL SELECT 'failed attempts', count(*), 'kept without text' FROM failure
	UNION ALL SELECT 'mails', count(*), 'kept without address and words' FROM mail
	UNION ALL SELECT 'licences', count(*),
		'kept without name, address and signed licence; the key still verifies' FROM license
	UNION ALL SELECT 'referrals', count(*), 'kept without the code' FROM referral
	UNION ALL SELECT 'grants', count(*), 'kept without the reason' FROM granted
	UNION ALL SELECT 'drift', count(*), 'deleted' FROM difference
	UNION ALL SELECT 'checkout sessions', count(*), 'deleted' FROM checkout
	UNION ALL SELECT 'resend requests', count(*), 'deleted' FROM resend;
END $$;

-- Erases the person in one transaction, while nothing about them is applied, unless
-- there is a reason not to: one row without a number then says it.
CREATE OR REPLACE FUNCTION billing.account_erase(ref text, by_email boolean)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	found_   record;
	p        billing.person;
	customer text;
BEGIN
	SELECT * INTO found_ FROM billing.person_find(ref, by_email);
	p := found_.person;
	FOREACH customer IN ARRAY coalesce(p.customers, '{}') LOOP
		PERFORM pg_advisory_xact_lock(hashtextextended(customer, 0));
	END LOOP;
	PERFORM FROM billing.accounts WHERE id = p.account_id FOR UPDATE;
	PERFORM FROM billing.licenses WHERE id = ANY (p.licenses) ORDER BY id FOR UPDATE;
	part := coalesce(found_.problem,
		(SELECT 'erased already, at ' || billing.utc(max(erased_at))
			FROM billing.erasures WHERE account_id = p.account_id),
		billing.person_is_customer(p));
	IF part IS NULL THEN
		RETURN QUERY SELECT * FROM billing.person_erase(p);
	ELSE
		RETURN NEXT;
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_erase(text, boolean) TO paydesk_operator;
