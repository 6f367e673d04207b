-- What is held on one person: who that is, and what is theirs. Theirs is what their id,
-- their customer of Stripe or an address ties to them that is proven to be theirs alone.

-- A regular expression for that very text.
CREATE OR REPLACE FUNCTION billing.literally(value text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(value, '([^[:alnum:]])', '\\\1', 'g')
$$;

-- The part of an address around its @ that no encoding changes, in small letters.
CREATE OR REPLACE FUNCTION billing.address_core(address text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(substring(lower(address) FROM '[a-z0-9._-]*@[a-z0-9._-]*'), lower(address))
$$;

-- What an id looks like in JSON, in small letters, as far as all encoders agree.
CREATE OR REPLACE FUNCTION billing.id_core(id text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN id ~ '^[A-Za-z0-9_.:|-]+$' THEN lower('"' || id || '"')
		ELSE lower(substring(id FROM '[A-Za-z0-9]*')) END
$$;

-- Whether it is worth a closer look, whether a payload, in small letters, names them: it has
-- one of these, or letters, digits or @ as escapes, as nobody writes them.
CREATE OR REPLACE FUNCTION billing.may_name(said text, address_core text, id_core text)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT position(address_core IN said) > 0
	    OR position(replace(address_core, '@', '%40') IN said) > 0
	    OR position(id_core IN said) > 0
	    OR (position('\u00' IN said) > 0
		AND said ~ '\\u00(3[0-9]|4[0-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]|2[bde])')
$$;

-- Whether a text is that address, in any case, or has it as a word.
CREATE OR REPLACE FUNCTION billing.text_names(value text, address text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(lower(value) ~ ('(?<![[:alnum:]._%+-])'
		|| billing.literally(lower(btrim(address))) || '(?![[:alnum:]-]|\.[[:alnum:]])'), false)
$$;

-- Whether an id of the host application is such that nothing else is called the same by
-- chance: it then counts under any key, and a short one where ids of accounts stand.
CREATE OR REPLACE FUNCTION billing.id_is_distinct(id text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(length(id) >= 8 AND id ~ '[0-9]', false)
$$;

-- The strings of a JSON text, which may be cut, decoded; those under certain keys, which
-- are a regular expression, or all of them.
CREATE OR REPLACE FUNCTION billing.json_strings(payload text, keys text DEFAULT NULL)
RETURNS SETOF text
LANGUAGE sql IMMUTABLE AS $$
	SELECT billing.json_decoded(m[1]) FROM regexp_matches(payload,
		coalesce('"(?:' || keys || ')"\s*:\s*', '') || '"((?:[^"\\]|\\.)*)(?:"|\\?$)', 'g') m
$$;

-- The keys under which an object says whose it is by the id of an account.
CREATE OR REPLACE FUNCTION billing.id_keys() RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT 'client_reference_id|account|account_id|external_id|user_id|uid|'
		|| billing.literally(metadata_key) FROM billing.policy
$$;

-- Whether a payload of Stripe's says of its object that it is that person's.
CREATE OR REPLACE FUNCTION billing.event_is_of(payload text, address text, id text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM billing.json_strings(payload,
			'email|customer_email|receipt_email|customer_email_address') s
			WHERE lower(btrim(s)) = lower(btrim(address)))
	    OR EXISTS (SELECT FROM billing.json_strings(payload, billing.id_keys()) s WHERE s = id)
$$;

-- Whether it names them, under any key.
CREATE OR REPLACE FUNCTION billing.event_names(payload text, address text, id text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM billing.json_strings(payload) s
			WHERE billing.text_names(s, address)
			   OR billing.text_names(billing.percent_decoded(s), address)
			   OR (s = id AND billing.id_is_distinct(id)))
	    OR EXISTS (SELECT FROM billing.json_strings(payload, billing.id_keys()) s WHERE s = id)
$$;

-- Whether a delivery of Gumroad's has the address, or an account's id that is distinct, in
-- one of its fields, or in those with that name.
CREATE OR REPLACE FUNCTION billing.delivery_names(payload text, address text, id text,
	name text DEFAULT '%')
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT EXISTS (SELECT FROM unnest(string_to_array(payload, '&')) field,
			billing.percent_decoded(substr(field, position('=' IN field) + 1)) s
		WHERE field LIKE name || '=%' AND (billing.text_names(s, address)
			OR (s = id AND billing.id_is_distinct(id))))
$$;

-- Adds to what is known of a person the events and deliveries of theirs, and those that
-- only name them, which came since then; and the customers that these say to be theirs.
CREATE OR REPLACE FUNCTION billing.person_gather(INOUT p billing.person, since timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	address_core text := billing.address_core(p.email);
	id_core      text := billing.id_core(p.external_id);
	naming       text[];
BEGIN
	naming := ARRAY(SELECT e.event_id FROM billing.stripe_events e,
			LATERAL (SELECT lower(e.payload COLLATE "C") AS said OFFSET 0) small
		WHERE e.received_at >= since AND billing.may_name(small.said, address_core, id_core)
		  AND billing.event_names(e.payload, p.email, p.external_id));
	p.customers := billing.person_customers(p, naming);
	p.subscriptions := ARRAY(SELECT stripe_subscription_id FROM billing.subscriptions
		WHERE account_id = p.account_id OR account_id IS NULL
		  AND (account_ref = p.external_id OR email = lower(btrim(p.email))
			OR stripe_customer_id = ANY (p.customers)));
	p.events := ARRAY(SELECT unnest(p.events)
		UNION SELECT e.event_id FROM billing.stripe_events e
			WHERE e.received_at >= since AND (e.stripe_customer_id = ANY (p.customers)
				OR e.stripe_subscription_id = ANY (p.subscriptions))
		UNION SELECT e.event_id FROM billing.stripe_events e
			WHERE e.event_id = ANY (naming) AND e.stripe_customer_id IS NULL
			  AND billing.event_is_of(e.payload, p.email, p.external_id)
			  AND NOT EXISTS (SELECT FROM billing.subscriptions o
				WHERE o.stripe_subscription_id = e.stripe_subscription_id
				  AND o.account_id <> p.account_id));
	p.naming_events := ARRAY(SELECT unnest(p.naming_events || naming)
		EXCEPT SELECT unnest(p.events));
	p.licenses := ARRAY(SELECT id FROM billing.licenses
		WHERE lower(btrim(email)) = lower(btrim(p.email)) ORDER BY id);
	p := billing.person_gather_deliveries(p, since);
END $$;

CREATE OR REPLACE FUNCTION billing.person_gather_deliveries(INOUT p billing.person,
	since timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	address_core text := billing.address_core(p.email);
	id_core      text := CASE WHEN billing.id_is_distinct(p.external_id)
		THEN btrim(billing.id_core(p.external_id), '"') END;
	naming       bigint[];
BEGIN
	naming := ARRAY(SELECT e.id FROM billing.gumroad_events e,
			LATERAL (SELECT lower(e.payload COLLATE "C") AS said OFFSET 0) small
		WHERE e.received_at >= since AND billing.may_name(small.said, address_core, id_core)
		  AND billing.delivery_names(e.payload, p.email, p.external_id));
	p.deliveries := ARRAY(SELECT unnest(p.deliveries)
		UNION SELECT e.id FROM billing.gumroad_events e WHERE e.license_id = ANY (p.licenses)
		UNION SELECT e.id FROM billing.gumroad_events e
			WHERE e.id = ANY (naming) AND e.license_id IS NULL
			  AND billing.delivery_names(e.payload, p.email, NULL, 'email')
		ORDER BY 1);
	p.naming_deliveries := ARRAY(SELECT unnest(p.naming_deliveries || naming)
		EXCEPT SELECT unnest(p.deliveries));
END $$;

-- The person's customers at Stripe: their account's, and those of no other account of
-- whom one of these events says that it is theirs.
CREATE OR REPLACE FUNCTION billing.person_customers(p billing.person, events text[])
RETURNS text[]
LANGUAGE sql STABLE AS $$
	SELECT ARRAY(SELECT c.customer FROM (
			SELECT unnest(p.customers) AS customer
			UNION SELECT stripe_customer_id FROM billing.accounts WHERE id = p.account_id
			UNION SELECT stripe_customer_id FROM billing.subscriptions
				WHERE account_id = p.account_id
				   OR (account_id IS NULL AND (account_ref = p.external_id
					OR email = lower(btrim(p.email))))
			UNION SELECT stripe_customer_id FROM billing.stripe_events
				WHERE event_id = ANY (events)
				  AND (type ~ '^customer\.(created|updated|deleted|subscription\.)'
					OR type ~ '^(checkout|invoice)\.')
				  AND billing.event_is_of(payload, p.email, p.external_id)) c
		WHERE c.customer IS NOT NULL
		  AND NOT EXISTS (SELECT FROM billing.accounts o
			WHERE o.stripe_customer_id = c.customer AND o.id IS DISTINCT FROM p.account_id)
		  AND NOT EXISTS (SELECT FROM billing.subscriptions o
			WHERE o.stripe_customer_id = c.customer AND o.account_id IS NOT NULL
			  AND o.account_id IS DISTINCT FROM p.account_id)
		ORDER BY 1)
$$;

-- The account with that id, or the one that has proven that address. problem says in a
-- sentence why there is none, or no single one.
CREATE OR REPLACE FUNCTION billing.person_account(ref text, by_email boolean,
	OUT problem text, OUT person billing.person)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_ bigint[];
BEGIN
	found_ := ARRAY(SELECT id FROM billing.accounts
		WHERE CASE WHEN by_email THEN lower(btrim(email)) = lower(btrim(ref)) AND email_verified
		      ELSE external_id = ref END
		LIMIT 2);
	IF cardinality(found_) > 1 THEN
		problem := 'several accounts have that address: name one by its id';
	ELSIF found_ = '{}' AND NOT by_email THEN
		problem := 'there is no account with that id, or it was erased';
	END IF;
	person.account_id := found_[1];
	-- an address that nobody has proven, or that two have, may be somebody else's
	SELECT external_id, CASE WHEN email_verified AND NOT EXISTS (SELECT FROM billing.accounts o
				WHERE lower(btrim(o.email)) = lower(btrim(a.email)) AND o.email_verified
				  AND o.id <> a.id)
			THEN btrim(email) END
		INTO person.external_id, person.email
		FROM billing.accounts a WHERE id = person.account_id;
	IF by_email THEN
		person.email := btrim(ref);
	END IF;
END $$;

-- Finds whoever has that id or that address: an account, a buyer of licences, a customer
-- of Stripe whom no account knows. problem says in a sentence why there is nobody.
CREATE OR REPLACE FUNCTION billing.person_find(ref text, by_email boolean,
	OUT problem text, OUT person billing.person)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_ record;
BEGIN
	found_ := billing.person_account(ref, by_email);
	problem := found_.problem;
	person := found_.person;
	IF problem IS NOT NULL THEN
		RETURN;
	END IF;
	person := billing.person_gather(person, '-infinity');
	IF person.account_id IS NULL AND cardinality(person.licenses || person.deliveries
			|| person.naming_deliveries) + cardinality(person.events || person.naming_events) = 0
	   AND NOT EXISTS (SELECT FROM billing.accounts
			WHERE lower(btrim(email)) = lower(btrim(person.email))) THEN
		problem := 'nothing is held on that address';
	END IF;
END $$;

CREATE OR REPLACE FUNCTION billing.as_json(value text) RETURNS json
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN value::json;
EXCEPTION WHEN data_exception THEN
	RETURN to_json(value);
END $$;

-- All that is held on a person, as one JSON object, or a problem. Of what is somebody
-- else's and names them it has no more than that it is there: named_in.
CREATE OR REPLACE FUNCTION billing.account_export(ref text, by_email boolean,
	OUT problem text, OUT document text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET jit = off AS $$
DECLARE
	found_   record;
	p        billing.person;
BEGIN
	SELECT * INTO found_ FROM billing.person_find(ref, by_email);
	problem := found_.problem;
	p := found_.person;
	IF problem IS NOT NULL THEN
		RETURN;
	END IF;
	document := json_build_object(
	'exported_at', date_trunc('second', now()),
	'account', (SELECT row_to_json(a) FROM billing.accounts a WHERE id = p.account_id),
	'subscriptions', (SELECT coalesce(json_agg(s ORDER BY s.id), '[]') FROM billing.subscriptions s
		WHERE stripe_subscription_id = ANY (p.subscriptions)),
	'stripe_events', (SELECT coalesce(json_agg(e ORDER BY e.received_at, e.event_id), '[]') FROM (
		SELECT event_id, type, api_version, livemode, created_at, received_at, processed_at,
		       outcome, error, stripe_customer_id, stripe_subscription_id, deliveries,
		       payload_truncated, billing.as_json(payload) AS payload
		FROM billing.stripe_events WHERE event_id = ANY (p.events)) e),
	'webhook_failures', (SELECT coalesce(json_agg(f ORDER BY f.failure_id), '[]')
		FROM billing.webhook_failures f
		WHERE source = 'stripe' AND id = ANY (p.events)
		   OR source = 'gumroad' AND id IN (SELECT order_id FROM billing.gumroad_events
			WHERE id = ANY (p.deliveries))),
	'drift', (SELECT coalesce(json_agg(d ORDER BY d.reconciliation, d.subscription, d.field), '[]')
		FROM billing.drift d WHERE subscription = ANY (p.subscriptions)),
	'grants', (SELECT coalesce(json_agg(g ORDER BY g.id), '[]')
		FROM billing.grants g WHERE account_id = p.account_id),
	'credits', (SELECT coalesce(json_agg(c ORDER BY c.id), '[]')
		FROM billing.credits c WHERE account_id = p.account_id),
	'purchases', (SELECT coalesce(json_agg(b ORDER BY b.id), '[]')
		FROM billing.purchases b WHERE account_id = p.account_id
		   OR customer = ANY (p.customers)),
	'invoices', (SELECT coalesce(json_agg(i ORDER BY i.created_at), '[]')
		FROM billing.invoices i WHERE stripe_subscription_id = ANY (p.subscriptions)),
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
		FROM billing.gumroad_events g WHERE id = ANY (p.deliveries)),
	'emails', (SELECT coalesce(json_agg(m ORDER BY m.id), '[]') FROM billing.emails m
		WHERE license_id = ANY (p.licenses) OR lower(btrim(to_email)) = lower(p.email)),
	'named_in', (SELECT coalesce(json_agg(n ORDER BY n.received_at, n.id), '[]') FROM (
		SELECT 'stripe' AS source, event_id AS id, type, received_at
			FROM billing.stripe_events WHERE event_id = ANY (p.naming_events)
		UNION ALL SELECT 'gumroad', id::text, resource, received_at
			FROM billing.gumroad_events WHERE id = ANY (p.naming_deliveries)) n)
	)::text;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_export(text, boolean) TO paydesk_operator;
