-- Takes a person out of the books.

-- The columns of text of every table: those that may name a person, which erase empties or
-- whose rows it deletes, and those that name nobody, or what accounting needs. A test asks
-- that every one is here.
CREATE OR REPLACE FUNCTION billing.person_columns()
RETURNS TABLE (relation text, personal text, other text)
LANGUAGE sql IMMUTABLE AS $$ VALUES
	('accounts', 'external_id email referral_code',
		'stripe_customer_id subscription_status tier'),
	('bindings', '', 'customer proof noted_by'),
	('catalogs', '', 'applied_by text'),
	('checkout_sessions', 'client_key request facts url',
		'stripe_key stripe_session_id'),
	('credits', 'reason', 'given_by'),
	('disputes', '', 'dispute_id payment status'),
	('drift', 'here at_stripe', 'subscription field'),
	('emails', 'to_email to_name subject body_text body_html provider_message_id error',
		'kind token status'),
	('erased_addresses', '', 'hmac'),
	('erased_customers', '', 'stripe_customer_id'),
	('erasure_key', '', 'inner_pad outer_pad'),
	('erasures', '', 'erased_by'),
	('grants', 'reason', 'plan features granted_by revoked_by'),
	('gumroad_charges', '', 'sale_id subscription_id'),
	('gumroad_events', 'payload error', 'resource order_id outcome'),
	('gumroad_memberships', '', 'subscription_id ended_reason'),
	('invoices', 'action_url', 'invoice_id stripe_subscription_id billing_reason'),
	('gumroad_products', '', 'product plan tier seller_id expires after_end'),
	('license_keys', '', 'key_id public_key'),
	('licenses', 'blob email name revoke_reason operator_reason',
		'license_key source source_order_id subscription_id tier product_id product_name'
		' currency offer_code status operator_status'),
	('ops_key', '', 'key'),
	('payments', '', 'payment charge customer invoice_id undone'),
	('plan_products', '', 'product plan'),
	('plans', '', 'plan features'),
	('policy', '', 'default_plan other_prices metadata_key client_reference pause_collection'
		' refund_subscription refund_purchase dispute dispute_lost fraud_warning'
		' convert_on proration free'),
	('prices', '', 'price_id plan period license'),
	('purchases', 'account_ref email',
		'source_id payment_intent price_id plan currency dispute customer'),
	('reconcile_seen', '', 'subscription'),
	('reconciliations', '', 'done_until'),
	('referrals', 'code', ''),
	('resend_requests', 'address_hash', ''),
	('samples', '', 'name'),
	('schedules', '', 'schedule_id stripe_subscription_id status next_items'),
	('schema_rules', '', 'digest release triggers'),
	('schema_version', '', 'name'),
	('stripe_events', 'error payload skip_reason',
		'event_id type api_version outcome stripe_customer_id stripe_subscription_id'
		' notification_id'),
	('subscriptions', 'account_ref email',
		'stripe_subscription_id stripe_customer_id plan period price_id status items'
		' said_plan said_period known_plan known_period snapshot_status previous rivals'
		' latest_invoice schedule dispute pause_collection'),
	('webhook_failures', 'error', 'source id type sqlstate')
$$;

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

-- What is kept of a text that may name the person, and is not theirs.
CREATE OR REPLACE FUNCTION billing.names_person(value text, p billing.person) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT billing.text_names(value, p.email)
	    OR (billing.id_is_distinct(p.external_id) AND billing.text_names(value, p.external_id))
$$;

-- Takes the person out of the events, the deliveries and what went wrong with them. A sale
-- that minted nothing is noted as one that is known, or a resend would mint.
CREATE OR REPLACE FUNCTION billing.erase_events(p billing.person)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	events text[] := p.events || p.naming_events;
	pings  bigint[] := p.deliveries || p.naming_deliveries;
