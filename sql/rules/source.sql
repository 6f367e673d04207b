-- What gives an account access now: one row a source, of whatever kind. The best one leads.
CREATE OR REPLACE FUNCTION billing.account_sources(a billing.accounts)
RETURNS TABLE (reason text, plan text, period text, until timestamptz, seats integer,
	features jsonb, kind integer, id bigint)
LANGUAGE sql STABLE AS $$
	SELECT g.reason, s.plan, s.period, g.until, s.seat_limit, NULL::jsonb,
	       CASE g.reason WHEN 'grace' THEN 5 WHEN 'trial' THEN 2 ELSE 1 END, s.id
		FROM billing.subscriptions s CROSS JOIN LATERAL billing.subscription_grants(s) g
		WHERE s.account_id = a.id AND g.reason IS NOT NULL AND billing.is_base(s)
	UNION ALL
	SELECT 'trial', NULL, NULL, a.trial_end, NULL, NULL, 2, 0
		WHERE a.trial_end > now() AND NOT EXISTS (SELECT FROM billing.subscriptions s
			WHERE s.account_id = a.id AND billing.is_base(s))
	UNION ALL
	SELECT 'purchase', b.plan, 'once', b.until, b.quantity, NULL, 3, b.id
		FROM billing.purchases b
		WHERE b.account_id = a.id AND billing.purchase_stands(b)
	UNION ALL
	SELECT 'grant', coalesce(n.plan, p.default_plan), NULL, n.until, n.seats, n.features, 4, n.id
		FROM billing.grants n, billing.policy p
		WHERE n.account_id = a.id AND n.revoked_at IS NULL
		  AND (n.until > now() OR n.until IS NULL)
$$;

-- The source that leads: the highest rank, then subscription or trial before purchase before
-- grant before grace, then the later end, then the lower id. No row: nothing gives access.
CREATE OR REPLACE FUNCTION billing.account_lead(a billing.accounts)
RETURNS TABLE (reason text, plan text, period text, until timestamptz, seats integer,
	features jsonb, kind integer, id bigint)
LANGUAGE sql STABLE AS $$
	SELECT c.* FROM billing.account_sources(a) c LEFT JOIN billing.plans p ON p.plan = c.plan
		ORDER BY coalesce(p.rank, -1) DESC, c.kind, c.until DESC NULLS FIRST, c.id LIMIT 1
$$;
