CREATE OR REPLACE TRIGGER account_created AFTER INSERT ON billing.accounts
	FOR EACH ROW EXECUTE FUNCTION billing.account_adopts_subscriptions();

CREATE OR REPLACE TRIGGER account_bound AFTER UPDATE OF stripe_customer_id ON billing.accounts
	FOR EACH ROW WHEN (NEW.stripe_customer_id IS DISTINCT FROM OLD.stripe_customer_id
	                   AND NEW.stripe_customer_id IS NOT NULL)
	EXECUTE FUNCTION billing.account_adopts_subscriptions();

CREATE OR REPLACE TRIGGER failure_kept BEFORE INSERT ON billing.webhook_failures
	FOR EACH ROW EXECUTE FUNCTION billing.failure_kept();

CREATE OR REPLACE TRIGGER account_verified AFTER UPDATE OF email, email_verified
	ON billing.accounts
	FOR EACH ROW WHEN (NEW.email_verified
		AND (lower(btrim(NEW.email)) IS DISTINCT FROM lower(btrim(OLD.email))
			OR NOT OLD.email_verified))
	EXECUTE FUNCTION billing.account_adopts_subscriptions();

CREATE OR REPLACE TRIGGER account_version BEFORE UPDATE ON billing.accounts
	FOR EACH ROW WHEN (NEW.version = OLD.version AND (NEW.tier, NEW.subscription_status,
		NEW.trial_end, NEW.credit_until, NEW.referral_code) IS DISTINCT FROM (OLD.tier,
		OLD.subscription_status, OLD.trial_end, OLD.credit_until, OLD.referral_code))
	EXECUTE FUNCTION billing.account_version();

CREATE OR REPLACE TRIGGER grant_changes_account AFTER INSERT OR UPDATE ON billing.grants
	FOR EACH ROW EXECUTE FUNCTION billing.grant_changes_account();
