-- What arrives after somebody was erased and names them: it takes effect, and no payload
-- of it is kept. Of them an HMAC of the address is known. While nobody was erased, none of
-- this is asked.

-- What the escapes of JSON in a string stand for, or the string as it is.
CREATE OR REPLACE FUNCTION billing.json_decoded(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF position('\' IN value) = 0 THEN
		RETURN value;
	END IF;
	RETURN ('"' || value || '"')::jsonb #>> '{}';
EXCEPTION WHEN data_exception THEN
	RETURN replace(value, '\u0040', '@');
END $$;

-- What the escapes of a form or an URL stand for, or the text as it is.
CREATE OR REPLACE FUNCTION billing.percent_decoded(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF position('%' IN value) = 0 THEN
		RETURN value;
	END IF;
	RETURN (SELECT convert_from(string_agg(CASE WHEN m[1] IS NULL THEN convert_to(m[2], 'UTF8')
			ELSE decode(m[1], 'hex') END, '' ORDER BY n), 'UTF8')
		FROM regexp_matches(value, '%([0-9a-fA-F]{2})|(%|[^%]+)', 'g')
			WITH ORDINALITY AS part(m, n));
EXCEPTION WHEN data_exception THEN
	RETURN replace(value, '%40', '@');
END $$;

CREATE OR REPLACE FUNCTION billing.erasure_hmac(value text) RETURNS bytea
LANGUAGE sql STABLE AS $$
	SELECT sha256(outer_pad || sha256(inner_pad || convert_to(value, 'UTF8')))
		FROM billing.erasure_key
$$;

-- The addresses that a text may hold, in the form that is hashed: all of it, and its words,
-- also as links and quoted words have them.
CREATE OR REPLACE FUNCTION billing.addresses_in(value text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	found text[] := ARRAY[lower(btrim(value))];
	form  text;
	word  text;
BEGIN
	FOREACH form IN ARRAY ARRAY[value, billing.percent_decoded(value)] LOOP
		FOREACH word IN ARRAY regexp_split_to_array(lower(form), '[][\s<>(),;:"]+') LOOP
			CONTINUE WHEN position('@' IN word) = 0;
			found := found || rtrim(word, '.');
			IF word ~ '[''=&?/]' THEN
				found := found || regexp_split_to_array(rtrim(word, '.'), '[''=&?/]+');
			END IF;
		END LOOP;
		EXIT WHEN position('%' IN value) = 0;
	END LOOP;
	RETURN found;
END $$;

-- Whether one of the texts names the address of somebody who was erased. Whoever has a
-- new account with that address, and has proven it, came back.
CREATE OR REPLACE FUNCTION billing.names_erased(texts text[]) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
	k       billing.erasure_key;
	said    text;
	address text;
	hash    bytea;
BEGIN
	SELECT * INTO k FROM billing.erasure_key;
	FOREACH said IN ARRAY texts LOOP
		CONTINUE WHEN said IS NULL;
		FOREACH address IN ARRAY billing.addresses_in(said) LOOP
			hash := sha256(k.outer_pad || sha256(k.inner_pad || convert_to(address, 'UTF8')));
			IF EXISTS (SELECT FROM billing.erased_addresses WHERE hmac = hash)
			   AND NOT EXISTS (SELECT FROM billing.accounts o
				WHERE lower(btrim(o.email)) = address AND o.email_verified) THEN
				RETURN true;
			END IF;
		END LOOP;
	END LOOP;
	RETURN false;
END $$;

-- The same of an account's id; one that was given to a new account is nobody's who was erased.
CREATE OR REPLACE FUNCTION billing.id_is_erased(ref text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM billing.erased_addresses
			WHERE hmac = billing.erasure_hmac('id ' || ref))
		AND NOT EXISTS (SELECT FROM billing.accounts WHERE external_id = ref);
END $$;

-- The same of a payload of Stripe's: of its first 64 strings that may hold an address. A
-- string with quotes in it counts as several.
CREATE OR REPLACE FUNCTION billing.event_names_erased(payload text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN billing.names_erased(ARRAY(SELECT billing.json_decoded(rtrim(part, '\'))
		FROM unnest(string_to_array(payload, '"')) part
		WHERE part LIKE '%@%' OR part LIKE '%\%40%' OR part LIKE '%\\u0040%'
		LIMIT 64));
END $$;

-- Whether the object of an event is that of somebody who was erased: it then binds nobody.
CREATE OR REPLACE FUNCTION billing.facts_are_erased(f billing.stripe_facts) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN billing.names_erased(ARRAY[f.email])
		OR billing.id_is_erased(coalesce(f.account_ref, f.reference));
END $$;

-- What is kept of the payload of an event that could not be applied.
CREATE OR REPLACE FUNCTION billing.payload_kept(customer text, payload text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN NOT EXISTS (SELECT FROM billing.erased_customers
				WHERE stripe_customer_id = customer)
			AND NOT (EXISTS (SELECT FROM billing.erased_addresses)
				AND billing.event_names_erased(payload))
		THEN payload END;
END $$;

-- The same of a delivery of Gumroad's.
CREATE OR REPLACE FUNCTION billing.delivery_names_erased(event bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM billing.erased_addresses)
		AND billing.names_erased(ARRAY(
			SELECT billing.percent_decoded(substr(field, position('=' IN field) + 1))
			FROM billing.gumroad_events e, unnest(string_to_array(e.payload, '&')) field
			WHERE e.id = event AND field ~ '@|%40' LIMIT 64));
END $$;

-- What an error says, unless it quotes the address of somebody who was erased.
CREATE OR REPLACE FUNCTION billing.error_kept(error text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN error ~ '@|%40' AND EXISTS (SELECT FROM billing.erased_addresses)
			AND billing.names_erased(ARRAY[error])
		THEN 'erased' ELSE error END;
END $$;

CREATE OR REPLACE FUNCTION billing.failure_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.error := billing.error_kept(NEW.error);
	RETURN NEW;
END $$;
