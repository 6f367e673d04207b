-- How one delivery of Gumroad changes licences, how the outbox is worked off,
-- and which program may do what.
--
-- The status of a licence is a function of the facts seen so far and not of the
-- order in which they came:
--   charges     a full refund of the newest charge revokes, and so does a
--               dispute of any charge that is not won
--   membership  revoked from its end until it is restarted
--   operator    whose word stands until Gumroad has a new reason to revoke

-- Brings a licence in line with the facts and returns its status. A mail that
-- waits is not sent for a licence that was revoked meanwhile.
CREATE FUNCTION billing.license_settle(license bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	l      billing.licenses;
	reason text;
BEGIN
	SELECT * INTO l FROM billing.licenses WHERE id = license FOR NO KEY UPDATE;
	SELECT 'refunded' INTO reason
		FROM (SELECT c.refunded_at FROM billing.gumroad_charges c
			WHERE c.license_id = license
			ORDER BY coalesce(c.sold_at, c.seen_at) DESC, c.sale_id DESC
			LIMIT 1) newest
		WHERE newest.refunded_at IS NOT NULL;
	IF reason IS NULL AND EXISTS (SELECT FROM billing.gumroad_charges c
			WHERE c.license_id = license AND c.disputed_at IS NOT NULL
			  AND c.dispute_won_at IS NULL) THEN
		reason := 'disputed';
	END IF;
	IF reason IS NULL THEN
		SELECT 'subscription ended' || coalesce(': ' || m.ended_reason, '') INTO reason
			FROM billing.gumroad_memberships m
			WHERE m.license_id = license
			  AND m.ended_at > coalesce(m.restarted_at, '-infinity');
	END IF;
	IF l.operator_status = 'active' THEN
		reason := NULL;
	ELSIF l.operator_status = 'revoked' THEN
		reason := l.operator_reason;
	END IF;

	IF (reason IS NULL) <> (l.status = 'active')
	   OR reason IS DISTINCT FROM l.revoke_reason THEN
		UPDATE billing.licenses SET updated_at = now(), revoke_reason = reason,
			status = CASE WHEN reason IS NULL THEN 'active' ELSE 'revoked' END,
			revoked_at = CASE WHEN reason IS NOT NULL
			                  THEN coalesce(revoked_at, now()) END
			WHERE id = license;
	END IF;
	IF reason IS NULL THEN
		RETURN 'active';
	END IF;
	UPDATE billing.emails SET status = 'failed', claimed_at = NULL,
		error = 'not sent: the licence was revoked'
		WHERE license_id = license AND status = 'queued';
	RETURN 'revoked';
END $$;

-- Puts a mail into the outbox, in the hands of the caller for so many seconds;
-- 0 leaves it to whoever works off the outbox.
CREATE FUNCTION billing.outbox_add(kind_ text, license bigint, to_email_ text, to_name_ text,
	subject_ text, text_ text, html_ text, lease_s integer,
	OUT email_id bigint, OUT email_token text)
LANGUAGE sql AS $$
	INSERT INTO billing.emails (kind, license_id, to_email, to_name, subject,
			body_text, body_html, claimed_at, next_attempt_at)
		VALUES (kind_, license, to_email_, to_name_, subject_, text_, html_,
			CASE WHEN lease_s > 0 THEN now() END,
			now() + make_interval(secs => lease_s))
		RETURNING id, token
$$;

-- How long a payment lasts.
CREATE FUNCTION billing.gumroad_period(recurrence text) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE recurrence WHEN 'monthly' THEN interval '1 month'
	                       WHEN 'quarterly' THEN interval '3 months'
	                       WHEN 'biannually' THEN interval '6 months'
	                       WHEN 'yearly' THEN interval '1 year'
	                       WHEN 'every_two_years' THEN interval '2 years' END
$$;

-- Applies one delivery, of the audit row event, and writes its result there.
-- problem says why nothing can be minted. key_ to html_ are what a mint takes,
-- made in advance. Returns:
--   status_   for the reply
--   due       'mail' when the licence, valid, was never mailed; 'blob' when its
--             tier has changed: the caller signs and calls license_reissue() in
--             the same transaction
-- Deliveries of one sale or one subscription are applied one at a time.
CREATE FUNCTION billing.gumroad_apply(
	event bigint, resource_ text, order_ text, problem text,
	sale text, subscription text, at timestamptz, reason text, recurrence text,
	refunded boolean,
	email_ text, name_ text, tier_ text, product text, product_name_ text,
	amount bigint, currency_ text, offer text, test_ boolean,
	key_ text, blob_ text, kid text, public_ text,
	subject_ text, text_ text, html_ text, lease_s integer,
	OUT status_ text, OUT license bigint, OUT license_key_ text,
	OUT email_id bigint, OUT email_token text, OUT due text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c       billing.gumroad_charges;
	m       billing.gumroad_memberships;
	l       billing.licenses;
	new_    boolean := false;
	later   timestamptz;
	settled text;
BEGIN
	IF subscription IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('gumroad subscription ' || subscription, 0));
		SELECT * INTO m FROM billing.gumroad_memberships WHERE subscription_id = subscription;
	END IF;
	IF sale IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('gumroad sale ' || sale, 0));
		SELECT * INTO c FROM billing.gumroad_charges WHERE sale_id = sale;
	END IF;
	license := coalesce(c.license_id, m.license_id);

	IF resource_ = 'sale' THEN
		IF c.sold THEN
			status_ := 'duplicate';
		ELSIF license IS NULL AND problem IS NOT NULL OR sale IS NULL THEN
			status_ := 'logged-no-mint';
		ELSE
			IF license IS NULL THEN
				new_ := true;
				INSERT INTO billing.license_keys (key_id, public_key)
					VALUES (kid, public_) ON CONFLICT DO NOTHING;
				INSERT INTO billing.licenses (license_key, blob, source_order_id,
						subscription_id, email, name, tier, product_id,
						product_name, amount_cents, currency, offer_code, test)
					VALUES (key_, blob_, sale, subscription, email_, name_, tier_,
						product, product_name_, amount, currency_, offer, test_)
					RETURNING id INTO license;
			END IF;
			INSERT INTO billing.gumroad_charges AS g
					(sale_id, subscription_id, license_id, sold, sold_at)
				VALUES (sale, subscription, license, true, coalesce(at, now()))
				ON CONFLICT (sale_id) DO UPDATE SET license_id = excluded.license_id,
					subscription_id = excluded.subscription_id, sold = true,
					sold_at = coalesce(at, g.sold_at, g.seen_at);
			IF subscription IS NOT NULL THEN
				INSERT INTO billing.gumroad_memberships AS g (subscription_id, license_id)
					VALUES (subscription, license)
					ON CONFLICT (subscription_id) DO UPDATE SET license_id = excluded.license_id
					WHERE g.license_id IS NULL;
				UPDATE billing.gumroad_charges SET license_id = license
					WHERE subscription_id = subscription AND license_id IS NULL;
				UPDATE billing.licenses SET updated_at = now(),
					renewals = renewals + CASE WHEN new_ THEN 0 ELSE 1 END,
					renewed_at = CASE WHEN NOT new_
						THEN greatest(renewed_at, coalesce(at, now())) END,
					cancelled_at = m.cancelled_at,
					paid_until = greatest(paid_until,
						coalesce(at, now()) + billing.gumroad_period(recurrence))
					WHERE id = license;
			END IF;
			settled := billing.license_settle(license);
			status_ := CASE settled WHEN 'active' THEN 'ok' ELSE 'revoked' END;
		END IF;

	ELSIF resource_ IN ('refund', 'dispute', 'dispute_won') AND sale IS NOT NULL THEN
		IF resource_ = 'refund' AND NOT refunded THEN
			status_ := 'ignored';
		ELSE
			INSERT INTO billing.gumroad_charges AS g (sale_id, subscription_id, license_id,
					sold_at, refunded_at, disputed_at, dispute_won_at)
				VALUES (sale, subscription, license, at,
					CASE resource_ WHEN 'refund' THEN now() END,
					CASE resource_ WHEN 'dispute' THEN now() END,
					CASE resource_ WHEN 'dispute_won' THEN now() END)
				ON CONFLICT (sale_id) DO UPDATE SET
					license_id = coalesce(g.license_id, excluded.license_id),
					refunded_at = coalesce(g.refunded_at, excluded.refunded_at),
					disputed_at = coalesce(g.disputed_at, excluded.disputed_at),
					dispute_won_at = coalesce(g.dispute_won_at, excluded.dispute_won_at);
			new_ := resource_ = 'refund' AND c.refunded_at IS NULL
				OR resource_ = 'dispute' AND c.disputed_at IS NULL
				   AND c.dispute_won_at IS NULL;
		END IF;

	ELSIF resource_ IN ('cancellation', 'subscription_ended', 'subscription_restarted')
	      AND subscription IS NOT NULL THEN
		at := coalesce(at, now());
		INSERT INTO billing.gumroad_memberships (subscription_id)
			VALUES (subscription) ON CONFLICT DO NOTHING;
		UPDATE billing.gumroad_memberships g SET
			cancelled_at = CASE resource_ WHEN 'cancellation' THEN at
				WHEN 'subscription_restarted' THEN NULL ELSE g.cancelled_at END,
			ended_reason = CASE WHEN resource_ = 'subscription_ended'
				AND at >= coalesce(g.ended_at, at) THEN reason ELSE g.ended_reason END,
			ended_at = CASE resource_ WHEN 'subscription_ended'
				THEN greatest(g.ended_at, at) ELSE g.ended_at END,
			restarted_at = CASE resource_ WHEN 'subscription_restarted'
				THEN greatest(g.restarted_at, at) ELSE g.restarted_at END
			WHERE subscription_id = subscription;
		UPDATE billing.licenses SET updated_at = now(), cancelled_at =
			CASE resource_ WHEN 'cancellation' THEN at END
			WHERE id = license AND resource_ <> 'subscription_ended';
		IF resource_ = 'cancellation' THEN
			status_ := 'ignored';
		END IF;
		new_ := resource_ = 'subscription_ended' AND at > coalesce(m.ended_at, '-infinity');

	ELSIF resource_ = 'subscription_updated' AND subscription IS NOT NULL THEN
		IF problem IS NULL AND license IS NULL THEN
			problem := 'there is no licence of this subscription';
		END IF;
		IF problem IS NOT NULL THEN
			status_ := 'logged-no-mint';
		ELSIF at > now() AND event > coalesce(m.updated_event, 0) THEN
			status_ := 'ignored';
			later := at;
			problem := 'takes effect later';
		ELSE
			status_ := 'ignored';
			IF event >= coalesce(m.updated_event, 0) THEN
				UPDATE billing.gumroad_memberships SET updated_event = event
					WHERE subscription_id = subscription;
				UPDATE billing.licenses SET tier = tier_, updated_at = now()
					WHERE id = license AND tier <> tier_;
				IF FOUND THEN
					status_ := 'ok';
					due := 'blob';
				END IF;
			END IF;
		END IF;

	ELSIF problem IS NOT NULL THEN
		status_ := 'logged-no-mint';
	ELSE
		status_ := 'ignored';
	END IF;

	IF status_ IS NULL THEN
		-- A reason to revoke or to restore, and perhaps no licence yet.
		IF license IS NOT NULL THEN
			IF new_ THEN
				UPDATE billing.licenses SET operator_status = NULL
					WHERE id = license AND operator_status = 'active';
			END IF;
			settled := billing.license_settle(license);
		END IF;
		IF resource_ IN ('dispute_won', 'subscription_restarted') THEN
			status_ := CASE settled WHEN 'active' THEN 'restored' ELSE 'ignored' END;
		ELSE
			status_ := CASE settled WHEN 'active' THEN 'ignored' ELSE 'revoked' END;
		END IF;
		new_ := false;
	END IF;

	SELECT * INTO l FROM billing.licenses WHERE id = license;
	license_key_ := l.license_key;
	IF settled = 'active' THEN
		IF new_ THEN
			SELECT o.email_id, o.email_token INTO email_id, email_token
				FROM billing.outbox_add('license', license, email_, name_,
					subject_, text_, html_, lease_s) o;
		ELSIF NOT EXISTS (SELECT FROM billing.emails
				WHERE license_id = license AND status <> 'failed') THEN
			due := 'mail';
		END IF;
	END IF;
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = status_ <> 'logged-no-mint' AND later IS NULL,
		processed_at = now(), outcome = status_, license_id = license, retry_at = later,
		error = CASE WHEN status_ = 'logged-no-mint' OR later IS NOT NULL THEN problem END
		WHERE id = event;
