-- The ceiling of stripe-webhook: the same ledger insert and the same updates in
-- one call, on tables of the same columns, indexes and rows, without a rule.

CREATE SCHEMA bench;

CREATE TABLE bench.accounts (LIKE billing.accounts INCLUDING ALL);
CREATE TABLE bench.subscriptions (LIKE billing.subscriptions INCLUDING ALL,
	FOREIGN KEY (account_id) REFERENCES bench.accounts ON DELETE SET NULL)
	WITH (fillfactor = 80);
CREATE TABLE bench.stripe_events (LIKE billing.stripe_events INCLUDING ALL);

INSERT INTO bench.accounts OVERRIDING SYSTEM VALUE
	SELECT * FROM billing.accounts;
INSERT INTO bench.subscriptions OVERRIDING SYSTEM VALUE
	SELECT * FROM billing.subscriptions;

CREATE FUNCTION bench.apply(prefix text, unique_ bigint, number integer, flip integer,
	payload_ text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	suffix  text := lpad(number::text, 7, '0');
	status_ text := CASE flip WHEN 0 THEN 'active' ELSE 'past_due' END;
	account bigint;
BEGIN
	INSERT INTO bench.stripe_events (event_id, type, api_version, livemode, created_at,
			processed_at, outcome, stripe_customer_id, stripe_subscription_id, payload)
		VALUES (prefix || unique_, 'customer.subscription.updated', '2025-03-31.basil',
			false, now(), now(), 'applied', 'cus_TmBench' || suffix,
			'sub_1SmBench2eZvKYlo0' || suffix, payload_)
		ON CONFLICT (event_id) DO NOTHING;
	IF NOT FOUND THEN
		RETURN 'duplicate';
	END IF;
	UPDATE bench.subscriptions SET status = status_, snapshot_status = status_,
			last_event_at = now(), updated_at = now()
		WHERE stripe_subscription_id = 'sub_1SmBench2eZvKYlo0' || suffix
		RETURNING account_id INTO account;
	UPDATE bench.accounts SET subscription_status = status_, updated_at = now()
		WHERE id = account;
	RETURN 'applied';
END $$;

VACUUM ANALYZE billing.accounts, billing.subscriptions, billing.stripe_events,
	bench.accounts, bench.subscriptions;
