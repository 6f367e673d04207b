-- Checkout sessions that wait for their customer.

-- What an order is about: the price that is sold of a plan, the default one if none is
-- named, for a period. outcome is NULL, or
--   no_catalog       none was applied
--   unknown_plan     the catalog has none of that name
--   invalid_cadence  no plan is sold for such a period
--   unsold           this one is not
CREATE OR REPLACE FUNCTION billing.checkout_offer(plan_ text, period_ text, OUT outcome text,
	OUT price billing.prices)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	policy billing.policy;
BEGIN
	SELECT * INTO policy FROM billing.policy;
	SELECT * INTO price FROM billing.prices p
		WHERE p.plan = coalesce(plan_, policy.default_plan) AND p.period = period_ AND p.sold;
	outcome := CASE
	WHEN price.price_id IS NOT NULL THEN NULL
	WHEN policy.catalog_id IS NULL THEN 'no_catalog'
	WHEN period_ NOT IN ('monthly', 'annual', 'once')
		AND NOT EXISTS (SELECT FROM billing.prices p WHERE p.period = period_ AND p.sold)
	THEN 'invalid_cadence'
	WHEN plan_ IS NOT NULL AND NOT EXISTS (SELECT FROM billing.plans p WHERE p.plan = plan_)
	THEN 'unknown_plan'
	ELSE 'unsold' END;
END $$;

-- Whether a subscription is the account's by proof: what came by the claim of a payment
-- link's customer alone gives access, and keeps nobody from buying.
CREATE OR REPLACE FUNCTION billing.is_proven(s billing.subscriptions, customer text)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT NOT s.ref_claimed OR coalesce(s.stripe_customer_id = customer, false)
$$;

-- Whether the account has what it would buy twice.
CREATE OR REPLACE FUNCTION billing.is_subscribed(a billing.accounts) RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM billing.subscriptions s
		WHERE s.account_id = a.id AND NOT billing.is_terminal(s.status)
		  AND (s.status <> 'incomplete' OR s.checkout_unpaid)
		  AND billing.is_base(s) AND billing.is_proven(s, a.stripe_customer_id))
$$;

-- The session of an account for a request, made with such facts: one that waits already,
-- or a new one. A session that is older than the account's newest subscription is done
-- with. outcome is key_reused, reuse or open, as below.
CREATE OR REPLACE FUNCTION billing.checkout_session(account bigint, bought timestamptz,
	client_key_ text, request_ text, facts_ text,
	OUT outcome text, OUT session billing.checkout_sessions)
LANGUAGE plpgsql AS $$
DECLARE
	s billing.checkout_sessions;
BEGIN
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
		UPDATE billing.checkout_sessions c SET client_key = NULL WHERE c.id = s.id;
		s := NULL;
	END IF;
	IF s.id IS NULL THEN
		INSERT INTO billing.checkout_sessions AS c (account_id, client_key, request, facts)
			VALUES (account, client_key_, request_, facts_) RETURNING c.* INTO s;
	END IF;
	outcome := CASE WHEN s.url IS NOT NULL THEN 'reuse' ELSE 'open' END;
	session := s;
END $$;

