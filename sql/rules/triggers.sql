CREATE OR REPLACE TRIGGER account_created AFTER INSERT ON billing.accounts
	FOR EACH ROW EXECUTE FUNCTION billing.account_adopts_subscriptions();

CREATE OR REPLACE TRIGGER account_bound AFTER UPDATE OF stripe_customer_id ON billing.accounts
	FOR EACH ROW WHEN (NEW.stripe_customer_id IS DISTINCT FROM OLD.stripe_customer_id
	                   AND NEW.stripe_customer_id IS NOT NULL)
	EXECUTE FUNCTION billing.account_adopts_subscriptions();

CREATE OR REPLACE TRIGGER subscription_made BEFORE INSERT ON billing.subscriptions
	FOR EACH ROW WHEN (NEW.past_due_since IS NULL)
	EXECUTE FUNCTION billing.note_past_due();

CREATE OR REPLACE TRIGGER subscription_status_changed
	BEFORE UPDATE OF status ON billing.subscriptions
	FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
	EXECUTE FUNCTION billing.note_past_due();

CREATE OR REPLACE TRIGGER subscription_of_erased
	BEFORE UPDATE OF account_ref ON billing.subscriptions
	FOR EACH ROW WHEN (NEW.account_ref IS NOT NULL AND NEW.stripe_customer_id IS NOT NULL
	                   AND NEW.account_ref IS DISTINCT FROM OLD.account_ref)
	EXECUTE FUNCTION billing.subscription_of_erased();

CREATE OR REPLACE TRIGGER delivery_of_erased BEFORE UPDATE OF license_id ON billing.gumroad_events
	FOR EACH ROW WHEN (NEW.license_id IS NOT NULL AND NEW.payload IS NOT NULL AND NEW.processed)
	EXECUTE FUNCTION billing.delivery_of_erased();
