-- What each program may do with the schema and its tables. What it may call stands
-- beside each function.

GRANT USAGE ON SCHEMA billing TO paydesk_account, paydesk_checkout, paydesk_gumroad_webhook,
	paydesk_health, paydesk_license, paydesk_operator, paydesk_ops, paydesk_portal,
	paydesk_reader, paydesk_stripe_webhook;
GRANT SELECT ON billing.schema_version
	TO paydesk_account, paydesk_checkout, paydesk_gumroad_webhook, paydesk_health,
	paydesk_license, paydesk_operator, paydesk_ops, paydesk_portal, paydesk_stripe_webhook;

GRANT INSERT (source, id, type, error, sqlstate)
	ON billing.webhook_failures TO paydesk_stripe_webhook, paydesk_ops;
GRANT SELECT (stripe_subscription_id, last_event_at)
	ON billing.subscriptions TO paydesk_stripe_webhook, paydesk_ops;
GRANT SELECT ON billing.stripe_events TO paydesk_stripe_webhook;
GRANT SELECT (event_id, type, error, created_at, received_at, processed_at, payload,
		payload_truncated)
	ON billing.stripe_events TO paydesk_ops;
GRANT SELECT ON billing.samples TO paydesk_ops;

GRANT SELECT (external_id, stripe_customer_id, customer_gone_at)
	ON billing.accounts TO paydesk_portal;

GRANT SELECT ON billing.gumroad_products TO paydesk_gumroad_webhook;
GRANT SELECT ON billing.gumroad_events TO paydesk_gumroad_webhook;
GRANT INSERT (payload) ON billing.gumroad_events TO paydesk_gumroad_webhook;
GRANT SELECT (id, license_key, tier, product_id, product_name, test, status, revoke_reason,
		created_at, paid_until)
	ON billing.licenses TO paydesk_license;
GRANT SELECT ON billing.license_keys TO paydesk_license;
