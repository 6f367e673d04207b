-- What one subscription gives, and what an account's sources add up to. Times are
-- from now, and now() is one moment here; the grace is 14 days.

SELECT is((g.reason, g.until - now())::text, (t.reason, t.until::interval)::text, t.name)
FROM (VALUES
	('active',     '20 days',  NULL,       false, NULL,      NULL,       'subscription', '20 days',
		'it runs'),
	('active',     NULL,       NULL,       false, NULL,      NULL,       'subscription', NULL,
		'it runs, the period is not known yet'),
	('active',     '-2 days',  NULL,       false, NULL,      NULL,       'grace', '12 days',
		'the news of the renewal is late'),
	('active',     '-15 days', NULL,       false, NULL,      NULL,       NULL, NULL,
		'the renewal never came'),
	('active',     '20 days',  NULL,       true,  NULL,      NULL,       'subscription', '20 days',
		'cancelled by the end of the period, which lasts'),
	('active',     '-2 days',  NULL,       true,  NULL,      NULL,       NULL, NULL,
		'cancelled by the end of the period, which is over'),
	('active',     '-2 days',  NULL,       true,  '30 days', NULL,       'grace', '12 days',
		'cancelled for a later period'),
	('active',     '20 days',  NULL,       true,  '5 days',  NULL,       'subscription', '5 days',
		'cancelled before the end of the period'),
	('active',     '20 days',  NULL,       true,  '-1 day',  NULL,       NULL, NULL,
		'cancelled before the end of the period, some time ago'),
	('trialing',   '20 days',  '5 days',   false, NULL,      NULL,       'trial', '5 days',
		'in a trial'),
	('trialing',   '20 days',  NULL,       false, NULL,      NULL,       'trial', '20 days',
		'in a trial whose end is the period''s'),
	('trialing',   '20 days',  '-1 day',   false, NULL,      NULL,       'grace', '13 days',
		'a trial is over and its news is late'),
	('past_due',   '20 days',  NULL,       false, NULL,      '-4 days',  'grace', '10 days',
		'a payment is missing'),
	('past_due',   '20 days',  NULL,       false, NULL,      '-14 days', NULL, NULL,
		'a payment is missing for too long'),
	('past_due',   '-3 days',  NULL,       false, NULL,      '-1 day',   'grace', '11 days',
		'counted from the end of the period if that was before'),
	('past_due',   '5 days',   NULL,       true,  NULL,      '-1 day',   'grace', '5 days',
		'overdue and cancelled: not beyond the period'),
	('unpaid',     '20 days',  NULL,       false, NULL,      NULL,       NULL, NULL, 'unpaid'),
	('paused',     '20 days',  NULL,       false, NULL,      NULL,       NULL, NULL, 'paused'),
	('incomplete', '20 days',  NULL,       false, NULL,      NULL,       NULL, NULL, 'incomplete'),
	('canceled',   '20 days',  NULL,       false, NULL,      NULL,       NULL, NULL, 'canceled'),
	('incomplete_expired', '20 days', NULL, false, NULL,     NULL,       NULL, NULL, 'expired'))
	t(status, ends, trial, scheduled, cancel_at, since, reason, until, name)
CROSS JOIN LATERAL billing.subscription_grants(jsonb_populate_record(NULL::billing.subscriptions,
	jsonb_build_object('status', t.status, 'current_period_end', now() + t.ends::interval,
		'trial_end', now() + t.trial::interval, 'cancel_at_period_end', t.scheduled,
		'cancel_at', now() + t.cancel_at::interval,
		'past_due_since', now() + t.since::interval, 'updated_at', now()))) g;

-- What an account mirrors: of its subscriptions, status/was active/withheld.
SELECT is(concat_ws(' ', (m.a).subscription_status, (m.a).tier, m.pays::text), t.expected, t.name)
FROM (VALUES
	('free', '{}'::text[],                          false, 'free false',           'no subscription'),
	('paid', '{}',                                  false, 'paid false',           'a tier given by hand stays'),
	('paid', '{}',                                  true,  'free false',           'the last one is gone'),
	('free', '{active/t/f}',                        false, 'active paid true',     'one is active'),
	('free', '{trialing/t/f}',                      false, 'trialing paid true',   'one is in a trial'),
	('free', '{incomplete/f/f}',                    false, 'incomplete free false', 'one is incomplete'),
	('free', '{incomplete/t/t}',                    false, 'incomplete free false', 'its money is outstanding'),
	('free', '{active/t/t}',                        false, 'active free false',    'active, and its money is outstanding'),
	('paid', '{past_due/t/t}',                      true,  'past_due free false',  'overdue, and its first money is outstanding'),
	('paid', '{canceled/t/f}',                      true,  'canceled free true',   'it has just ended'),
	('paid', '{canceled/t/f}',                      false, 'canceled paid true',   'it ended before, and a person said paid'),
	('paid', '{past_due/t/f}',                      true,  'past_due paid true',   'overdue is not over'),
	('paid', '{past_due/f/f}',                      true,  'past_due paid false',  'overdue, and never was active'),
	('paid', '{unpaid/t/f}',                        true,  'unpaid paid true',     'unpaid is not over'),
	('free', '{past_due/f/f}',                      false, 'past_due free false',  'overdue before it was active'),
	('paid', '{canceled/t/f,active/t/f}',           true,  'active paid true',     'another one is active'),
	('free', '{active/t/f,trialing/t/f,unpaid/t/f}', false, 'active paid true',    'the most alive one is mirrored'))
	t(tier, subscriptions, ended, expected, name)
