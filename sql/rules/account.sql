-- Accounts: whose customer is whose, and what a subscription means for them.

-- What an account mirrors of its subscriptions, and its tier. subscriptions are all of
-- the account's. ended says that one of them has just ended, or turned out to be
-- unpaid: that takes the tier away unless another one is active, has been and is not
-- over, or is overdue. pays: money was seen for one of them.
CREATE OR REPLACE FUNCTION billing.account_merge(INOUT a billing.accounts,
	subscriptions billing.subscriptions[], ended boolean, OUT pays boolean)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	s       billing.subscriptions;
	grants  boolean := false;
	overdue boolean := false;
BEGIN
	pays := false;
	a.subscription_status := NULL;
	a.trial_end := NULL;
	-- the most alive one last: it is the one that the account mirrors
	FOR s IN SELECT u.* FROM unnest(subscriptions) u
		ORDER BY array_position(ARRAY['incomplete_expired', 'canceled', 'incomplete',
			'paused', 'unpaid', 'past_due', 'trialing', 'active'], u.status) NULLS FIRST,
			u.last_event_at NULLS FIRST, u.id
	LOOP
		a.subscription_status := s.status;
		a.trial_end := s.trial_end;
		grants := grants OR s.status IN ('trialing', 'active')
			OR (s.was_active AND s.status IN ('past_due', 'unpaid', 'paused'));
		pays := pays OR (s.was_active AND NOT billing.is_withheld(s));
		overdue := overdue OR s.status = 'past_due';
	END LOOP;
	a.tier := CASE WHEN grants THEN 'paid' WHEN ended AND NOT overdue THEN 'free' ELSE a.tier END;
END $$;

-- Brings an account in line with its subscriptions, and on the first payment ever the
-- referral. The account is locked first: it may have subscriptions of several customers,
-- whose events are not applied one at a time. When this may be its first payment, so is
-- the one that referred it, both in the order of their ids, so that two that referred
-- each other cannot deadlock.
CREATE OR REPLACE FUNCTION billing.account_refresh(account bigint, ended boolean,
	maybe_first boolean)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	old    billing.accounts;
	a      billing.accounts;
	merged record;
	first  boolean;
BEGIN
	IF maybe_first THEN
		PERFORM FROM billing.accounts WHERE id = account OR id = (
			SELECT referrer_account_id FROM billing.referrals
				WHERE referred_account_id = account AND converted_at IS NULL)
			ORDER BY id FOR NO KEY UPDATE;
	END IF;
	SELECT * INTO old FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	merged := billing.account_merge(old, ARRAY(SELECT s FROM billing.subscriptions s
		WHERE s.account_id = account AND billing.is_base(s)), ended);
	a := merged.a;
	first := merged.pays AND old.first_paid_at IS NULL;
	IF first AND old.tier = 'free' THEN
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

-- Links what was held back for want of an account to the one that is known now.
-- Returns how many subscriptions that were.
CREATE OR REPLACE FUNCTION billing.account_adopt(account billing.accounts) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
	customer text;
	adopted  integer;
BEGIN
	UPDATE billing.subscriptions SET account_id = account.id, updated_at = now()
		WHERE account_id IS NULL AND (stripe_customer_id = account.stripe_customer_id
			OR account_ref = account.external_id);
	GET DIAGNOSTICS adopted = ROW_COUNT;
	IF adopted = 0 THEN
		RETURN 0;
	END IF;
	IF account.stripe_customer_id IS NULL THEN
		SELECT s.stripe_customer_id INTO customer FROM billing.subscriptions s
			WHERE s.account_id = account.id AND s.stripe_customer_id IS NOT NULL
			  AND NOT billing.customer_is_deleted(s.stripe_customer_id)
			  AND NOT EXISTS (SELECT FROM billing.accounts o
				WHERE o.stripe_customer_id = s.stripe_customer_id)
			ORDER BY billing.is_terminal(s.status), s.last_event_at DESC NULLS LAST
			LIMIT 1;
		IF FOUND THEN
			UPDATE billing.accounts SET stripe_customer_id = customer
				WHERE id = account.id AND stripe_customer_id IS NULL;
		END IF;
	END IF;
	PERFORM billing.account_refresh(account.id, false, true);
	RETURN adopted;
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
			WHERE s.account_id IS NULL GROUP BY o.id) owner USING (id)
		ORDER BY owner.bound, a.id
	LOOP
		adopted := adopted + billing.account_adopt(account);
	END LOOP;
	RETURN adopted;
