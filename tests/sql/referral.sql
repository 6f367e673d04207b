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
SELECT billing.payment_retract(s.account_id, s.created_at) FROM billing.subscriptions s
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

-- The money of one subscription never came; another one of the account was paid.
CREATE FUNCTION pg_temp.retracted(name text, another jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s billing.subscriptions;
BEGIN
	INSERT INTO billing.accounts (external_id, referral_code, first_paid_at, credit_until)
		VALUES (name, name, now(), now() + interval '45 days');
	INSERT INTO billing.referrals (code, referrer_account_id, referred_account_id, days,
			converted_at, credited_at, referrer_from, referred_from)
		VALUES ('GIL', pg_temp.id('gil'), pg_temp.id(name), 45, now(), now(), now(), now());
	INSERT INTO billing.subscriptions (account_id, stripe_subscription_id, status, was_active,
			checkout_unpaid, money_at, sold)
		SELECT pg_temp.id(name), name || n.of, 'active', true, n.unpaid, n.money_at, n.sold
			FROM (VALUES ('one', true, NULL, true), ('two', false,
				(another ->> 'money_at')::timestamptz, (another ->> 'sold')::boolean))
				n(of, unpaid, money_at, sold)
			WHERE n.of = 'one' OR another IS NOT NULL;
	SELECT * INTO s FROM billing.subscriptions WHERE stripe_subscription_id = name || 'one';
	PERFORM billing.payment_retract(s.account_id, s.created_at);
	RETURN concat_ws(' ', CASE WHEN a.first_paid_at IS NULL THEN 'unpaid' ELSE 'paid' END,
			extract(day FROM a.credit_until - now())) FROM billing.accounts a
		WHERE a.external_id = name;
END $$;
SELECT is(pg_temp.retracted(t.name, t.another), t.expected, t.name)
FROM (VALUES
	('no other subscription', NULL::jsonb, 'unpaid 0'),
	('another one was paid', '{"money_at": "2026-01-01", "sold": true}', 'paid 45'),
	('another one was not paid either', '{"sold": true}', 'unpaid 0'),
	('another product was paid', '{"money_at": "2026-01-01", "sold": false}', 'unpaid 0'))
	t(name, another, expected);
