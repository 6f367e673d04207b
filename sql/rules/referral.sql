-- Who recommended whom, and what both sides get for it.

-- Days of credit that a converted referral is worth.
CREATE OR REPLACE FUNCTION billing.referral_credit_days() RETURNS integer
LANGUAGE sql STABLE AS $$
	SELECT referral_days FROM billing.policy
$$;

-- Gives both sides of a referral their days, once. The caller holds their locks.
CREATE OR REPLACE FUNCTION billing.referral_convert(account bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	referrer bigint;
BEGIN
	UPDATE billing.referrals SET converted_at = now(), credited_at = now()
		WHERE referred_account_id = account AND converted_at IS NULL
		RETURNING referrer_account_id INTO referrer;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE billing.accounts
		SET credit_until = greatest(now(), credit_until)
			+ make_interval(days => billing.referral_credit_days())
		WHERE id IN (account, referrer);
END $$;

-- Takes back what was taken for an account's first payment, because the Checkout
-- session of that subscription says that nothing was paid: the date, and both
-- sides' days. The money's own event brings them again. Whoever has paid for
-- another subscription, or before this one was known, keeps them.
CREATE OR REPLACE FUNCTION billing.payment_retract(s billing.subscriptions) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	referrer bigint;
BEGIN
	PERFORM FROM billing.accounts WHERE id = s.account_id OR id = (
		SELECT referrer_account_id FROM billing.referrals
			WHERE referred_account_id = s.account_id)
		ORDER BY id FOR NO KEY UPDATE;
	IF s.money_at IS NOT NULL OR EXISTS (SELECT FROM billing.subscriptions
			WHERE account_id = s.account_id AND was_active AND id <> s.id
			  AND (NOT checkout_unpaid OR invoice_paid OR checkout_paid_at IS NOT NULL)) THEN
		RETURN;
	END IF;
	UPDATE billing.accounts SET first_paid_at = NULL, updated_at = now()
		WHERE id = s.account_id AND first_paid_at >= s.created_at;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE billing.referrals SET converted_at = NULL, credited_at = NULL
		WHERE referred_account_id = s.account_id AND converted_at >= s.created_at
		RETURNING referrer_account_id INTO referrer;
	IF FOUND THEN
		UPDATE billing.accounts
			SET credit_until = credit_until
				- make_interval(days => billing.referral_credit_days())
			WHERE id IN (s.account_id, referrer);
	END IF;
END $$;

-- Notes who recommended paydesk's customer to an account: once, before it has
-- ever paid. Returns 'captured', or why not: 'unknown_code', 'own_code',
-- 'same_address', 'mutual_referral', 'already_captured', 'already_paid'.
CREATE OR REPLACE FUNCTION billing.referral_capture(account bigint, code_ text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	referrer billing.accounts;
	buyer    billing.accounts;
BEGIN
	SELECT * INTO buyer FROM billing.accounts WHERE id = account FOR NO KEY UPDATE;
	SELECT * INTO referrer FROM billing.accounts
		WHERE referral_code IN (code_, upper(code_))
		ORDER BY referral_code = code_ DESC LIMIT 1;
	IF EXISTS (SELECT FROM billing.referrals WHERE referred_account_id = account) THEN
		RETURN 'already_captured';
	ELSIF referrer.id IS NULL THEN
		RETURN 'unknown_code';
	ELSIF referrer.id = account THEN
		RETURN 'own_code';
	ELSIF lower(btrim(referrer.email)) = lower(btrim(buyer.email)) THEN
		RETURN 'same_address';
	ELSIF EXISTS (SELECT FROM billing.referrals
			WHERE referrer_account_id = account AND referred_account_id = referrer.id) THEN
		RETURN 'mutual_referral';
	ELSIF buyer.first_paid_at IS NOT NULL OR buyer.tier = 'paid' THEN
		RETURN 'already_paid';
	END IF;
	INSERT INTO billing.referrals (code, referrer_account_id, referred_account_id)
		VALUES (referrer.referral_code, referrer.id, account)
		ON CONFLICT (referred_account_id) DO NOTHING;
	RETURN CASE WHEN FOUND THEN 'captured' ELSE 'already_captured' END;
END $$;

-- The same for a caller; NULL when there is no such account.
CREATE OR REPLACE FUNCTION billing.account_refer(caller text, address text,
	verified boolean, role_ text, code_ text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := billing.caller_account(caller, address, verified, role_);
BEGIN
	IF account IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN billing.referral_capture(account, code_);
END $$;

GRANT EXECUTE ON FUNCTION billing.account_refer(text, text, boolean, text, text) TO paydesk_account;
