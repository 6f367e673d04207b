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
	r billing.referrals;
BEGIN
	UPDATE billing.referrals n SET converted_at = now(), credited_at = now(),
		days = billing.referral_credit_days(),
		referrer_from = (SELECT greatest(now(), credit_until) FROM billing.accounts
			WHERE id = n.referrer_account_id),
		referred_from = (SELECT greatest(now(), credit_until) FROM billing.accounts
			WHERE id = account)
		WHERE n.referred_account_id = account AND n.converted_at IS NULL
		RETURNING * INTO r;
	IF FOUND THEN
		UPDATE billing.accounts
			SET credit_until = greatest(now(), credit_until) + make_interval(days => r.days)
			WHERE id IN (account, r.referrer_account_id);
	END IF;
END $$;

-- What is left of that many days that count from a moment on.
CREATE OR REPLACE FUNCTION billing.unused_days(days integer, since timestamptz) RETURNS interval
LANGUAGE sql STABLE AS $$
	SELECT make_interval(days => days)
		- least(greatest(now() - since, interval '0'), make_interval(days => days))
$$;

-- Takes the unused days of a referral back from both sides, so that it can convert anew.
-- The caller holds their locks.
CREATE OR REPLACE FUNCTION billing.referral_retract(account bigint, since timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	r billing.referrals;
BEGIN
	SELECT * INTO r FROM billing.referrals
		WHERE referred_account_id = account AND converted_at >= since FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE billing.referrals SET converted_at = NULL, credited_at = NULL,
		days = NULL, referrer_from = NULL, referred_from = NULL WHERE id = r.id;
	UPDATE billing.accounts SET credit_until = credit_until - billing.unused_days(r.days,
			CASE WHEN id = account THEN r.referred_from ELSE r.referrer_from END)
		WHERE id IN (account, r.referrer_account_id);
END $$;

-- Whether money of an account was seen and stayed: for one of its subscriptions, as
-- billing.account_merge() says, or for a purchase.
CREATE OR REPLACE FUNCTION billing.account_pays(account bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT (billing.account_merge(a, ARRAY(SELECT s FROM billing.subscriptions s
			WHERE s.account_id = a.id AND billing.is_base(s)), false, false, p.convert_on)).pays
			FROM billing.accounts a, billing.policy p WHERE a.id = account)
		OR EXISTS (SELECT FROM billing.purchases b WHERE b.account_id = account
			AND b.paid_at IS NOT NULL AND b.amount > 0 AND b.refunded_at IS NULL);
END $$;

-- Takes back what was taken for an account's first payment since a time, because its money
-- never came, was given back, or is another account's: the date, and both sides' unused days.
-- Money that comes later brings them again. Whoever has paid otherwise keeps them.
CREATE OR REPLACE FUNCTION billing.payment_retract(account bigint, since timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM billing.accounts WHERE id = account OR id = (
		SELECT referrer_account_id FROM billing.referrals
			WHERE referred_account_id = account)
		ORDER BY id FOR NO KEY UPDATE;
	IF billing.account_pays(account) THEN
		RETURN;
	END IF;
	UPDATE billing.accounts SET first_paid_at = NULL, updated_at = now()
		WHERE id = account AND first_paid_at >= since;
	IF FOUND THEN
		PERFORM billing.referral_retract(account, since);
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
