-- Licences: what the facts about them add up to, and what an operator does.

-- Brings a licence in line with the facts and returns its status. A mail that
-- waits is not sent for a licence that was revoked meanwhile.
CREATE OR REPLACE FUNCTION billing.license_settle(license bigint) RETURNS text
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

-- Gives a licence its newly signed blob, and its buyer a mail unless it is revoked.
CREATE OR REPLACE FUNCTION billing.license_reissue(license bigint, kind_ text, blob_ text,
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

GRANT EXECUTE ON FUNCTION billing.license_reissue(bigint, text, text, text, text, text, text,
	text, integer)
	TO paydesk_gumroad_webhook;

-- The licences to mail to an address that asks for them, at most 20, newest
-- first; none when it asked less than ten minutes ago, or when a hundred
-- addresses of customers did. Whether it ever bought makes no difference to
-- what is written here.
CREATE OR REPLACE FUNCTION billing.license_resend(address text) RETURNS SETOF billing.licenses
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

GRANT EXECUTE ON FUNCTION billing.license_resend(text) TO paydesk_license;

-- Queues a mail for a licence, for the program that answers license_resend().
CREATE OR REPLACE FUNCTION billing.license_mail(license bigint, subject_ text, text_ text,
	html_ text)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT (billing.outbox_add('resend', l.id, l.email, l.name, subject_, text_, html_, 0)).email_id
		FROM billing.licenses l WHERE l.id = license AND l.status = 'active'
$$;

GRANT EXECUTE ON FUNCTION billing.license_mail(bigint, text, text, text) TO paydesk_license;

-- The word of an operator. Returns the status that it leads to; NULL: no such key.
CREATE OR REPLACE FUNCTION billing.license_override(key_ text, status_ text, reason text)
RETURNS text
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