CROSS JOIN LATERAL billing.account_merge(
	jsonb_populate_record(NULL::billing.accounts, jsonb_build_object('tier', t.tier)),
	ARRAY(SELECT jsonb_populate_record(NULL::billing.subscriptions, jsonb_build_object(
			'status', split_part(u, '/', 1), 'was_active', split_part(u, '/', 2),
			'checkout_unpaid', split_part(u, '/', 3), 'invoice_paid', false))
		FROM unnest(t.subscriptions) u), false, t.ended, 'trial') m;

-- The view: a subscription, a trial that the host gave, credit.
INSERT INTO billing.accounts (external_id, trial_end, credit_until) VALUES
	('nothing', NULL, NULL),
	('trial', now() + interval '3 days', NULL),
	('trial over', now() - interval '3 days', NULL),
	('credit', NULL, now() + interval '9 days'),
	('credit over', NULL, now() - interval '9 days'),
	('trial and credit', now() + interval '3 days', now() + interval '9 days'),
	('subscription', NULL, now() + interval '40 days'),
	('two', NULL, NULL),
	('ranks', NULL, NULL),
	('ended', NULL, now() + interval '9 days'),
	('shorter, then longer', NULL, NULL),
	('longer, then shorter', NULL, NULL),
	('trial and ended', now() + interval '3 days', NULL);
INSERT INTO billing.subscriptions (account_id, stripe_subscription_id, status, plan,
	current_period_end, past_due_since)
SELECT a.id, 'sub_' || a.id || t.status || t.ends, t.status, t.plan, now() + t.ends::interval, now()
FROM (VALUES
	('subscription', 'active', 'pro', '20 days'),
	('two', 'past_due', 'pro', '90 days'),
	('ranks', 'past_due', 'team', '90 days'),
	('ranks', 'active', 'pro', '5 days'),
	('two', 'active', 'pro', '5 days'),
	('shorter, then longer', 'active', 'pro', '5 days'),
	('shorter, then longer', 'active', 'pro', '40 days'),
	('longer, then shorter', 'active', 'pro', '40 days'),
	('longer, then shorter', 'active', 'pro', '5 days'),
	('trial and ended', 'canceled', 'pro', '20 days'),
	('ended', 'canceled', 'pro', '20 days')) t(account, status, plan, ends)
JOIN billing.accounts a ON a.external_id = t.account;

SELECT is((v.access, v.reason, v.until - now(), v.plan)::text,
	(t.access, t.reason, t.until::interval, t.plan)::text, t.account)
FROM (VALUES
	('nothing',          false, 'none',         NULL,      NULL),
	('trial',            true,  'trial',        '3 days',  NULL),
	('trial over',       false, 'none',         NULL,      NULL),
	('credit',           true,  'credit',       '9 days',  NULL),
	('credit over',      false, 'none',         NULL,      NULL),
	('trial and credit', true,  'trial',        '9 days',  NULL),
	('subscription',     true,  'subscription', '40 days', 'pro'),
	('two',              true,  'subscription', '5 days',  'pro'),
	('ranks',            true,  'grace',        '14 days', 'team'),
	('shorter, then longer', true, 'subscription', '40 days', 'pro'),
	('longer, then shorter', true, 'subscription', '40 days', 'pro'),
	('trial and ended',  false, 'none',         NULL,      'pro'),
	('ended',            true,  'credit',       '9 days',  'pro'))
	t(account, access, reason, until, plan)
JOIN billing.access v ON v.external_id = t.account;

-- Without days of grace a missing payment ends access, and the news of a renewal may still be
-- late by a day.
UPDATE billing.policy SET grace_days = 0;
SELECT is((g.reason, g.until - now())::text, (t.reason, t.until::interval)::text, t.name)
FROM (VALUES
	('active',   '-2 hours',  NULL,      'grace', '22 hours', 'no grace: the renewal is late by less than a day'),
	('active',   '-25 hours', NULL,      NULL,    NULL,       'no grace: the renewal is late by more'),
	('trialing', '-2 hours',  NULL,      'grace', '22 hours', 'no grace: so is the end of a trial'),
	('past_due', '20 days',   '-1 hour', NULL,    NULL,       'no grace: a payment is missing'),
	('active',   '20 days',   NULL,      'subscription', '20 days', 'no grace: it runs'))
	t(status, ends, since, reason, until, name)
CROSS JOIN LATERAL billing.subscription_grants(jsonb_populate_record(NULL::billing.subscriptions,
	jsonb_build_object('status', t.status, 'current_period_end', now() + t.ends::interval,
		'cancel_at_period_end', false, 'past_due_since', now() + t.since::interval,
		'updated_at', now()))) g;