BEGIN
	INSERT INTO billing.gumroad_charges (sale_id, sold)
		SELECT DISTINCT order_id, true FROM billing.gumroad_events
		WHERE id = ANY (pings) AND resource = 'sale' AND NOT processed AND order_id <> ''
		ON CONFLICT (sale_id) DO NOTHING;
	RETURN QUERY WITH
	event AS (
		UPDATE billing.stripe_events SET payload = NULL,
			error = CASE WHEN error IS NOT NULL THEN 'erased' END,
			skip_reason = CASE WHEN skip_reason IS NOT NULL THEN 'erased' END
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
			   OR billing.names_person(error, p) RETURNING 1)
	SELECT 'events of Stripe', count(*), 'kept without payload' FROM event
	UNION ALL SELECT 'deliveries of Gumroad', count(*), 'kept without payload' FROM ping
	UNION ALL SELECT 'failed attempts', count(*), 'kept without text' FROM failure;
END $$;

-- Takes the person out of the licences and the mails about them.
CREATE OR REPLACE FUNCTION billing.erase_licences(p billing.person)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY WITH
	mail AS (
		UPDATE billing.emails SET to_email = NULL, to_name = NULL, subject = NULL,
			body_text = NULL, body_html = NULL, provider_message_id = NULL,
			error = CASE WHEN error IS NOT NULL OR status = 'queued' THEN 'erased' END,
			status = CASE status WHEN 'queued' THEN 'failed' ELSE status END,
			claimed_at = NULL
			WHERE license_id = ANY (p.licenses) OR lower(btrim(to_email)) = lower(p.email)
			RETURNING 1),
	license AS (
		UPDATE billing.licenses SET email = NULL, name = NULL, blob = NULL,
			operator_reason = CASE WHEN operator_reason IS NOT NULL THEN 'erased' END,
			revoke_reason = CASE WHEN operator_status = 'revoked' AND status = 'revoked'
				THEN 'erased' ELSE revoke_reason END,
			updated_at = now()
			WHERE id = ANY (p.licenses) RETURNING 1),
	resend AS (
		DELETE FROM billing.resend_requests
			WHERE address_hash = sha256(convert_to(lower(p.email), 'UTF8')) RETURNING 1)
	SELECT 'mails', count(*), 'kept without address and words' FROM mail
	UNION ALL SELECT 'licences', count(*),
		'kept without name, address and signed licence; the key still verifies' FROM license
	UNION ALL SELECT 'resend requests', count(*), 'deleted' FROM resend;
END $$;

-- Takes the person out of the account and what belongs to it. Another account that has
-- the address without having proven it loses the address.
CREATE OR REPLACE FUNCTION billing.erase_account(p billing.person)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	new_name text := 'erased-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 16);
BEGIN
	UPDATE billing.accounts SET email = NULL, updated_at = now()
		WHERE lower(btrim(email)) = lower(p.email) AND id IS DISTINCT FROM p.account_id;
	RETURN QUERY WITH
	account AS (
		UPDATE billing.accounts SET external_id = new_name, email = NULL,
			referral_code = NULL, updated_at = now()
			WHERE id = p.account_id RETURNING 1),
	subscription AS (
		UPDATE billing.subscriptions SET account_ref = NULL, email = NULL
			WHERE stripe_subscription_id = ANY (p.subscriptions) RETURNING 1),
	invoice AS (
		UPDATE billing.invoices SET action_url = NULL
			WHERE stripe_subscription_id = ANY (p.subscriptions) RETURNING 1),
	purchase AS (
		UPDATE billing.purchases SET account_ref = NULL, email = NULL
			WHERE account_id = p.account_id OR customer = ANY (p.customers)
			   OR account_ref = p.external_id OR email = lower(p.email) RETURNING 1),
	referral AS (
		UPDATE billing.referrals SET code = 'erased'
			WHERE referrer_account_id = p.account_id RETURNING 1),
	granted AS (
		UPDATE billing.grants SET reason = 'erased'
			WHERE account_id = p.account_id OR billing.names_person(reason, p) RETURNING 1),
	credited AS (
		UPDATE billing.credits SET reason = 'erased'
			WHERE account_id = p.account_id OR billing.names_person(reason, p) RETURNING 1),
	difference AS (
		DELETE FROM billing.drift WHERE subscription = ANY (p.subscriptions)
			OR billing.names_person(concat_ws(' ', here, at_stripe), p) RETURNING 1),
	checkout AS (
		DELETE FROM billing.checkout_sessions
			WHERE account_id = p.account_id OR billing.names_person(facts, p) RETURNING 1)
	SELECT 'account', count(*), CASE WHEN count(*) > 0 THEN new_name END FROM account
	UNION ALL SELECT 'subscriptions', count(*), 'kept without id and address' FROM subscription
	UNION ALL SELECT 'purchases', count(*), 'kept without id and address' FROM purchase
	UNION ALL SELECT 'invoices', count(*), 'kept without the customer''s page' FROM invoice
	UNION ALL SELECT 'referrals', count(*), 'kept without the code' FROM referral
	UNION ALL SELECT 'grants', count(*), 'kept without the reason' FROM granted
	UNION ALL SELECT 'credits', count(*), 'kept without the reason' FROM credited
	UNION ALL SELECT 'drift', count(*), 'deleted' FROM difference
	UNION ALL SELECT 'checkout sessions', count(*), 'deleted' FROM checkout;
