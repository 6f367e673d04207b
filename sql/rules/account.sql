-- Accounts: whose customer is whose, and what a subscription means for them.

-- What an account mirrors of its subscriptions, and its tier. subscriptions are all of
-- the account's. ended says that one of them has just ended, or turned out to be
-- unpaid: that takes the tier away unless another one is active, has been and is not
-- over, or is overdue. pays: money was seen for one of them, or as the catalog's convert_on
-- says, a trial. One whose money is outstanding counts for nothing. bought: a purchase stands.
CREATE OR REPLACE FUNCTION billing.account_merge(INOUT a billing.accounts,
	subscriptions billing.subscriptions[], bought boolean, ended boolean, convert_on text,
	OUT pays boolean)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	s       billing.subscriptions;
	grants  boolean := bought;
	overdue boolean := false;
BEGIN
	pays := false;
	-- the most alive one last: it is the one that the account mirrors
	FOR s IN SELECT u.* FROM unnest(subscriptions) u
		ORDER BY array_position(ARRAY['incomplete_expired', 'canceled', 'incomplete',
			'paused', 'unpaid', 'past_due', 'trialing', 'active'], u.status) NULLS FIRST,
			u.last_event_at NULLS FIRST, u.id
	LOOP
		a.subscription_status := s.status;
		a.trial_end := CASE WHEN s.status = 'trialing' THEN s.trial_end END;
		CONTINUE WHEN billing.is_withheld(s);
		grants := grants OR s.status IN ('trialing', 'active')
			OR (s.was_active AND s.status IN ('past_due', 'unpaid', 'paused'));
		pays := pays OR s.money_at IS NOT NULL OR (convert_on = 'trial' AND s.was_active);
		overdue := overdue OR s.status = 'past_due';
	END LOOP;
	a.tier := CASE WHEN grants THEN 'paid' WHEN ended AND NOT overdue THEN 'free' ELSE a.tier END;
END $$;

-- Brings an account in line with its subscriptions, and on the first payment ever the
-- referral; where a trial is enough, not when a person has made the account a paid one.
-- The account is locked first: it may have subscriptions of several customers, whose events
-- are not applied one at a time. When this may be its first payment, so is the one that
-- referred it, both in the order of their ids, so that two that referred each other cannot
-- deadlock.
CREATE OR REPLACE FUNCTION billing.account_refresh(account bigint, ended boolean,
	maybe_first boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	old    billing.accounts;
	a      billing.accounts;
	merged record;
	first  boolean;
	converts_on text := (SELECT convert_on FROM billing.policy);
BEGIN
	IF maybe_first THEN
		PERFORM FROM billing.accounts WHERE id = account OR id = (
			SELECT referrer_account_id FROM billing.referrals
				WHERE referred_account_id = account AND converted_at IS NULL)
			ORDER BY id FOR NO KEY UPDATE;
	END IF;
	SELECT * INTO old FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	merged := billing.account_merge(old, ARRAY(SELECT s FROM billing.subscriptions s
		WHERE s.account_id = account AND billing.is_base(s)),
		EXISTS (SELECT FROM billing.purchases b
			WHERE b.account_id = account AND billing.purchase_stands(b)),
		ended, converts_on);
	a := merged.a;
	first := old.first_paid_at IS NULL AND billing.account_pays(account);
	IF first AND (old.tier = 'free' OR converts_on = 'payment') THEN
		PERFORM billing.referral_convert(account);
	END IF;
	IF first OR a IS DISTINCT FROM old THEN
		UPDATE billing.accounts
			SET subscription_status = a.subscription_status, trial_end = a.trial_end,
			    tier = a.tier, updated_at = now(),
			    first_paid_at = CASE WHEN first THEN now() ELSE first_paid_at END
			WHERE id = account;
	END IF;
END $$;

-- Whether an account may get a customer without an operator's hand. One that an operator
-- has taken from somebody stays nobody's, until metadata name an account that it was not
-- taken from: named.
CREATE OR REPLACE FUNCTION billing.may_claim(account bigint, customer_ text, named boolean)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT b.proof <> 'unlinked' FROM billing.bindings b
			WHERE b.customer = customer_ ORDER BY b.id DESC LIMIT 1), true)
		OR named AND NOT EXISTS (SELECT FROM billing.bindings b
			WHERE b.customer = customer_ AND b.account_id = account
			  AND b.proof = 'unlinked');
END $$;