-- Decides what a wish to buy leads to. Requests of one account are decided one after the
-- other. wish has plan, period, key and referral_code, each of which may be missing but
-- period, and request, which is equal for equal wishes. outcome is one of
-- billing.checkout_offer(), or
--   user_not_found, admin      there is no account, and none is made
--   already_subscribed         one is live, and several are not allowed
--   key_reused                 the key stands for another request
--   reuse                      session_id and url are open still, as far as we
--                              know; recent: made less than a minute ago
--   open                       end those of checkout_rivals(id), ask Stripe for a session
--                              with stripe_key, then call checkout_opened(id, …)
-- A customer that is gone is none: the session is for the address.
CREATE OR REPLACE FUNCTION billing.checkout_begin(caller text, address text, verified boolean,
	role_ text, wish jsonb,
	OUT outcome text, OUT price_id text, OUT plan text, OUT metered boolean,
	OUT trial_days integer, OUT metadata_key text, OUT referral text, OUT id_ bigint,
	OUT stripe_key_ text, OUT session_id text, OUT url_ text, OUT recent boolean,
	OUT customer text, OUT customer_email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	o       record := billing.checkout_offer(wish ->> 'plan', wish ->> 'period');
	policy  billing.policy;
	account bigint;
	a       billing.accounts;
	s       record;
	trial   boolean;
	bought  timestamptz;
BEGIN
	SELECT * INTO policy FROM billing.policy;
	IF o.outcome IS NULL THEN
		account := billing.caller_account(caller, address, verified, role_);
	END IF;
	outcome := coalesce(o.outcome, CASE WHEN account IS NULL
		THEN coalesce(role_, 'user_not_found') END);
	IF outcome IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT * INTO a FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	SELECT count(b.trial_end) = 0 AND a.trial_end IS NULL, max(b.created_at)
		INTO trial, bought FROM billing.subscriptions b
		WHERE b.account_id = account AND billing.is_proven(b, a.stripe_customer_id);
	IF wish ->> 'referral_code' IS NOT NULL THEN
		referral := billing.referral_capture(account, wish ->> 'referral_code');
	END IF;
	IF (o.price).period <> 'once' AND NOT policy.several AND billing.is_subscribed(a) THEN
		outcome := 'already_subscribed';
		RETURN;
	END IF;
	customer := CASE WHEN a.customer_gone_at IS NULL THEN a.stripe_customer_id END;
	customer_email := coalesce(address, a.email);
	price_id := (o.price).price_id;
	plan := (o.price).plan;
	metered := (o.price).metered;
	trial_days := CASE WHEN trial THEN (o.price).trial_days ELSE 0 END;
	metadata_key := policy.metadata_key;
	s := billing.checkout_session(account, bought, wish ->> 'key',
		concat_ws(' ', price_id, wish ->> 'request'),
		concat_ws(' ', coalesce(customer, customer_email), trial));
	outcome := s.outcome;
	id_ := (s.session).id;
	stripe_key_ := (s.session).stripe_key;
	session_id := (s.session).stripe_session_id;
	url_ := (s.session).url;
	recent := (s.session).created_at > now() - interval '1 minute';
END $$;

GRANT EXECUTE ON FUNCTION billing.checkout_begin(text, text, boolean, text, jsonb)
	TO paydesk_checkout;

-- Keeps what Stripe says of a price, until a catalog is applied again.
CREATE OR REPLACE FUNCTION billing.price_learned(price text, metered_ boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.prices SET metered = metered_ WHERE price_id = price
$$;

GRANT EXECUTE ON FUNCTION billing.price_learned(text, boolean) TO paydesk_checkout;

-- The account's other sessions that are open as far as we know, with their ids at Stripe: of
-- two open ones both could be paid. blocks: one that is paid leaves nothing to buy.
CREATE OR REPLACE FUNCTION billing.checkout_rivals(id_ bigint)
RETURNS TABLE (id bigint, session_id text, blocks boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.id, o.stripe_session_id, NOT p.several AND split_part(own.request, ' ', 1) NOT IN (
			SELECT r.price_id FROM billing.prices r WHERE r.period = 'once')
		FROM billing.checkout_sessions own
		JOIN billing.checkout_sessions o ON o.account_id = own.account_id AND o.id <> own.id
		CROSS JOIN billing.policy p
		WHERE own.id = id_ AND o.stripe_session_id IS NOT NULL
		  AND (o.expires_at > now() OR o.expires_at IS NULL)
		ORDER BY o.id DESC LIMIT 10
$$;

GRANT EXECUTE ON FUNCTION billing.checkout_rivals(bigint) TO paydesk_checkout;

-- Keeps what Stripe has opened. Sessions of one account are kept one after the other; those
-- that were before this one, opened at the same moment, are to be ended as well.
CREATE OR REPLACE FUNCTION billing.checkout_opened(id_ bigint, session_id_ text, url_ text,
	expires timestamptz)
RETURNS TABLE (id bigint, session_id text, blocks boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM billing.accounts a WHERE a.id = (SELECT s.account_id
		FROM billing.checkout_sessions s WHERE s.id = id_) FOR NO KEY UPDATE;
	UPDATE billing.checkout_sessions s
		SET stripe_session_id = session_id_, url = url_, expires_at = expires
		WHERE s.id = id_;
	RETURN QUERY SELECT r.* FROM billing.checkout_rivals(id_) r;
END $$;

GRANT EXECUTE ON FUNCTION billing.checkout_opened(bigint, text, text, timestamptz)
	TO paydesk_checkout;

-- Forgets one that Stripe has refused or closed: the next wish gets a new one.
CREATE OR REPLACE FUNCTION billing.checkout_closed(id_ bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	DELETE FROM billing.checkout_sessions WHERE id = id_
$$;

GRANT EXECUTE ON FUNCTION billing.checkout_closed(bigint) TO paydesk_checkout;

-- Notes that Stripe has no such customer any more, of which only its own word is known.
-- False: too many are gone in one hour. Then it is rather the key that is another account's,
-- and nothing is noted.
CREATE OR REPLACE FUNCTION billing.customer_gone(caller text, customer text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('customers that are gone', 0));
	IF (SELECT count(*) >= 20 FROM billing.accounts a
			WHERE a.customer_gone_at > now() - interval '1 hour'
			  AND a.external_id <> caller) THEN
		RETURN false;
	END IF;
	UPDATE billing.accounts SET customer_gone_at = now(), updated_at = now()
		WHERE external_id = caller AND stripe_customer_id = customer
		  AND customer_gone_at IS NULL;
	RETURN true;
END $$;

GRANT EXECUTE ON FUNCTION billing.customer_gone(text, text) TO paydesk_checkout, paydesk_portal;

-- The subscription of the account's customer that the portal is to change: the one that gives
-- access, else one that could again. NULL: there is none.
CREATE OR REPLACE FUNCTION billing.portal_subscription(caller text, customer text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (SELECT s.stripe_subscription_id
		FROM billing.access v
		JOIN billing.subscriptions s ON s.account_id = v.account_id
		CROSS JOIN LATERAL billing.subscription_grants(s) g
		WHERE v.external_id = caller AND s.stripe_customer_id = customer
		  AND billing.is_base(s) AND NOT billing.is_terminal(s.status)
		  AND s.status <> 'incomplete'
		ORDER BY s.id = v.subscription_id DESC NULLS LAST, g.reason IS NULL,
			s.last_event_at DESC NULLS LAST, s.id DESC
		LIMIT 1);
END $$;

GRANT EXECUTE ON FUNCTION billing.portal_subscription(text, text) TO paydesk_portal;
