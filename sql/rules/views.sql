-- The views. They are read after the functions that they call.

-- What every account may use now, and why. Of its subscriptions and grants the one whose
-- plan ranks highest leads; else it is a trial that the host application gave (trial_end
-- without any subscription), else credit. status … cancel_at_period_end are those of the
-- subscription that gives most, or of the newest.
CREATE OR REPLACE VIEW billing.access_rules AS
SELECT a.id AS account_id, a.external_id,
       lead.reason IS NOT NULL OR coalesce(a.credit_until > now(), false) AS access,
       CASE WHEN lead.reason IS NOT NULL AND lead.until IS NULL THEN NULL
            ELSE greatest(lead.until,
		CASE WHEN a.credit_until > now() THEN a.credit_until END) END AS until,
       coalesce(lead.reason, CASE WHEN a.credit_until > now() THEN 'credit'
		WHEN billing.account_suspended(a.id) THEN 'suspended' END, 'none') AS reason,
       a.tier, CASE WHEN granted.leads THEN g.plan ELSE s.plan END AS plan,
       CASE WHEN NOT granted.leads THEN s.period END AS period,
       coalesce(s.status, a.subscription_status) AS status,
       CASE WHEN granted.leads THEN g.seats ELSE s.seat_limit END AS seat_limit,
       s.current_period_end, coalesce(s.cancel_at_period_end, false) AS cancel_at_period_end,
       CASE WHEN s.status = 'trialing' THEN coalesce(s.trial_end, s.current_period_end)
            ELSE own.until END AS trial_end,
       a.credit_until, a.referral_code, s.cancel_at, s.pause_collection,
       CASE WHEN granted.leads THEN g.features END AS granted_features, s.id AS subscription_id,
       a.version
FROM billing.accounts a
LEFT JOIN LATERAL (
	SELECT s.*, g.reason, g.until
	FROM billing.subscriptions s CROSS JOIN LATERAL billing.subscription_grants(s) g
	LEFT JOIN billing.plans p ON p.plan = s.plan
	WHERE s.account_id = a.id AND billing.is_base(s)
	ORDER BY g.reason IS NULL, CASE WHEN g.reason IS NOT NULL THEN p.rank END DESC NULLS LAST,
		array_position(ARRAY['subscription', 'trial', 'grace'], g.reason),
		array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused',
			'incomplete', 'canceled', 'incomplete_expired'], s.status),
		g.until DESC, s.last_event_at DESC NULLS LAST, s.id DESC
	LIMIT 1) s ON true
LEFT JOIN LATERAL (
	SELECT 'trial' AS reason, a.trial_end AS until
	WHERE s.id IS NULL AND a.trial_end > now()) own ON true
CROSS JOIN LATERAL billing.grant_best(a.id) g
CROSS JOIN LATERAL (SELECT billing.grant_leads(g, s.plan, coalesce(s.reason, own.reason)) AS leads
	OFFSET 0) granted
CROSS JOIN LATERAL (SELECT
	CASE WHEN granted.leads THEN 'grant' ELSE coalesce(s.reason, own.reason) END AS reason,
	CASE WHEN granted.leads THEN g.until
	     WHEN s.reason IS NOT NULL THEN s.until ELSE own.until END AS until) lead;

COMMENT ON VIEW billing.access_rules IS
	'what every account may use right now, until when and why; for the rules themselves';

-- The same for whoever may read no table: a view looks at its tables as its owner, but calls
-- functions as its reader.
CREATE OR REPLACE FUNCTION billing.access_of(account bigint) RETURNS SETOF billing.access_rules
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM billing.access_rules v WHERE v.account_id = account
$$;

GRANT EXECUTE ON FUNCTION billing.access_of(bigint) TO paydesk_reader;

CREATE OR REPLACE VIEW billing.access AS
SELECT v.* FROM billing.accounts a CROSS JOIN LATERAL billing.access_of(a.id) v;

COMMENT ON VIEW billing.access IS
	'what every account may use right now, until when and why: as GET /account says it';

CREATE OR REPLACE FUNCTION billing.features_of(account bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT billing.account_features(v.account_id, v.access, v.plan, v.granted_features)
		FROM billing.access_rules v WHERE v.account_id = account
$$;

GRANT EXECUTE ON FUNCTION billing.features_of(bigint) TO paydesk_reader;

-- What a host's own queries and views may stand on: it only ever gains columns at the end.
CREATE OR REPLACE VIEW billing.entitlements AS
SELECT a.external_id, v.access, v.until, v.reason, v.plan, billing.features_of(a.id) AS features,
       v.seat_limit AS seats, a.version
FROM billing.accounts a CROSS JOIN LATERAL billing.access_of(a.id) v;

COMMENT ON VIEW billing.entitlements IS
	'one row an account: may it use what is sold, until when, why, which plan and features';

GRANT SELECT ON billing.access, billing.entitlements TO paydesk_reader;
