-- What the status of a subscription is: small rules that read no table.

-- Whether a status is final at Stripe.
CREATE OR REPLACE FUNCTION billing.is_terminal(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT status IN ('canceled', 'incomplete_expired')
$$;

-- The stage of life a status stands for: it only ever grows.
CREATE OR REPLACE FUNCTION billing.life_stage(status text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN status = 'incomplete' THEN 0
	            WHEN status IN ('canceled', 'incomplete_expired') THEN 2
	            ELSE 1 END
$$;

-- The status that a snapshot of that rank stands for: rank 3 is the subscription's
-- deletion, and what is deleted is over, whatever its last object shows.
CREATE OR REPLACE FUNCTION billing.told_status(status text, rank smallint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN rank = 3 AND status <> 'incomplete_expired' THEN 'canceled'
	            ELSE status END
$$;

-- What a subscription object says of the fields that previous_attributes may name.
CREATE OR REPLACE FUNCTION billing.state(status text, items jsonb, cancel_at timestamptz,
	cancel_scheduled boolean, trial_end timestamptz)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('status', status, 'quantity', items -> 0 -> 'quantity',
		'price', items -> 0 -> 'price', 'cancel_at', extract(epoch FROM cancel_at)::bigint,
		'cancel_at_period_end', cancel_scheduled,
		'trial_end', extract(epoch FROM trial_end)::bigint)
$$;

-- Whether, of two objects of one second and rank, the one is what the other says was
-- before it: all that it names, or its status at least.
CREATE OR REPLACE FUNCTION billing.follows(previous jsonb, before jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(previous <> '{}' AND before @> previous, false)
$$;

-- Whether the object described by (created, rank, state, previous) is newer than the one
-- that the row reflects, the old one. A final status always is; nothing comes back from
-- one. In one second and rank previous_attributes tell. When all else ties, arrival decides.
CREATE OR REPLACE FUNCTION billing.is_newer(old_at timestamptz, old_rank smallint, old jsonb,
	old_previous jsonb, created timestamptz, rank smallint, new jsonb, previous jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	old_status text := old ->> 'status';
	status     text := new ->> 'status';
BEGIN
	IF old_at IS NULL THEN
		RETURN true;
	END IF;
	IF billing.is_terminal(status) <> billing.is_terminal(old_status) THEN
		RETURN billing.is_terminal(status);
	END IF;
	IF (created, rank) <> (old_at, old_rank) THEN
		RETURN (created, rank) > (old_at, old_rank);
	END IF;
	IF billing.follows(previous, old) THEN
		RETURN true;
	ELSIF billing.follows(old_previous, new) THEN
		RETURN false;
	ELSIF old_status IN (status, previous ->> 'status') THEN
		RETURN true;
	ELSIF old_previous ->> 'status' = status THEN
		RETURN false;
	END IF;
	RETURN billing.life_stage(status) >= billing.life_stage(old_status);
END $$;

-- Whether an invoice is one of the subscription's cycle, by its billing_reason. Others,
-- as a manual one or that of a change of plan, say nothing of what was paid for.
CREATE OR REPLACE FUNCTION billing.is_cycle(reason text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT reason IS NULL OR reason IN ('subscription', 'subscription_create',
		'subscription_cycle', 'subscription_threshold')
$$;

-- Whether a snapshot says that a late payment arrived: a failure of the same
-- second came before it.
CREATE OR REPLACE FUNCTION billing.is_recovery(status text, previous text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT status IN ('active', 'trialing') AND previous IN ('past_due', 'unpaid')
$$;

-- What the facts add up to. payment_failed_at and payment_paid_at are kept only
-- while they are not older than the snapshot; in one second an invoice has the
-- last word, and of two invoices the paid one.
CREATE OR REPLACE FUNCTION billing.subscription_status(snapshot text, snapshot_at timestamptz,
	failed_at timestamptz, paid_at timestamptz, checkout_paid_at timestamptz, unpaid boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	status text := coalesce(snapshot, 'incomplete');
BEGIN
	IF status = 'incomplete' AND checkout_paid_at >= coalesce(snapshot_at, '-infinity') THEN
		status := 'active';
	END IF;
	IF status IN ('active', 'trialing') AND failed_at > coalesce(paid_at, '-infinity') THEN
		status := 'past_due';
	ELSIF status = 'past_due' AND paid_at >= coalesce(failed_at, '-infinity') THEN
		status := 'active';
	END IF;
	IF unpaid AND status IN ('active', 'trialing') THEN
		status := 'incomplete';
	END IF;
	RETURN status;
END $$;

-- Whether its Checkout session ended unpaid and no money was seen since.
CREATE OR REPLACE FUNCTION billing.is_withheld(s billing.subscriptions) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT s.checkout_unpaid AND s.checkout_paid_at IS NULL AND NOT s.invoice_paid
$$;

-- Whether something newer than a payment is known already.
CREATE OR REPLACE FUNCTION billing.is_late_payment(s billing.subscriptions, fact text,
	created timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT created < greatest(s.last_event_at, s.payment_failed_at, s.payment_paid_at)
	    OR (fact = 'payment_failed' AND s.last_event_at = created
	        AND billing.is_recovery(s.snapshot_status, s.previous ->> 'status'))
$$;
