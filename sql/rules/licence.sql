-- Licences: what the facts about them add up to, and what an operator does.

-- Why a licence is revoked, NULL when it is not: a function of the facts seen so far
-- and not of the order in which they came. charges are all of its charges.
CREATE OR REPLACE FUNCTION billing.license_reason(l billing.licenses,
	charges billing.gumroad_charges[], m billing.gumroad_memberships)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c        billing.gumroad_charges;
	newest   billing.gumroad_charges;
	disputed boolean := false;
BEGIN
	FOREACH c IN ARRAY charges LOOP
		disputed := disputed OR (c.disputed_at IS NOT NULL AND c.dispute_won_at IS NULL);
		IF newest.sale_id IS NULL OR (coalesce(c.sold_at, c.seen_at), c.sale_id)
				> (coalesce(newest.sold_at, newest.seen_at), newest.sale_id) THEN
			newest := c;
		END IF;
	END LOOP;
	RETURN CASE
	WHEN l.operator_status = 'active' THEN NULL
	WHEN l.operator_status = 'revoked' THEN l.operator_reason
	WHEN newest.refunded_at IS NOT NULL THEN 'refunded'
	WHEN disputed THEN 'disputed'
	WHEN m.ended_at > coalesce(m.restarted_at, '-infinity')
	THEN 'subscription ended' || coalesce(': ' || m.ended_reason, '')
	END;
END $$;

-- The licence with the status that a reason to revoke it, or none, leads to.
CREATE OR REPLACE FUNCTION billing.license_stand(l billing.licenses, reason text)
RETURNS billing.licenses
LANGUAGE plpgsql STABLE AS $$
BEGIN
	l.status := CASE WHEN reason IS NULL THEN 'active' ELSE 'revoked' END;
	l.revoke_reason := reason;
	l.revoked_at := CASE WHEN reason IS NOT NULL THEN coalesce(l.revoked_at, now()) END;
	RETURN l;
END $$;

-- Writes what has become of a licence. A mail that waits is not sent for one that
-- was revoked meanwhile.
CREATE OR REPLACE FUNCTION billing.license_store(l billing.licenses) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.licenses o SET blob = l.blob, tier = l.tier, status = l.status,
		revoked_at = l.revoked_at, revoke_reason = l.revoke_reason,
		operator_status = l.operator_status, renewals = l.renewals,
		renewed_at = l.renewed_at, paid_until = l.paid_until,
		cancelled_at = l.cancelled_at, updated_at = now()
		WHERE o.id = l.id AND o IS DISTINCT FROM l;
	IF l.status = 'revoked' THEN
		UPDATE billing.emails SET status = 'failed', claimed_at = NULL,
			error = 'not sent: the licence was revoked'
			WHERE license_id = l.id AND status = 'queued';
	END IF;
END $$;

-- Whether a licence is valid and was never mailed.
CREATE OR REPLACE FUNCTION billing.license_wants_mail(l billing.licenses) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN l.status = 'active' AND NOT EXISTS (SELECT FROM billing.emails
		WHERE license_id = l.id AND status <> 'failed');
END $$;

-- Brings a licence in line with the facts and returns its status.
CREATE OR REPLACE FUNCTION billing.license_settle(license bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	l billing.licenses;
	m billing.gumroad_memberships;
BEGIN
	SELECT * INTO l FROM billing.licenses WHERE id = license FOR NO KEY UPDATE;
	SELECT * INTO m FROM billing.gumroad_memberships WHERE license_id = license;
	l := billing.license_stand(l, billing.license_reason(l,
		ARRAY(SELECT c FROM billing.gumroad_charges c WHERE c.license_id = license), m));
	PERFORM billing.license_store(l);
	RETURN l.status;
END $$;

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
