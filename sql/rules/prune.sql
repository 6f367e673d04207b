-- What is emptied when it is old. The rows stay, and with them idempotency.

-- What grows old, one row a rule: when the column age of a row r of that relation
-- is older than the days that are kept, and due holds, it gets effect. What could
-- not be applied keeps its payload and its failures, for a replay.
CREATE OR REPLACE FUNCTION billing.prune_rules()
RETURNS TABLE (program text, part text, relation text, age text, due text, effect text)
LANGUAGE sql IMMUTABLE AS $$ VALUES
	('stripe-webhook', 'event payloads', 'stripe_events', 'received_at',
		'r.payload IS NOT NULL AND r.processed_at IS NOT NULL',
		'UPDATE billing.stripe_events SET payload = NULL'),
	('stripe-webhook', 'failed attempts', 'webhook_failures', 'at',
		$q$r.source = 'stripe' AND NOT EXISTS (SELECT FROM billing.stripe_events e
			WHERE e.event_id = r.id AND e.processed_at IS NULL)$q$,
		'DELETE FROM billing.webhook_failures'),
	('stripe-webhook', 'expired checkouts', 'checkout_sessions', 'created_at',
		$q$coalesce(r.expires_at, r.created_at + interval '1 day') < now()$q$,
		'DELETE FROM billing.checkout_sessions'),
	('gumroad-webhook', 'delivery payloads', 'gumroad_events', 'received_at',
		'r.payload IS NOT NULL AND r.processed',
		'UPDATE billing.gumroad_events SET payload = NULL'),
	('gumroad-webhook', 'failed attempts', 'webhook_failures', 'at',
		$q$r.source = 'gumroad' AND NOT EXISTS (SELECT FROM billing.gumroad_events e
			WHERE e.order_id = r.id AND NOT e.processed)$q$,
		'DELETE FROM billing.webhook_failures'),
	('gumroad-webhook', 'mail bodies', 'emails', 'created_at',
		$q$r.body_text IS NOT NULL AND r.status <> 'queued'$q$,
		'UPDATE billing.emails SET subject = NULL, body_text = NULL, body_html = NULL'),
	('gumroad-webhook', 'resend requests', 'resend_requests', 'at', 'true',
		'DELETE FROM billing.resend_requests')
$$;

-- What a program's prune would empty now.
CREATE OR REPLACE FUNCTION billing.prune_due(program_ text, keep_days integer)
RETURNS TABLE (part text, rows bigint, oldest text)
LANGUAGE plpgsql AS $$
DECLARE
	rule record;
BEGIN
	FOR rule IN SELECT * FROM billing.prune_rules() p WHERE p.program = program_ LOOP
		part := rule.part;
		EXECUTE format('SELECT count(*), billing.utc(min(r.%1$I)) FROM billing.%2$I r'
			' WHERE r.%1$I < $1 AND %3$s', rule.age, rule.relation, rule.due)
			INTO rows, oldest USING now() - make_interval(days => keep_days);
		RETURN NEXT;
	END LOOP;
END $$;

-- Empties at most so many rows of one part, the oldest that are not older than
-- since. What somebody else has locked is left for another time. Returns how many
-- and how far that went; 0 when there is nothing left.
CREATE OR REPLACE FUNCTION billing.prune(program_ text, part_ text, keep_days integer,
	since timestamptz, at_most integer, OUT rows bigint, OUT reached timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	rule record;
BEGIN
	SELECT * INTO STRICT rule FROM billing.prune_rules() p
		WHERE p.program = program_ AND p.part = part_;
	EXECUTE format('WITH due AS MATERIALIZED (SELECT r.ctid AS place, r.%1$I AS age'
		' FROM billing.%2$I r WHERE r.%1$I >= $1 AND r.%1$I < $2 AND %3$s'
		' ORDER BY r.%1$I LIMIT $3 FOR UPDATE OF r SKIP LOCKED),'
		' done AS (%4$s WHERE ctid = ANY (ARRAY(SELECT place FROM due)) RETURNING 1)'
		' SELECT (SELECT count(*) FROM done), (SELECT max(age) FROM due)',
		rule.age, rule.relation, rule.due, rule.effect)
		INTO rows, reached USING coalesce(since, '-infinity'),
			now() - make_interval(days => keep_days), at_most;
END $$;

CREATE OR REPLACE FUNCTION billing.stripe_prune_due(keep_days integer)
RETURNS TABLE (part text, rows bigint, oldest text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM billing.prune_due('stripe-webhook', keep_days)
$$;

GRANT EXECUTE ON FUNCTION billing.stripe_prune_due(integer) TO paydesk_stripe_webhook;

CREATE OR REPLACE FUNCTION billing.stripe_prune(part text, keep_days integer, since timestamptz,
	at_most integer, OUT rows bigint, OUT reached timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM billing.prune('stripe-webhook', part, keep_days, since, at_most)
$$;

GRANT EXECUTE ON FUNCTION billing.stripe_prune(text, integer, timestamptz, integer)
	TO paydesk_stripe_webhook;

CREATE OR REPLACE FUNCTION billing.gumroad_prune_due(keep_days integer)
RETURNS TABLE (part text, rows bigint, oldest text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM billing.prune_due('gumroad-webhook', keep_days)
$$;

GRANT EXECUTE ON FUNCTION billing.gumroad_prune_due(integer) TO paydesk_gumroad_webhook;

CREATE OR REPLACE FUNCTION billing.gumroad_prune(part text, keep_days integer, since timestamptz,
	at_most integer, OUT rows bigint, OUT reached timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM billing.prune('gumroad-webhook', part, keep_days, since, at_most)
$$;

GRANT EXECUTE ON FUNCTION billing.gumroad_prune(text, integer, timestamptz, integer)
	TO paydesk_gumroad_webhook;