END $$;

-- Takes the person out of every table. What accounting needs stays: amounts, dates,
-- states, the ids at Stripe and Gumroad, the account under a new name. Returns what
-- was done to how many rows.
CREATE OR REPLACE FUNCTION billing.person_erase(p billing.person)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO billing.erased_customers (stripe_customer_id)
		SELECT unnest(p.customers) ON CONFLICT DO NOTHING;
	INSERT INTO billing.erased_addresses (hmac)
		SELECT billing.erasure_hmac(said) FROM unnest(ARRAY[lower(p.email),
			'id ' || p.external_id]) said WHERE said IS NOT NULL
		ON CONFLICT DO NOTHING;
	INSERT INTO billing.erasures (account_id) VALUES (p.account_id);
	RETURN QUERY SELECT * FROM billing.erase_account(p)
		UNION ALL SELECT * FROM billing.erase_events(p)
		UNION ALL SELECT * FROM billing.erase_licences(p);
END $$;

-- Holds up what is applied until the caller's transaction ends; what was being applied is
-- over then. Deliveries read erased_addresses before they touch a row, which this waits for, a
-- moment at a time. Returns whether that succeeded.
CREATE OR REPLACE FUNCTION billing.erase_lock(customers text[]) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '300ms' AS $$
DECLARE
	customer text;
BEGIN
	FOR attempt IN 1 .. 20 LOOP
		BEGIN
			FOREACH customer IN ARRAY coalesce(customers, '{}') LOOP
				PERFORM pg_advisory_xact_lock(hashtextextended(customer, 0));
			END LOOP;
			LOCK TABLE billing.erased_addresses IN ACCESS EXCLUSIVE MODE;
			RETURN true;
		EXCEPTION WHEN lock_not_available THEN
			PERFORM pg_sleep(0.2);
		END;
	END LOOP;
	RETURN false;
END $$;

-- Erases the person in one transaction, unless there is a reason not to: one row without a
-- number then says it. The whole ledger is looked through before anything is held up, and
-- then what came meanwhile.
CREATE OR REPLACE FUNCTION billing.account_erase(ref text, by_email boolean)
RETURNS TABLE (part text, rows bigint, becomes text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
	found_ record;
	p      billing.person;
BEGIN
	SELECT * INTO found_ FROM billing.person_find(ref, by_email);
	p := found_.person;
	part := coalesce(found_.problem,
		(SELECT 'erased already, at ' || billing.utc(max(erased_at))
			FROM billing.erasures WHERE account_id = p.account_id),
		CASE WHEN NOT billing.erase_lock(p.customers)
			THEN 'something reads the database at length, a dump perhaps: try again later' END);
	IF part IS NULL THEN
		PERFORM FROM billing.accounts WHERE id = p.account_id FOR UPDATE;
		PERFORM FROM billing.licenses WHERE id = ANY (p.licenses) ORDER BY id FOR UPDATE;
		p := billing.person_gather(p, now() - interval '1 hour');
		part := billing.person_is_customer(p);
	END IF;
	IF part IS NULL THEN
		RETURN QUERY SELECT * FROM billing.person_erase(p);
	ELSE
		RETURN NEXT;
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_erase(text, boolean) TO paydesk_operator;