-- What was held back for want of an account and is this one's: its customer's, what names
-- it, and what was paid with its verified address. proof says why its customer may be
-- bound, NULL: it may not, that is only claimed.
CREATE OR REPLACE FUNCTION billing.account_claims(account billing.accounts)
RETURNS TABLE (subscription bigint, proof text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	address text := CASE WHEN (billing.account_mailed(account.email)).id = account.id
		THEN lower(btrim(account.email)) END;
BEGIN
	RETURN QUERY SELECT h.id, h.proof FROM (
		SELECT s.id, s.stripe_customer_id AS customer,
		       CASE WHEN s.stripe_customer_id = account.stripe_customer_id THEN 'customer'
		            WHEN s.account_ref = account.external_id AND NOT s.ref_claimed THEN 'metadata'
		            WHEN s.email = address AND NOT s.email_claimed THEN 'e-mail' END AS proof
		FROM billing.subscriptions s
		WHERE s.account_id IS NULL AND s.sold
		  AND (s.stripe_customer_id = account.stripe_customer_id
			OR s.account_ref = account.external_id OR s.email = address)
		OFFSET 0) h
	WHERE h.proof IS NOT DISTINCT FROM 'customer' OR h.customer IS NULL
	   OR billing.may_claim(account.id, h.customer, h.proof IS NOT DISTINCT FROM 'metadata');
END $$;

-- Gives it to the account, and where there is proof also the customer of the most alive.
-- Returns how many subscriptions and purchases that were.
CREATE OR REPLACE FUNCTION billing.account_adopt(account billing.accounts) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	adopted integer;
	best    record;
BEGIN
	WITH taken AS (
		UPDATE billing.subscriptions s SET account_id = account.id, email = NULL,
			email_at = NULL, email_claimed = false, updated_at = now()
			FROM billing.account_claims(account) c
			WHERE s.id = c.subscription AND s.account_id IS NULL
			RETURNING s.stripe_customer_id AS customer, c.proof, s.status, s.last_event_at)
	SELECT count(*) OVER () AS count, t.* INTO best FROM taken t
		ORDER BY t.customer IS NULL OR t.proof IS NULL OR t.proof = 'customer'
			OR billing.customer_is_deleted(t.customer)
			OR EXISTS (SELECT FROM billing.accounts o WHERE o.stripe_customer_id = t.customer),
			billing.is_terminal(t.status), t.last_event_at DESC NULLS LAST LIMIT 1;
	adopted := coalesce(best.count, 0);
	IF adopted = 0 THEN
		RETURN billing.purchases_adopt(account);
	END IF;
	IF account.stripe_customer_id IS NULL AND best.customer IS NOT NULL
	   AND best.proof IN ('metadata', 'e-mail') AND NOT billing.customer_is_deleted(best.customer)
	   AND NOT EXISTS (SELECT FROM billing.accounts o
			WHERE o.stripe_customer_id = best.customer) THEN
		PERFORM billing.account_bind(account.id, best.customer, best.proof, NULL);
	END IF;
	PERFORM billing.account_refresh(account.id, false, true);
	PERFORM billing.account_changed(account.id);
	RETURN adopted + billing.purchases_adopt(account);
END $$;

-- Does so for subscriptions that missed it: their event and the transaction that
-- made the account were under way at the same moment, and saw nothing of each
-- other. Returns how many subscriptions got their account.
CREATE OR REPLACE FUNCTION billing.orphans_adopt() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	account billing.accounts;
	adopted integer := 0;
BEGIN
	FOR account IN SELECT a.* FROM billing.accounts a JOIN (
		SELECT o.id, min(1) FILTER (WHERE o.stripe_customer_id = s.stripe_customer_id) AS bound
			FROM billing.subscriptions s JOIN billing.accounts o
				ON o.stripe_customer_id = s.stripe_customer_id
				OR o.external_id = s.account_ref
				OR (lower(btrim(o.email)) = s.email AND o.email_verified
					AND NOT s.email_claimed)
			WHERE s.account_id IS NULL GROUP BY o.id) owner USING (id)
		ORDER BY owner.bound, a.id
	LOOP
		adopted := adopted + billing.account_adopt(account);
	END LOOP;
	RETURN adopted;
END $$;

-- An event of a customer that was taken for gone: it was not.
CREATE OR REPLACE FUNCTION billing.customer_lives(customer text, at timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	UPDATE billing.accounts SET customer_gone_at = NULL, updated_at = now()
		WHERE stripe_customer_id = customer AND customer_gone_at < at;
END $$;

-- Makes a customer of Stripe's the account's, and notes by what proof, and which person did
-- it. One that Stripe does not have any more gives way to what our own metadata prove.
CREATE OR REPLACE FUNCTION billing.account_bind(account bigint, customer text, proof text,
	person text)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO billing.bindings (account_id, customer, proof, noted_by)
		SELECT id, stripe_customer_id, 'replaced', person FROM billing.accounts
			WHERE id = account AND customer_gone_at IS NOT NULL AND proof = 'metadata';
	UPDATE billing.accounts
		SET stripe_customer_id = customer, customer_gone_at = NULL, updated_at = now()
		WHERE id = account AND (stripe_customer_id IS NULL
			OR customer_gone_at IS NOT NULL AND proof = 'metadata');
	IF FOUND THEN
		INSERT INTO billing.bindings (account_id, customer, proof, noted_by)
			VALUES (account, customer, proof, person);
	END IF;
END $$;

-- The account whose address that is: one that is verified, and nobody else's. NULL when
-- it has a customer already, which then is another one.
CREATE OR REPLACE FUNCTION billing.account_mailed(address text) RETURNS billing.accounts
LANGUAGE plpgsql STABLE AS $$
DECLARE
	found_ billing.accounts[];
BEGIN
	found_ := ARRAY(SELECT a FROM billing.accounts a
		WHERE lower(btrim(a.email)) = lower(btrim(address)) LIMIT 2);
	IF cardinality(found_) = 1 AND found_[1].email_verified
	   AND found_[1].stripe_customer_id IS NULL THEN
		RETURN found_[1];
	END IF;
	RETURN NULL;
END $$;

-- Whose event it is, NULL: nobody's that is known. The customer's account; else the one
-- that the object names, ref; else the one with that address, when exactly one has it and
-- it is verified. Access may follow what is claimed, a binding needs proof: when ref is
-- only claimed the address stands above it, and the customer is not bound by it.
CREATE OR REPLACE FUNCTION billing.account_resolve(customer text, ref text, claimed boolean,
	address text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	bound  bigint;
	a      billing.accounts;
	mailed billing.accounts;
	proof  text := CASE WHEN NOT claimed THEN 'metadata' END;
BEGIN
	SELECT id INTO bound FROM billing.accounts WHERE stripe_customer_id = customer;
	IF bound IS NULL AND billing.customer_is_deleted(customer) THEN
		bound := (SELECT b.account_id FROM billing.bindings b
			WHERE b.customer = account_resolve.customer AND b.proof = 'deleted'
			ORDER BY b.id DESC LIMIT 1);
	END IF;
	IF ref IS NOT NULL THEN
		SELECT * INTO a FROM billing.accounts WHERE external_id = ref;
	END IF;
	IF bound IS NOT NULL THEN
		IF a.id <> bound THEN
			RAISE WARNING 'customer % belongs to account %; metadata naming account % is ignored',
				customer, bound, a.id;
		END IF;
		RETURN bound;
	END IF;
	IF address IS NOT NULL AND (a.id IS NULL OR claimed) THEN
		mailed := billing.account_mailed(address);
		IF mailed.id IS NOT NULL THEN
			a := mailed;
			proof := 'e-mail';
		END IF;
	END IF;
	IF a.id IS NULL OR customer IS NULL THEN
		RETURN a.id;
	ELSIF NOT billing.may_claim(a.id, customer, coalesce(proof = 'metadata', false)) THEN
		RETURN NULL;
	ELSIF proof IS NULL THEN
		RETURN a.id;
	END IF;
	IF a.stripe_customer_id IS NOT NULL AND (a.customer_gone_at IS NULL
			OR proof <> 'metadata') THEN
		RAISE WARNING 'account % keeps its customer %; an event names it with customer %',
			a.id, a.stripe_customer_id, customer;
	ELSIF NOT billing.customer_is_deleted(customer) THEN
		PERFORM billing.account_bind(a.id, customer, proof, NULL);
	END IF;
	RETURN a.id;
END $$;

-- Keeps the address that a caller's token or nginx says: another one than before is as
-- verified as they say, the same one may only become so.
CREATE OR REPLACE FUNCTION billing.account_address(account billing.accounts, address text,
	verified boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	same boolean := lower(btrim(account.email)) IS NOT DISTINCT FROM lower(btrim(address));
BEGIN
	IF same AND (account.email_verified OR NOT verified) THEN
		RETURN;
	END IF;
	UPDATE billing.accounts SET email = address, email_verified = verified, updated_at = now()
		WHERE id = account.id;
END $$;

-- The account that calls. It is made on the spot when its e-mail is known, by
-- whichever of several first requests comes first; an administrator gets none.
CREATE OR REPLACE FUNCTION billing.caller_account(caller text, address text, verified boolean,
	role_ text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	a billing.accounts;
BEGIN
	SELECT * INTO a FROM billing.accounts WHERE external_id = caller;
	IF FOUND AND address IS NOT NULL THEN
		PERFORM billing.account_address(a, address, coalesce(verified, false));
	ELSIF NOT FOUND AND address IS NOT NULL AND role_ IS NULL THEN
		INSERT INTO billing.accounts (external_id, email, email_verified)
			VALUES (caller, address, coalesce(verified, false))
			ON CONFLICT (external_id) DO NOTHING RETURNING * INTO a;
		IF NOT FOUND THEN
			SELECT * INTO a FROM billing.accounts WHERE external_id = caller;
		END IF;
	END IF;
	RETURN a.id;
END $$;

-- Makes an account by an operator's hand; the address, when there is one, is vouched for.
-- Returns what is wrong, NULL: nothing.
CREATE OR REPLACE FUNCTION billing.account_make(ref text, address text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO billing.accounts (external_id, email) VALUES (ref, address)
		ON CONFLICT (external_id) DO NOTHING;
	RETURN CASE WHEN NOT FOUND THEN 'there is an account with that id already' END;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_make(text, text) TO paydesk_operator;

-- Does so whoever makes the account known: a webhook, a program that creates it,
-- or an operator.
CREATE OR REPLACE FUNCTION billing.account_adopts_subscriptions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM billing.account_adopt(NEW);
	RETURN NULL;
END $$;
