-- Who recommended whom, and when both get their 45 days.

INSERT INTO billing.accounts (external_id, referral_code, tier, first_paid_at, email) VALUES
	('ada', 'ADA', 'paid', now(), 'ada@x.test'), ('bob', 'BOB', 'free', NULL, NULL),
	('eve', 'EVE', 'free', NULL, NULL), ('payer', 'PAYER', 'free', now(), NULL),
	('tier', 'TIER', 'paid', NULL, NULL), ('twin', 'TWIN', 'free', NULL, NULL), ('hal', 'HAL', 'free', NULL, ' Ada@X.test '),
	('fay', 'FAY', 'free', NULL, NULL), ('gil', 'GIL', 'free', NULL, NULL);
INSERT INTO billing.referrals (code, referrer_account_id, referred_account_id)
	SELECT 'GIL', g.id, h.id FROM billing.accounts g, billing.accounts h
		WHERE g.external_id = 'gil' AND h.external_id = 'twin';

CREATE FUNCTION pg_temp.id(name text) RETURNS bigint LANGUAGE sql AS $$
	SELECT id FROM billing.accounts WHERE external_id = name
$$;
CREATE FUNCTION pg_temp.credit(name text) RETURNS interval LANGUAGE sql AS $$
	SELECT credit_until - now() FROM billing.accounts WHERE external_id = name
$$;

SELECT is(billing.referral_capture(pg_temp.id(t.account), t.code), t.said,
	format('%s brings the code %s', t.account, t.code))
FROM (VALUES
	('bob',   'NOBODY', 'unknown_code'),
	('bob',   'BOB',    'own_code'),
	('payer', 'ADA',    'already_paid'),
	('tier',  'ADA',    'already_paid'),
	('gil',   'TWIN',   'mutual_referral'),
	('hal',   'ADA',    'same_address'),
	('bob',   'ada',    'captured'),
	('bob',   'ADA',    'already_captured'),
	('bob',   'EVE',    'already_captured'),
	('eve',   'BOB',    'captured'),
	('fay',   'EVE',    'captured'),
	('bob',   'FAY',    'already_captured')) t(account, code, said);

SELECT is(pg_temp.credit('ada'), NULL, 'a capture alone is worth nothing');

-- bob begins a trial, which is enough for that catalog: both sides get their days, once.
UPDATE billing.policy SET convert_on = 'trial';
INSERT INTO billing.subscriptions (account_id, stripe_subscription_id, status, was_active, money_at)
	VALUES (pg_temp.id('bob'), 'sub_bob', 'active', true, NULL);
SELECT billing.account_refresh(pg_temp.id('bob'), false, true);
SELECT is(pg_temp.credit('ada'), interval '45 days', 'the first payment brings the days');
SELECT is(pg_temp.credit('bob'), interval '45 days', 'to both sides');
SELECT billing.account_refresh(pg_temp.id('bob'), false, true);
SELECT is(pg_temp.credit('ada'), interval '45 days', 'once');

-- It turns out that nothing was paid.
UPDATE billing.subscriptions SET checkout_unpaid = true WHERE stripe_subscription_id = 'sub_bob';
SELECT billing.payment_retract(s) FROM billing.subscriptions s
	WHERE stripe_subscription_id = 'sub_bob';
SELECT is(pg_temp.credit('ada'), interval '0', 'what was not paid takes the days back');
SELECT is(pg_temp.credit('bob'), interval '0', 'from both sides');
SELECT is((SELECT first_paid_at FROM billing.accounts WHERE external_id = 'bob'), NULL,
	'and the first payment with them');
SELECT billing.account_refresh(pg_temp.id('bob'), false, true);
UPDATE billing.subscriptions SET checkout_unpaid = false WHERE stripe_subscription_id = 'sub_bob';
SELECT billing.account_refresh(pg_temp.id('bob'), false, true);
SELECT is(pg_temp.credit('ada'), interval '0', 'a tier that is paid converts nothing again');

-- By money, and credit adds up.
UPDATE billing.policy SET convert_on = 'payment';
UPDATE billing.accounts SET credit_until = now() + interval '10 days' WHERE external_id = 'bob';
INSERT INTO billing.subscriptions (account_id, stripe_subscription_id, status, was_active, money_at)
	VALUES (pg_temp.id('eve'), 'sub_eve', 'active', true, now());
SELECT billing.account_refresh(pg_temp.id('eve'), false, true);
SELECT is(pg_temp.credit('bob'), interval '55 days', 'new days come after those that are left');
SELECT is(pg_temp.credit('eve'), interval '45 days', 'the other side had none');
