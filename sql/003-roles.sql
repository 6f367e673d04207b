-- One role for each program, with the least that it needs. Roles belong to the
-- whole cluster, so they may exist already.
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paydesk_stripe_webhook') THEN
		CREATE ROLE paydesk_stripe_webhook LOGIN;
	END IF;
END $$;

REVOKE ALL ON SCHEMA billing FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA billing FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA billing TO paydesk_stripe_webhook;
GRANT SELECT ON billing.schema_version TO paydesk_stripe_webhook;
GRANT INSERT (source, id, type, error, sqlstate)
	ON billing.webhook_failures TO paydesk_stripe_webhook;
GRANT SELECT ON billing.stripe_events TO paydesk_stripe_webhook;
GRANT SELECT (stripe_subscription_id, last_event_at)
	ON billing.subscriptions TO paydesk_stripe_webhook;
GRANT EXECUTE ON FUNCTION
	billing.stripe_apply(text, text, text, boolean, timestamptz, text, boolean, text, text,
		text, text, text, text, text, text, text, smallint, text, text, text, integer,
		timestamptz, timestamptz, timestamptz, boolean, timestamptz),
	billing.stripe_failed(text, text, text, boolean, timestamptz, text, boolean, text, text,
		text, text)
	TO paydesk_stripe_webhook;
