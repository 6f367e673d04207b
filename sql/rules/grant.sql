-- What a person gives an account: a plan, for a time or until it is taken back. No event
-- of a provider touches it; it counts as one more source of access.

-- Gives an account a plan; person does so, NULL: whoever is logged in. Returns what is
-- wrong, or the id of the grant.
CREATE OR REPLACE FUNCTION billing.account_grant(ref text, plan_ text, until_ timestamptz,
	seats_ integer, reason_ text, person text, OUT problem text, OUT id_ bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	account bigint := (SELECT a.id FROM billing.accounts a WHERE a.external_id = ref);
BEGIN
	IF account IS NULL THEN
		problem := 'there is no account with that id';
	ELSIF plan_ IS NOT NULL AND NOT EXISTS (SELECT FROM billing.plans p
			WHERE p.plan = plan_ AND NOT p.addon) THEN
		problem := 'the catalog has no plan of that name, or it is an add-on';
	ELSIF until_ <= now() THEN
		problem := 'that time is over';
	ELSE
		INSERT INTO billing.grants (account_id, plan, until, seats, reason, granted_by)
			VALUES (account, plan_, until_, seats_, reason_, coalesce(person, session_user))
			RETURNING id INTO id_;
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_grant(text, text, timestamptz, integer, text, text)
	TO paydesk_operator, paydesk_ops;

-- Takes a grant back. Returns whether there was one that had not been.
CREATE OR REPLACE FUNCTION billing.grant_revoke(grant_ bigint, person text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE billing.grants SET revoked_at = now(), revoked_by = coalesce(person, session_user)
		WHERE id = grant_ AND revoked_at IS NULL;
	RETURN FOUND;
END $$;

GRANT EXECUTE ON FUNCTION billing.grant_revoke(bigint, text) TO paydesk_operator, paydesk_ops;

-- Gives an account days of credit, or takes days back that it has still; fewer than none
-- cannot be left. Returns what is wrong, or until when its credit is now.
CREATE OR REPLACE FUNCTION billing.account_credit(ref text, days_ integer, reason_ text,
	person text, OUT problem text, OUT until_ timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a billing.accounts;
BEGIN
	SELECT * INTO a FROM billing.accounts WHERE external_id = ref FOR NO KEY UPDATE;
	IF a.id IS NULL THEN
		problem := 'there is no account with that id';
	ELSIF days_ = 0 THEN
		problem := 'no days are nothing to give';
	ELSIF days_ < 0 AND (a.credit_until > now()) IS NOT TRUE THEN
		problem := 'the account has no credit that could be taken back';
	ELSE
		until_ := greatest(now(), greatest(now(), a.credit_until) + make_interval(days => days_));
		UPDATE billing.accounts SET credit_until = until_, updated_at = now() WHERE id = a.id;
		INSERT INTO billing.credits (account_id, days, until, reason, given_by)
			VALUES (a.id, days_, until_, reason_, coalesce(person, session_user));
	END IF;
END $$;

GRANT EXECUTE ON FUNCTION billing.account_credit(text, integer, text, text)
	TO paydesk_operator, paydesk_ops;
