-- The views. They are read after the functions that they call.

-- What every account may use now, and why: by the source that leads, else by credit. status …
-- cancel_at_period_end are those of the subscription that leads, or gives most, or is the newest.
CREATE OR REPLACE VIEW billing.access_rules AS
SELECT a.id AS account_id, a.external_id,
       lead.reason IS NOT NULL OR coalesce(a.credit_until > now(), false) AS access,
       CASE WHEN lead.reason IS NOT NULL AND lead.until IS NULL THEN NULL
            ELSE greatest(lead.until,
		CASE WHEN a.credit_until > now() THEN a.credit_until END) END AS until,
       coalesce(lead.reason, CASE WHEN a.credit_until > now() THEN 'credit'
		WHEN billing.account_suspended(a.id) THEN 'suspended' END, 'none') AS reason,
       a.tier, CASE WHEN lead.reason IS NOT NULL THEN lead.plan ELSE s.plan END AS plan,
       CASE WHEN lead.reason IS NOT NULL THEN lead.period ELSE s.period END AS period,
       coalesce(s.status, a.subscription_status) AS status,
       CASE WHEN lead.reason IS NOT NULL THEN lead.seats ELSE s.seat_limit END AS seat_limit,
       s.current_period_end, coalesce(s.cancel_at_period_end, false) AS cancel_at_period_end,
       CASE WHEN s.status = 'trialing' THEN coalesce(s.trial_end, s.current_period_end)
            WHEN s.id IS NULL AND a.trial_end > now() THEN a.trial_end END AS trial_end,
       a.credit_until, a.referral_code, s.cancel_at, s.pause_collection,
       lead.features AS granted_features, s.id AS subscription_id, a.version
FROM billing.accounts a
LEFT JOIN LATERAL billing.account_lead(a) lead ON true
LEFT JOIN LATERAL (
	SELECT s.*
	FROM billing.subscriptions s CROSS JOIN LATERAL billing.subscription_grants(s) g
	LEFT JOIN billing.plans p ON p.plan = s.plan
	WHERE s.account_id = a.id AND billing.is_base(s)
	ORDER BY (lead.kind IN (1, 2, 5) AND s.id = lead.id) IS TRUE DESC, g.reason IS NULL,
		CASE WHEN g.reason IS NOT NULL THEN p.rank END DESC NULLS LAST,
		array_position(ARRAY['subscription', 'trial', 'grace'], g.reason),
		array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused',
			'incomplete', 'canceled', 'incomplete_expired'], s.status),
		g.until DESC, s.last_event_at DESC NULLS LAST, s.id DESC
	LIMIT 1) s ON true;

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