END $$;

-- Records that a delivery cannot be applied, when the database itself refused it.
CREATE FUNCTION billing.gumroad_failed(event bigint, resource_ text, order_ text,
	error_ text, sqlstate_ text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = false, processed_at = now(), outcome = 'logged-no-mint',
		error = error_, retry_at = NULL
		WHERE id = event;
	INSERT INTO billing.webhook_failures (source, id, type, error, sqlstate)
		VALUES ('gumroad', order_, resource_, error_, sqlstate_)
$$;

-- Gives a licence its newly signed blob, and its buyer a mail unless it is revoked.
CREATE FUNCTION billing.license_reissue(license bigint, kind_ text, blob_ text,
	kid text, public_ text, subject_ text, text_ text, html_ text, lease_s integer,
	OUT email_id bigint, OUT email_token text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	l billing.licenses;
BEGIN
	INSERT INTO billing.license_keys (key_id, public_key)
		VALUES (kid, public_) ON CONFLICT DO NOTHING;
	UPDATE billing.licenses SET blob = blob_ WHERE id = license RETURNING * INTO l;
	IF l.status = 'active' THEN
		SELECT o.email_id, o.email_token INTO email_id, email_token
			FROM billing.outbox_add(kind_, license, l.email, l.name,
				subject_, text_, html_, lease_s) o;
	END IF;
END $$;

-- Takes one mail that is due into the caller's hands; nobody else gets it until
-- lease_s seconds have passed without a word.
CREATE FUNCTION billing.outbox_claim(lease_s integer) RETURNS SETOF billing.emails
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.emails e SET claimed_at = now(),
		next_attempt_at = now() + make_interval(secs => lease_s),
		unsure = e.unsure OR due.claimed
		FROM (SELECT id, claimed_at IS NOT NULL AS claimed FROM billing.emails
			WHERE status = 'queued' AND next_attempt_at <= now()
			ORDER BY next_attempt_at
			FOR UPDATE SKIP LOCKED LIMIT 1) due
		WHERE e.id = due.id
		RETURNING e.*
$$;

-- What became of an attempt: 'sent', 'later', 'unknown' (no answer, so it may
-- have been sent), 'refused', 'inactive', or 'skipped' when none was made.
-- Returns the status.
CREATE FUNCTION billing.outbox_mark(email bigint, verdict text, provider_id text, error_ text)
RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.emails e SET
		claimed_at = NULL,
		attempts = attempts + CASE WHEN verdict = 'skipped' THEN 0 ELSE 1 END,
		unsure = unsure OR verdict = 'unknown',
		status = CASE WHEN verdict = 'sent' THEN 'sent'
			WHEN verdict IN ('refused', 'inactive') THEN 'failed'
			WHEN verdict <> 'skipped' AND attempts >= 19 THEN 'failed'
			ELSE status END,
		sent_at = CASE WHEN verdict = 'sent' THEN now() END,
		provider_message_id = provider_id,
		recipient_inactive = verdict = 'inactive',
		error = CASE WHEN verdict = 'sent' AND unsure
			THEN 'an earlier attempt ended without an answer: it may arrive twice'
			ELSE error_ END,
		next_attempt_at = CASE WHEN verdict = 'skipped' THEN now()
			ELSE now() + make_interval(secs =>
				least(15 * 2 ^ least(attempts, 12), 14400) * (0.9 + random() / 5)) END
		WHERE id = email AND status <> 'sent'
		RETURNING status
$$;

-- Makes everything due that waits for its next attempt; failed_ also what has
-- failed for good, save for dead addresses and revoked licences. Returns how many.
CREATE FUNCTION billing.outbox_hurry(failed_ boolean) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH again AS (
		UPDATE billing.emails e SET status = 'queued', next_attempt_at = now(),
			attempts = CASE e.status WHEN 'failed' THEN 0 ELSE e.attempts END
			WHERE e.status = 'queued' AND e.claimed_at IS NULL
			   OR failed_ AND e.status = 'failed' AND NOT e.recipient_inactive
			  AND EXISTS (SELECT FROM billing.licenses l
				WHERE l.id = e.license_id AND l.status = 'active')
			RETURNING 1)
	SELECT count(*) FROM again
$$;

-- The licences to mail to an address that asks for them, at most 20, newest
-- first; none when it asked less than ten minutes ago, or when a hundred
-- addresses of customers did. Whether it ever bought makes no difference to
-- what is written here.
CREATE FUNCTION billing.license_resend(address text) RETURNS SETOF billing.licenses
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM billing.resend_requests WHERE at < now() - interval '10 minutes';
	INSERT INTO billing.resend_requests (address_hash)
		VALUES (sha256(convert_to(lower(address), 'UTF8'))) ON CONFLICT DO NOTHING;
	IF NOT FOUND OR (SELECT count(*) >= 100 FROM (SELECT FROM billing.emails
			WHERE kind = 'resend' AND created_at > now() - interval '10 minutes'
			LIMIT 100) recent) THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM billing.licenses
		WHERE lower(email) = lower(address) AND status = 'active'
		ORDER BY id DESC LIMIT 20;
END $$;

-- Queues a mail for a licence, for the program that answers license_resend().
CREATE FUNCTION billing.license_mail(license bigint, subject_ text, text_ text, html_ text)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT (billing.outbox_add('resend', l.id, l.email, l.name, subject_, text_, html_, 0)).email_id
		FROM billing.licenses l WHERE l.id = license AND l.status = 'active'
$$;

-- The word of an operator. Returns the status that it leads to; NULL: no such key.
CREATE FUNCTION billing.license_override(key_ text, status_ text, reason text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	license bigint;
BEGIN
	UPDATE billing.licenses SET operator_status = status_, operator_reason = reason
		WHERE license_key = key_ RETURNING id INTO license;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	RETURN billing.license_settle(license);
END $$;

-- Each program's role, with the least that it needs.
DO $$
DECLARE
	role_ text;
BEGIN
	FOREACH role_ IN ARRAY ARRAY['paydesk_gumroad_webhook', 'paydesk_license'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_) THEN
			EXECUTE format('CREATE ROLE %I LOGIN', role_);
		END IF;
	END LOOP;
END $$;

GRANT USAGE ON SCHEMA billing TO paydesk_gumroad_webhook, paydesk_license;
GRANT SELECT ON billing.schema_version TO paydesk_gumroad_webhook, paydesk_license;

GRANT SELECT ON billing.gumroad_events, billing.licenses TO paydesk_gumroad_webhook;
GRANT INSERT (payload) ON billing.gumroad_events TO paydesk_gumroad_webhook;
GRANT EXECUTE ON FUNCTION
	billing.gumroad_apply(bigint, text, text, text, text, text, timestamptz, text, text,
		boolean, text, text, text, text, text, bigint, text, text, boolean,
		text, text, text, text, text, text, text, integer),
	billing.gumroad_failed(bigint, text, text, text, text),
	billing.license_reissue(bigint, text, text, text, text, text, text, text, integer),
	billing.outbox_claim(integer),
	billing.outbox_mark(bigint, text, text, text),
	billing.outbox_hurry(boolean)
	TO paydesk_gumroad_webhook;

GRANT SELECT (id, license_key, tier, product_id, product_name, test, status, revoke_reason,
		created_at, paid_until)
	ON billing.licenses TO paydesk_license;
GRANT SELECT ON billing.license_keys TO paydesk_license;
GRANT EXECUTE ON FUNCTION
	billing.license_resend(text),
	billing.license_mail(bigint, text, text, text)
	TO paydesk_license;
