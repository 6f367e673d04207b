-- The outbox of mails, and how it is worked off.

-- Puts a mail into the outbox, in the hands of the caller for so many seconds;
-- 0 leaves it to whoever works off the outbox.
CREATE OR REPLACE FUNCTION billing.outbox_add(kind_ text, license bigint, to_email_ text,
	to_name_ text, subject_ text, text_ text, html_ text, lease_s integer,
	OUT email_id bigint, OUT email_token text)
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO billing.emails (kind, license_id, to_email, to_name, subject,
			body_text, body_html, claimed_at, next_attempt_at)
		VALUES (kind_, license, to_email_, to_name_, subject_, text_, html_,
			CASE WHEN lease_s > 0 THEN now() END,
			now() + make_interval(secs => lease_s))
		RETURNING id, token INTO email_id, email_token;
END $$;

-- Takes one mail that is due into the caller's hands; nobody else gets it until
-- lease_s seconds have passed without a word.
CREATE OR REPLACE FUNCTION billing.outbox_claim(lease_s integer) RETURNS SETOF billing.emails
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

GRANT EXECUTE ON FUNCTION billing.outbox_claim(integer) TO paydesk_gumroad_webhook;

-- What became of an attempt: 'sent', 'later', 'unknown' (no answer, so it may
-- have been sent), 'refused', 'inactive', or 'skipped' when none was made.
-- Returns the status.
CREATE OR REPLACE FUNCTION billing.outbox_mark(email bigint, verdict text, provider_id text,
	error_ text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	status_ text;
BEGIN
	UPDATE billing.emails e SET
		claimed_at = NULL,
		attempts = e.attempts + CASE WHEN verdict = 'skipped' THEN 0 ELSE 1 END,
		unsure = e.unsure OR verdict = 'unknown',
		status = CASE WHEN verdict = 'sent' THEN 'sent'
			WHEN verdict IN ('refused', 'inactive') THEN 'failed'
			WHEN verdict <> 'skipped' AND e.attempts >= 19 THEN 'failed'
			ELSE e.status END,
		sent_at = CASE WHEN verdict = 'sent' THEN now() END,
		provider_message_id = provider_id,
		recipient_inactive = verdict = 'inactive',
		error = CASE WHEN verdict = 'sent' AND e.unsure
			THEN 'an earlier attempt ended without an answer: it may arrive twice'
			ELSE error_ END,
		next_attempt_at = CASE WHEN verdict = 'skipped' THEN now()
			ELSE now() + make_interval(secs =>
				least(15 * 2 ^ least(e.attempts, 12), 14400) * (0.9 + random() / 5)) END
		WHERE e.id = email AND e.status <> 'sent'
		RETURNING e.status INTO status_;
	RETURN status_;
END $$;

GRANT EXECUTE ON FUNCTION billing.outbox_mark(bigint, text, text, text) TO paydesk_gumroad_webhook;

-- As before, but what was emptied is not sent again.
CREATE OR REPLACE FUNCTION billing.outbox_hurry(failed_ boolean) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH again AS (
		UPDATE billing.emails e SET status = 'queued', next_attempt_at = now(),
			attempts = CASE e.status WHEN 'failed' THEN 0 ELSE e.attempts END
			WHERE (e.status = 'queued' AND e.claimed_at IS NULL)
			   OR (failed_ AND e.status = 'failed' AND NOT e.recipient_inactive
				AND e.body_text IS NOT NULL
				AND EXISTS (SELECT FROM billing.licenses l
					WHERE l.id = e.license_id AND l.status = 'active'))
			RETURNING 1)
	SELECT count(*) FROM again
$$;

GRANT EXECUTE ON FUNCTION billing.outbox_hurry(boolean) TO paydesk_gumroad_webhook;
