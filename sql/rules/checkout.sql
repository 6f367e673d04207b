-- Checkout sessions that wait for their customer.

-- Decides what a wish to buy leads to. Requests of one account are decided one
-- after the other. outcome is
--   user_not_found, admin      there is no account, and none is made
--   already_subscribed         one is live, and several are not allowed
--   key_reused                 client_key stands for another request
--   reuse                      session_id and url are open still, as far as we
--                              know; recent: made less than a minute ago
--   open                       ask Stripe for a session with stripe_key, then
--                              call checkout_opened(id, …)
-- A session that is older than the account's newest subscription is done with.
CREATE OR REPLACE FUNCTION billing.checkout_begin(caller text, address text, verified boolean,
	role_ text,
	client_key_ text, request_ text, several boolean, code text,
	OUT outcome text, OUT referral text, OUT id_ bigint, OUT stripe_key_ text,
	OUT session_id text, OUT url_ text, OUT recent boolean,
	OUT customer text, OUT customer_email text, OUT trial boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, address, verified, role_);
	a       billing.accounts;
	s       billing.checkout_sessions;
	facts_  text;
	bought  timestamptz;
BEGIN
	IF account IS NULL THEN
		outcome := CASE WHEN role_ IS NULL THEN 'user_not_found' ELSE role_ END;
		RETURN;
	END IF;
	SELECT * INTO a FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	customer := a.stripe_customer_id;
	customer_email := coalesce(address, a.email);
	SELECT count(b.trial_end) = 0 AND a.trial_end IS NULL, max(b.created_at)
		INTO trial, bought FROM billing.subscriptions b WHERE b.account_id = account;
	IF code IS NOT NULL THEN
		referral := billing.referral_capture(account, code);
	END IF;
	IF NOT several AND EXISTS (SELECT FROM billing.subscriptions b
			WHERE b.account_id = account AND NOT billing.is_terminal(b.status)
			  AND (b.status <> 'incomplete' OR b.checkout_unpaid)
			  AND billing.is_base(b)) THEN
		outcome := 'already_subscribed';
		RETURN;
	END IF;

	facts_ := concat_ws(' ', coalesce(customer, customer_email), trial);
	DELETE FROM billing.checkout_sessions c WHERE c.account_id = account
		AND (coalesce(c.expires_at, c.created_at + interval '1 day') < now() + interval '1 minute'
		     OR c.created_at < bought);
	SELECT * INTO s FROM billing.checkout_sessions c
		WHERE c.account_id = account
		  AND CASE WHEN client_key_ IS NOT NULL THEN c.client_key = client_key_
		      ELSE c.request = request_ AND c.facts = facts_
			AND (c.url IS NOT NULL OR c.created_at > now() - interval '1 minute') END
		ORDER BY c.created_at DESC LIMIT 1;
	IF s.client_key = client_key_ AND s.request <> request_ THEN
		outcome := 'key_reused';
		RETURN;
	ELSIF s.facts <> facts_ THEN
		DELETE FROM billing.checkout_sessions c WHERE c.id = s.id;
		s := NULL;
	END IF;
	IF s.url IS NOT NULL THEN
		outcome := 'reuse';
	ELSE
		outcome := 'open';
		IF s.id IS NULL THEN
			INSERT INTO billing.checkout_sessions AS c (account_id, client_key, request, facts)
				VALUES (account, client_key_, request_, facts_) RETURNING c.* INTO s;
		END IF;
	END IF;
	id_ := s.id;
	stripe_key_ := s.stripe_key;
	session_id := s.stripe_session_id;
	url_ := s.url;
	recent := s.created_at > now() - interval '1 minute';
END $$;

GRANT EXECUTE ON FUNCTION billing.checkout_begin(text, text, boolean, text, text, text, boolean,
	text)
	TO paydesk_checkout;

-- Keeps what Stripe has opened.
CREATE OR REPLACE FUNCTION billing.checkout_opened(id_ bigint, session_id text, url_ text,
	expires timestamptz)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE billing.checkout_sessions
		SET stripe_session_id = session_id, url = url_, expires_at = expires
		WHERE id = id_;
END $$;

GRANT EXECUTE ON FUNCTION billing.checkout_opened(bigint, text, text, timestamptz)
	TO paydesk_checkout;

-- Forgets one that Stripe has refused or closed: the next wish gets a new one.
CREATE OR REPLACE FUNCTION billing.checkout_closed(id_ bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	DELETE FROM billing.checkout_sessions WHERE id = id_
$$;

GRANT EXECUTE ON FUNCTION billing.checkout_closed(bigint) TO paydesk_checkout;
