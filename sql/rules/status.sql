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

-- What the facts add up to. failed_at and paid_at are of the invoice that decides, and NULL
-- when the snapshot is newer; in one second an invoice has the last word, and of a failure
-- and a payment the payment.
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
	IF status = 'active' AND failed_at > coalesce(paid_at, '-infinity') THEN
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

