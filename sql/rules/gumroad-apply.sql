-- The transaction of one delivery of Gumroad: what it locks, reads and writes.

-- Deliveries of one sale or one subscription are applied one at a time.
CREATE OR REPLACE FUNCTION billing.gumroad_lock(f billing.gumroad_facts) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	IF f.subscription IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(
			hashtextextended('gumroad subscription ' || f.subscription, 0));
	END IF;
	IF f.sale IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('gumroad sale ' || f.sale, 0));
	END IF;
END $$;

-- The other charges of the licence that a delivery concerns; a sale brings those of
-- its subscription that had none yet.
CREATE OR REPLACE FUNCTION billing.gumroad_others(subject text, f billing.gumroad_facts,
	license bigint)
RETURNS billing.gumroad_charges[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF license IS NULL AND (subject <> 'sale' OR f.subscription IS NULL) THEN
		RETURN ARRAY[]::billing.gumroad_charges[];
	END IF;
	RETURN ARRAY(SELECT c FROM billing.gumroad_charges c
		WHERE c.sale_id IS DISTINCT FROM f.sale
		  AND (c.license_id = license
			OR (c.license_id IS NULL AND subject = 'sale'
				AND c.subscription_id = f.subscription)));
END $$;

-- Writes the charge and the membership of a licence; without an id there is none.
-- The charges of a membership that waited for its licence get it.
CREATE OR REPLACE FUNCTION billing.gumroad_store(c billing.gumroad_charges,
	m billing.gumroad_memberships, license bigint)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	IF c.sold THEN
		c.license_id := license;
		m.license_id := coalesce(m.license_id, license);
	END IF;
	IF c.sale_id IS NOT NULL THEN
		INSERT INTO billing.gumroad_charges VALUES (c.*)
			ON CONFLICT (sale_id) DO UPDATE SET
				subscription_id = c.subscription_id, license_id = c.license_id,
				sold = c.sold, sold_at = c.sold_at, refunded_at = c.refunded_at,
				disputed_at = c.disputed_at, dispute_won_at = c.dispute_won_at;
	END IF;
	IF m.subscription_id IS NOT NULL THEN
		INSERT INTO billing.gumroad_memberships VALUES (m.*)
			ON CONFLICT (subscription_id) DO UPDATE SET
				license_id = m.license_id, cancelled_at = m.cancelled_at,
				ended_at = m.ended_at, ended_reason = m.ended_reason,
				restarted_at = m.restarted_at, updated_event = m.updated_event;
		IF c.sold THEN
			UPDATE billing.gumroad_charges SET license_id = license
				WHERE subscription_id = m.subscription_id AND license_id IS NULL;
		END IF;
	END IF;
END $$;

-- Writes on the audit row what became of a delivery. Nothing is kept of what names somebody
-- who was erased, but a sale that could not be applied yet: with it they have bought again.
CREATE OR REPLACE FUNCTION billing.gumroad_note(event bigint, resource_ text, order_ text,
	status text, problem text, later timestamptz, l billing.licenses, erased boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	done boolean := status <> 'logged-no-mint' AND later IS NULL;
BEGIN
	erased := erased OR (l.id IS NOT NULL AND l.email IS NULL);
	done := done OR (erased AND resource_ <> 'sale' AND later IS NULL);
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = done, processed_at = now(), outcome = status, license_id = l.id,
		retry_at = later, error = CASE WHEN NOT done THEN problem END,
		payload = CASE WHEN NOT (done AND erased) THEN payload END
		WHERE id = event;
END $$;

-- Writes a licence, a new one if it has no id, with what was signed for it. Returns it.
CREATE OR REPLACE FUNCTION billing.license_write(l billing.licenses,
	signed billing.gumroad_mint)
RETURNS billing.licenses
LANGUAGE plpgsql AS $$
BEGIN
	IF signed.key_id IS NOT NULL THEN
		INSERT INTO billing.license_keys (key_id, public_key)
			VALUES (signed.key_id, signed.public_key) ON CONFLICT DO NOTHING;
	END IF;
	IF l.id IS NOT NULL THEN
		l.blob := coalesce(signed.blob, l.blob);
		PERFORM billing.license_store(l);
		RETURN l;
	END IF;
	INSERT INTO billing.licenses (license_key, blob, source_order_id, subscription_id, email,
			name, tier, product_id, product_name, amount_cents, currency, offer_code,
			test, status, revoked_at, revoke_reason, paid_until, cancelled_at)
		VALUES (signed.key, signed.blob, l.source_order_id, l.subscription_id, l.email,
			l.name, l.tier, l.product_id, l.product_name, l.amount_cents, l.currency,
			l.offer_code, l.test, l.status, l.revoked_at, l.revoke_reason, l.paid_until,
			l.cancelled_at)
		RETURNING * INTO l;
	RETURN l;
END $$;

-- What a delivery makes of the rows that it concerns, which nothing keeps it from.
-- others are the licence's other charges. Writes nothing.
CREATE OR REPLACE FUNCTION billing.gumroad_merge(event bigint, subject text, resource text,
	f billing.gumroad_facts, others billing.gumroad_charges[],
	INOUT c billing.gumroad_charges, INOUT m billing.gumroad_memberships,
	INOUT l billing.licenses)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	fresh   boolean := billing.gumroad_fresh(resource, f, c, m);
	license bigint := l.id;
BEGIN
	IF subject IN ('sale', 'charge') THEN
		c := billing.merge_charge(c, resource, f, license);
		others := others || c;
	END IF;
	IF subject IN ('membership', 'plan') OR (subject = 'sale' AND f.subscription IS NOT NULL) THEN
		m := billing.merge_membership(m, event, resource, f, license);
	END IF;
	IF subject = 'sale' OR license IS NOT NULL THEN
		l := billing.merge_license(l, subject, f, m, fresh);
		l := billing.license_stand(l, billing.license_reason(l, others, m));
	END IF;
END $$;

-- Applies one delivery, of the audit row event, and writes its result there.
--   problem  why nothing can be minted: NULL when it could be read
--   facts    billing.gumroad_facts as an object, without what the catalog makes of them
--   mint     NULL at first, or billing.gumroad_mint: what was signed
-- When to_sign is not NULL, it has to be signed first: nothing was written, and the
-- caller comes again with it. Otherwise:
--   status       for the reply
--   license_key  NULL: none is known
--   email_id, email_token  of a new mail
--   problem      why nothing was minted
CREATE OR REPLACE FUNCTION billing.gumroad_apply(event bigint, resource text, order_ text,
	INOUT problem text, facts jsonb, mint jsonb,
	OUT status text, OUT license_key text, OUT to_sign jsonb,
	OUT email_id bigint, OUT email_token text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f        billing.gumroad_facts := jsonb_populate_record(NULL::billing.gumroad_facts, facts);
	signed   billing.gumroad_mint := jsonb_populate_record(NULL::billing.gumroad_mint, mint);
	subject  text := billing.gumroad_subject(resource, f);
	erased   boolean;
	c        billing.gumroad_charges;
	m        billing.gumroad_memberships;
	l        billing.licenses;
	obstacle record;
	merged   record;
BEGIN
	IF problem IS NULL AND subject IN ('sale', 'plan') THEN
		f := billing.gumroad_map(f, subject);
		problem := CASE WHEN f.tier IS NULL THEN 'the catalog has no tier for '
				|| concat_ws(', ', f.products[1], f.plans[1]) END;
	END IF;
	PERFORM billing.gumroad_lock(f);
	erased := billing.delivery_names_erased(event);
	SELECT * INTO c FROM billing.gumroad_charges g WHERE g.sale_id = f.sale;
	IF f.subscription IS NOT NULL THEN
		SELECT * INTO m FROM billing.gumroad_memberships g
			WHERE g.subscription_id = f.subscription;
	END IF;
	IF coalesce(c.license_id, m.license_id) IS NOT NULL THEN
		SELECT * INTO l FROM billing.licenses g
			WHERE g.id = coalesce(c.license_id, m.license_id) FOR NO KEY UPDATE;
		IF f.subscription IS NULL THEN
			SELECT * INTO m FROM billing.gumroad_memberships g WHERE g.license_id = l.id;
		END IF;
	END IF;
	obstacle := billing.gumroad_obstacle(event, subject, problem, resource, f, c, m, l);
	status := obstacle.status;
	problem := obstacle.problem;
	IF status IS NULL THEN
		merged := billing.gumroad_merge(event, subject, resource, f,
			billing.gumroad_others(subject, f, l.id), c, m, l);
		to_sign := billing.gumroad_to_sign(resource, l, merged.l);
		IF to_sign IS NULL THEN
			signed := NULL; -- if there was a need, another delivery has met it
		ELSIF to_sign IS DISTINCT FROM signed.to_sign THEN
			RETURN;
		END IF;
		status := billing.gumroad_status(resource, l, merged.l);
		l := merged.l;
		IF subject = 'sale' OR l.id IS NOT NULL THEN
			l := billing.license_write(l, signed);
		END IF;
		PERFORM billing.gumroad_store(merged.c, merged.m, l.id);
		IF to_sign IS NOT NULL AND l.status = 'active' THEN
			SELECT o.email_id, o.email_token INTO email_id, email_token
				FROM billing.outbox_add(to_sign->>'kind', l.id, l.email, l.name,
					signed.subject, signed.text, signed.html, signed.lease_s) o;
		END IF;
		to_sign := NULL;
	END IF;
	license_key := l.license_key;
	PERFORM billing.gumroad_note(event, resource, order_, status, problem, obstacle.later, l,
		erased);
END $$;

GRANT EXECUTE ON FUNCTION billing.gumroad_apply(bigint, text, text, text, jsonb, jsonb)
	TO paydesk_gumroad_webhook;

-- Records that a delivery cannot be applied, when the database itself refused it.
CREATE OR REPLACE FUNCTION billing.gumroad_failed(event bigint, resource_ text, order_ text,
	error_ text, sqlstate_ text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = false, processed_at = now(), outcome = 'logged-no-mint',
		error = billing.error_kept(error_), retry_at = NULL
		WHERE id = event;
	INSERT INTO billing.webhook_failures (source, id, type, error, sqlstate)
		VALUES ('gumroad', order_, resource_, error_, sqlstate_)
$$;

GRANT EXECUTE ON FUNCTION billing.gumroad_failed(bigint, text, text, text, text)
	TO paydesk_gumroad_webhook;
