-- One role for each program, with the least that it needs: rules/grants.sql says what; and
-- reader, for the host's own queries.
-- Roles belong to the whole cluster, so they may exist already.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['account', 'checkout', 'gumroad_webhook', 'health', 'license',
			'operator', 'ops', 'portal', 'reader', 'stripe_webhook'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paydesk_' || name) THEN
			EXECUTE format('CREATE ROLE %I LOGIN', 'paydesk_' || name);
		END IF;
	END LOOP;
END $$;

REVOKE ALL ON SCHEMA billing FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
