-- What an operator decides about whose customer is whose.

-- An account that has lost subscriptions mirrors those that are left, or none.
CREATE OR REPLACE FUNCTION billing.account_lost(account bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.accounts a SET subscription_status = NULL, trial_end = NULL,
		updated_at = now()
		WHERE a.id = account AND NOT EXISTS (SELECT FROM billing.subscriptions s
			WHERE s.account_id = account AND billing.is_base(s));
	PERFORM billing.account_refresh(account, true, false);
	PERFORM billing.payment_retract(account, '-infinity');
END $$;

-- The accounts that have something of a customer: the customer itself, or what it pays for.
CREATE OR REPLACE FUNCTION billing.customer_holders(customer text) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN ARRAY(SELECT id FROM billing.accounts WHERE stripe_customer_id = customer
		UNION SELECT account_id FROM billing.subscriptions
			WHERE stripe_customer_id = customer AND account_id IS NOT NULL
		ORDER BY 1);
END $$;

-- What of a customer these accounts have, in words; NULL: nothing.
CREATE OR REPLACE FUNCTION billing.customer_told(customer text, holders bigint[])
RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT string_agg(format('from account %s: %s', a.external_id, concat_ws(', ',
			CASE WHEN a.stripe_customer_id = customer THEN 'customer ' || customer END,
			(SELECT 'subscription ' || string_agg(s.stripe_subscription_id, ', subscription '
					ORDER BY s.id)
				FROM billing.subscriptions s
				WHERE s.account_id = a.id AND s.stripe_customer_id = customer))),
			'; ' ORDER BY a.id)
		FROM billing.accounts a WHERE a.id = ANY (holders));
END $$;

-- Takes a customer, and what it pays for, from these accounts. The caller holds their locks.
CREATE OR REPLACE FUNCTION billing.customer_free(customer_ text, holders bigint[], person text)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	account bigint;
BEGIN
	UPDATE billing.accounts
		SET stripe_customer_id = NULL, customer_gone_at = NULL, updated_at = now()
		WHERE stripe_customer_id = customer_ AND id = ANY (holders);
	UPDATE billing.subscriptions SET account_id = NULL, updated_at = now()
		WHERE stripe_customer_id = customer_ AND account_id = ANY (holders);
	INSERT INTO billing.bindings (account_id, customer, proof, noted_by)
		SELECT h, customer_, 'unlinked', person FROM unnest(holders) h;
	FOREACH account IN ARRAY holders LOOP
		PERFORM billing.account_lost(account);
	END LOOP;
END $$;

-- Gives a customer at Stripe to an account, with what it pays for and what was held back for
-- want of an account; person does so, NULL: whoever is logged in. Returns
--   linked            about: what was moved, in words; NULL: nothing
--   moves             about: what would be; nothing is done unless move says so
--   no_account, customer_deleted
CREATE OR REPLACE FUNCTION billing.stripe_link(customer_ text, account_ref text, move boolean,
	person text, OUT result text, OUT about text, OUT adopted bigint, OUT status text,
	OUT tier text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who     text := coalesce(person, session_user);
	account billing.accounts;
	others  bigint[];
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(customer_, 0));
	PERFORM FROM billing.accounts a WHERE a.external_id = account_ref
		OR a.id = ANY (billing.customer_holders(customer_)) ORDER BY a.id FOR NO KEY UPDATE;
	SELECT * INTO account FROM billing.accounts a WHERE a.external_id = account_ref;
	others := array_remove(billing.customer_holders(customer_), account.id);
	about := concat_ws('; ', billing.customer_told(customer_, others),
		CASE WHEN account.stripe_customer_id <> customer_ THEN
			format('in place of customer %s, whose subscriptions stay where they are',
				account.stripe_customer_id) END);
	about := nullif(about, '');
	result := CASE WHEN account.id IS NULL THEN 'no_account'
		WHEN billing.customer_is_deleted(customer_) THEN 'customer_deleted'
		WHEN about IS NOT NULL AND NOT move THEN 'moves' ELSE 'linked' END;
	IF result <> 'linked' THEN
		RETURN;
	END IF;
	PERFORM billing.customer_free(customer_, others, who);
	SELECT count(*) INTO adopted FROM billing.subscriptions s
		WHERE s.stripe_customer_id = customer_ AND s.account_id IS NULL AND s.sold;
	IF account.stripe_customer_id <> customer_ THEN
		INSERT INTO billing.bindings (account_id, customer, proof, noted_by)
			VALUES (account.id, account.stripe_customer_id, 'replaced', who);
		UPDATE billing.accounts SET stripe_customer_id = NULL WHERE id = account.id;
	END IF;
	UPDATE billing.accounts SET customer_gone_at = NULL
		WHERE id = account.id AND customer_gone_at IS NOT NULL;
	IF account.stripe_customer_id = customer_ THEN
		PERFORM billing.account_adopt(account);
	ELSE
		PERFORM billing.account_bind(account.id, customer_, 'operator', who);
	END IF;
	SELECT a.subscription_status, a.tier INTO status, tier
		FROM billing.accounts a WHERE a.id = account.id;
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_link(text, text, boolean, text)
	TO paydesk_stripe_webhook, paydesk_ops;

-- Takes a customer, and what it pays for, from whoever has it: it is nobody's until an
-- operator links it, or Stripe's metadata name another account. Returns
--   unlinked    about: what was taken from whom, in words
--   nobody      has it
CREATE OR REPLACE FUNCTION billing.stripe_unlink(customer_ text, person text, OUT result text,
	OUT about text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	holders bigint[];
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended(customer_, 0));
	PERFORM FROM billing.accounts a
		WHERE a.id = ANY (billing.customer_holders(customer_)) ORDER BY a.id FOR NO KEY UPDATE;
	holders := billing.customer_holders(customer_);
	about := billing.customer_told(customer_, holders);
	result := CASE WHEN about IS NULL THEN 'nobody' ELSE 'unlinked' END;
	IF about IS NOT NULL THEN
		PERFORM billing.customer_free(customer_, holders, coalesce(person, session_user));
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.stripe_unlink(text, text)
	TO paydesk_stripe_webhook, paydesk_ops;

-- The customers of Stripe's that an account has something of: its own one first.
CREATE OR REPLACE FUNCTION billing.account_customers(account_ref text)
RETURNS TABLE (customer text, own boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.customer, bool_or(c.own) FROM billing.accounts a CROSS JOIN LATERAL (
		SELECT a.stripe_customer_id AS customer, true AS own
		UNION ALL SELECT s.stripe_customer_id, false FROM billing.subscriptions s
			WHERE s.account_id = a.id) c
	WHERE a.external_id = account_ref AND c.customer IS NOT NULL
	GROUP BY 1 ORDER BY 2 DESC, 1
$$;

GRANT EXECUTE ON FUNCTION billing.account_customers(text) TO paydesk_stripe_webhook;

-- The events of a customer that found no account, in Stripe's order.
CREATE OR REPLACE FUNCTION billing.events_held(customer text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT event_id FROM billing.stripe_events
		WHERE stripe_customer_id = customer AND outcome = 'unmatched'
		ORDER BY created_at, received_at
$$;

GRANT EXECUTE ON FUNCTION billing.events_held(text) TO paydesk_stripe_webhook, paydesk_ops;
