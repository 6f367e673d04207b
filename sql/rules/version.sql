-- The version of an account: it grows whenever the stored answer to what the account may use
-- has changed. What a catalog says of a plan is joined when it is read, and raises none.

-- What an account's answer takes from one of its subscriptions.
CREATE OR REPLACE FUNCTION billing.said_of(s billing.subscriptions) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_array(s.account_id, s.status, s.plan, s.period, s.sold, s.seat_limit,
		s.items, s.current_period_end, s.trial_end, s.cancel_at_period_end, s.cancel_at,
		s.pause_collection, s.schedule, s.past_due_since, s.refunded, s.dispute,
		s.fraud_warned, billing.is_withheld(s))
$$;

CREATE OR REPLACE FUNCTION billing.account_changed(account bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.accounts SET version = version + 1 WHERE id = account;
END $$;

-- What the account's own row says changes with it, whoever changes it.
CREATE OR REPLACE FUNCTION billing.account_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.version := OLD.version + 1;
	RETURN NEW;
END $$;

-- A grant is the account's answer too.
CREATE OR REPLACE FUNCTION billing.grant_changes_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM billing.account_changed(NEW.account_id);
	RETURN NULL;
END $$;

-- Raises the version of those for whom something has ended since this was asked last: a
-- period, a trial, grace, credit or a grant.
CREATE OR REPLACE FUNCTION billing.ends_note() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	since timestamptz;
BEGIN
	SELECT e.until INTO since FROM billing.ends_seen e FOR UPDATE;
	UPDATE billing.accounts a SET version = version + 1 WHERE a.id IN (
		SELECT s.account_id FROM billing.subscriptions s CROSS JOIN LATERAL (VALUES
			(s.current_period_end), (s.trial_end), (s.cancel_at),
			(s.past_due_since + billing.grace()), (s.current_period_end + billing.grace()),
			(s.current_period_end + interval '1 day')) e (at)
			WHERE e.at > since AND e.at <= now()
		UNION SELECT g.account_id FROM billing.grants g
			WHERE g.until > since AND g.until <= now() AND g.revoked_at IS NULL
		UNION SELECT c.id FROM billing.accounts c
			WHERE c.credit_until > since AND c.credit_until <= now()
			   OR c.trial_end > since AND c.trial_end <= now());
	UPDATE billing.ends_seen SET until = now();
END $$;