END $$;

-- The account with that external id, else the one with the second.
CREATE OR REPLACE FUNCTION billing.account_named(ref text, second_ref text) RETURNS billing.accounts
LANGUAGE plpgsql STABLE AS $$
DECLARE
	a billing.accounts;
BEGIN
	SELECT * INTO a FROM billing.accounts WHERE external_id IN (ref, second_ref)
		ORDER BY external_id <> ref LIMIT 1;
	RETURN a;
END $$;

-- Whose customer this is, in the order of trust: the account that holds the
-- customer; the account that our own metadata names; the one account with that
-- e-mail and no customer yet. Binds the customer when the account had none.
CREATE OR REPLACE FUNCTION billing.account_resolve(customer text, account_ref text, second_ref text,
	email_ text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	bound   bigint;
	named   billing.accounts;
	by_mail bigint[];
BEGIN
	SELECT id INTO bound FROM billing.accounts WHERE stripe_customer_id = customer;
	IF account_ref IS NOT NULL THEN
		named := billing.account_named(account_ref, second_ref);
	END IF;
	IF bound IS NOT NULL THEN
		IF named.id <> bound THEN
			RAISE WARNING 'customer % belongs to account %; metadata naming account % is ignored',
				customer, bound, named.id;
		END IF;
		RETURN bound;
	END IF;
	IF named.id IS NULL AND email_ IS NOT NULL THEN
		SELECT array_agg(id) INTO by_mail FROM (SELECT id FROM billing.accounts
			WHERE lower(email) = lower(email_) AND stripe_customer_id IS NULL LIMIT 2) m;
		IF cardinality(by_mail) = 1 THEN
			SELECT * INTO named FROM billing.accounts WHERE id = by_mail[1];
		END IF;
	END IF;
	IF named.id IS NULL OR customer IS NULL THEN
		RETURN named.id;
	END IF;
	IF named.stripe_customer_id IS NOT NULL THEN
		RAISE WARNING 'account % keeps its customer %; an event names it with customer %',
			named.id, named.stripe_customer_id, customer;
	ELSIF NOT billing.customer_is_deleted(customer) THEN
		UPDATE billing.accounts SET stripe_customer_id = customer, updated_at = now()
			WHERE id = named.id AND stripe_customer_id IS NULL;
	END IF;
	RETURN named.id;
END $$;

-- The account that calls. It is made on the spot when its e-mail is known, by
-- whichever of several first requests comes first; an administrator gets none.
CREATE OR REPLACE FUNCTION billing.caller_account(caller text, email_ text, role_ text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	account bigint;
BEGIN
	SELECT id INTO account FROM billing.accounts WHERE external_id = caller;
	IF NOT FOUND AND email_ IS NOT NULL AND role_ IS NULL THEN
		INSERT INTO billing.accounts (external_id, email) VALUES (caller, email_)
			ON CONFLICT (external_id) DO NOTHING RETURNING id INTO account;
		IF NOT FOUND THEN
			SELECT id INTO account FROM billing.accounts WHERE external_id = caller;
		END IF;
	END IF;
	RETURN account;
END $$;

-- The triggers. migrate reads this file only when it differs: to replace a trigger
-- locks its table.

-- Does so whoever makes the account known: a webhook, a program that creates it,
-- or an operator.
CREATE OR REPLACE FUNCTION billing.account_adopts_subscriptions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM billing.account_adopt(NEW);
	RETURN NULL;
END $$;
