-- How one delivery of Gumroad changes licences: billing.gumroad_apply() decides, by
-- small rules over the rows of the charge, the membership and the licence that it
-- concerns, and writes what they have become.

-- How long a payment lasts.
CREATE OR REPLACE FUNCTION billing.gumroad_period(recurrence text) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE recurrence WHEN 'monthly' THEN interval '1 month'
	                       WHEN 'quarterly' THEN interval '3 months'
	                       WHEN 'biannually' THEN interval '6 months'
	                       WHEN 'yearly' THEN interval '1 year'
	                       WHEN 'every_two_years' THEN interval '2 years' END
$$;

-- What a delivery is about. 'none': nothing that licences depend on.
CREATE OR REPLACE FUNCTION billing.gumroad_subject(resource text, f billing.gumroad_facts)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN resource = 'sale' THEN 'sale'
	WHEN resource IN ('refund', 'dispute', 'dispute_won') AND f.sale IS NOT NULL
	THEN 'charge'
	WHEN resource IN ('cancellation', 'subscription_ended', 'subscription_restarted')
		AND f.subscription IS NOT NULL
	THEN 'membership'
	WHEN resource = 'subscription_updated' AND f.subscription IS NOT NULL THEN 'plan'
	ELSE 'none' END
$$;

-- The facts with the tier and the product that the catalog makes of a sale or a change of
-- plan, by exact names. A change is to a plan, which may stand there as a product of its own.
CREATE OR REPLACE FUNCTION billing.gumroad_map(f billing.gumroad_facts, subject text)
RETURNS billing.gumroad_facts
LANGUAGE plpgsql STABLE AS $$
BEGIN
	SELECT w.product, g.tier INTO f.product, f.tier
		FROM (SELECT p.product, t.plan, p.place AS one, t.place AS two
				FROM unnest(f.products) WITH ORDINALITY p (product, place)
				CROSS JOIN unnest(f.plans) WITH ORDINALITY t (plan, place)
			UNION ALL SELECT p.product, '', p.place, NULL
				FROM unnest(f.products) WITH ORDINALITY p (product, place)
				WHERE subject = 'sale'
			UNION ALL SELECT t.plan, '', NULL, t.place
				FROM unnest(f.plans) WITH ORDINALITY t (plan, place)
				WHERE subject = 'plan') w
		JOIN billing.gumroad_products g USING (product, plan)
		ORDER BY w.one, w.two LIMIT 1;
	RETURN f;
END $$;

-- What keeps a delivery from changing anything: the status for the reply, and why,
-- NULL when nothing does.
CREATE OR REPLACE FUNCTION billing.gumroad_obstacle(event bigint, subject text,
	INOUT problem text, resource text, f billing.gumroad_facts, c billing.gumroad_charges,
	m billing.gumroad_memberships, l billing.licenses, OUT status text, OUT later timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF subject = 'plan' AND l.id IS NULL THEN
		problem := coalesce(problem, 'there is no licence of this subscription');
	END IF;
	IF subject = 'sale' AND c.sold THEN
		status := 'duplicate';
	ELSIF subject = 'sale' THEN
		-- what renews a licence needs nothing of the catalog
		status := CASE WHEN f.sale IS NULL OR (l.id IS NULL AND problem IS NOT NULL)
			THEN 'logged-no-mint' END;
	ELSIF subject IN ('plan', 'none') AND problem IS NOT NULL THEN
		status := 'logged-no-mint';
	ELSIF subject = 'none' OR (resource = 'refund' AND NOT f.refunded) THEN
		status := 'ignored';
	ELSIF subject = 'plan' AND event < coalesce(m.updated_event, 0) THEN
		status := 'ignored';
	ELSIF subject = 'plan' AND f.at > now() AND event > coalesce(m.updated_event, 0) THEN
		status := 'ignored';
		problem := 'takes effect later';
		later := f.at;
	END IF;
END $$;

-- The charge after a sale, or after what happened to it.
CREATE OR REPLACE FUNCTION billing.merge_charge(c billing.gumroad_charges, resource text,
	f billing.gumroad_facts, license bigint)
RETURNS billing.gumroad_charges
LANGUAGE plpgsql STABLE AS $$
BEGIN
	c.seen_at := coalesce(c.seen_at, now());
	IF resource = 'sale' THEN
		c.sold_at := coalesce(f.at, c.sold_at, c.seen_at);
		c.sold := true;
		c.subscription_id := f.subscription;
	ELSIF c.sale_id IS NULL THEN
		c.sold_at := f.at;
		c.sold := false;
		c.subscription_id := f.subscription;
	END IF;
	c.sale_id := f.sale;
	c.license_id := coalesce(c.license_id, license);
	CASE resource
	WHEN 'refund' THEN c.refunded_at := coalesce(c.refunded_at, now());
	WHEN 'dispute' THEN c.disputed_at := coalesce(c.disputed_at, now());
	WHEN 'dispute_won' THEN c.dispute_won_at := coalesce(c.dispute_won_at, now());
	ELSE NULL;
	END CASE;
	RETURN c;
END $$;

-- The membership after a sale in it, or after what happened to it.
CREATE OR REPLACE FUNCTION billing.merge_membership(m billing.gumroad_memberships, event bigint,
	resource text, f billing.gumroad_facts, license bigint)
RETURNS billing.gumroad_memberships
LANGUAGE plpgsql STABLE AS $$
DECLARE
	at timestamptz := coalesce(f.at, now());
BEGIN
	m.subscription_id := f.subscription;
	CASE resource
	WHEN 'sale' THEN
		m.license_id := coalesce(m.license_id, license);
	WHEN 'cancellation' THEN
		m.cancelled_at := at;
	WHEN 'subscription_restarted' THEN
		m.cancelled_at := NULL;
		m.restarted_at := greatest(m.restarted_at, at);
	WHEN 'subscription_ended' THEN
		IF at >= coalesce(m.ended_at, at) THEN
			m.ended_reason := f.reason;
		END IF;
		m.ended_at := greatest(m.ended_at, at);
	WHEN 'subscription_updated' THEN
		m.updated_event := event;
	END CASE;
	RETURN m;
END $$;

-- A licence of a sale that has none, without the key and the blob.
CREATE OR REPLACE FUNCTION billing.license_sold(f billing.gumroad_facts) RETURNS billing.licenses
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	l billing.licenses;
BEGIN
	l.source_order_id := f.sale;
	l.subscription_id := f.subscription;
	l.email := f.email;
	l.name := f.name;
	l.tier := f.tier;
	l.product_id := f.product;
	l.product_name := f.product_name;
	l.amount_cents := f.amount_cents;
	l.currency := f.currency;
	l.offer_code := f.offer_code;
	l.test := f.test;
	l.renewals := 0;
	RETURN l;
END $$;

-- The licence after a delivery, but for its status. fresh: it brings a reason to
-- revoke that was not known, which ends what an operator said before.
CREATE OR REPLACE FUNCTION billing.merge_license(l billing.licenses, subject text,
	f billing.gumroad_facts, m billing.gumroad_memberships, fresh boolean)
RETURNS billing.licenses
LANGUAGE plpgsql STABLE AS $$
DECLARE
	at timestamptz := coalesce(f.at, now());
BEGIN
	IF subject = 'sale' THEN
		IF l.id IS NULL THEN
			l := billing.license_sold(f);
		ELSIF f.subscription IS NOT NULL THEN
			l.renewals := l.renewals + 1;
			l.renewed_at := greatest(l.renewed_at, at);
		END IF;
		IF f.subscription IS NOT NULL THEN
			l.paid_until := greatest(l.paid_until,
				at + billing.gumroad_period(f.recurrence));
		END IF;
	ELSIF subject = 'plan' THEN
		l.tier := f.tier;
	END IF;
	IF m.subscription_id IS NOT NULL THEN
		l.cancelled_at := m.cancelled_at;
	END IF;
	IF fresh AND l.operator_status = 'active' THEN
		l.operator_status := NULL;
	END IF;
	RETURN l;
END $$;

-- Whether a delivery brings a reason to revoke that was not known.
CREATE OR REPLACE FUNCTION billing.gumroad_fresh(resource text, f billing.gumroad_facts,
	c billing.gumroad_charges, m billing.gumroad_memberships)
RETURNS boolean
LANGUAGE sql STABLE AS $$
	SELECT CASE resource
	WHEN 'refund' THEN c.refunded_at IS NULL
	WHEN 'dispute' THEN c.disputed_at IS NULL AND c.dispute_won_at IS NULL
	WHEN 'subscription_ended' THEN coalesce(f.at, now()) > coalesce(m.ended_at, '-infinity')
	ELSE false END
$$;

-- What the reply says of a delivery that took effect. before and l are the licence
-- before and after it; there may be none.
CREATE OR REPLACE FUNCTION billing.gumroad_status(resource text, before billing.licenses,
	l billing.licenses)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN resource = 'cancellation' THEN 'ignored'
	WHEN resource = 'subscription_updated'
	THEN CASE WHEN l.tier = before.tier THEN 'ignored' ELSE 'ok' END
	WHEN resource IN ('dispute_won', 'subscription_restarted')
	THEN CASE WHEN l.status = 'active' THEN 'restored' ELSE 'ignored' END
	WHEN resource = 'sale'
	THEN CASE WHEN l.status = 'active' THEN 'ok' ELSE 'revoked' END
	ELSE CASE WHEN l.status = 'active' THEN 'ignored' ELSE 'revoked' END END
$$;

-- What has to be signed, and mailed when the licence is active, for a delivery to
-- take effect; NULL: nothing. kind is the mail's: 'license' for one that is new or
-- was never mailed, 'updated' for one whose tier has changed. Of an erased buyer
-- nothing is signed.
CREATE OR REPLACE FUNCTION billing.gumroad_to_sign(resource text, before billing.licenses,
	l billing.licenses)
RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN l.email IS NOT NULL AND CASE resource
		WHEN 'subscription_updated' THEN l.tier <> before.tier
		WHEN 'sale' THEN l.id IS NULL OR billing.license_wants_mail(l)
		WHEN 'dispute_won' THEN billing.license_wants_mail(l)
		WHEN 'subscription_restarted' THEN billing.license_wants_mail(l)
		ELSE false END
	THEN jsonb_build_object('key', l.license_key, 'tier', l.tier, 'product', l.product_id,
		'email', l.email, 'name', l.name, 'product_name', l.product_name, 'test', l.test,
		'issued', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
		'kind', CASE resource WHEN 'subscription_updated' THEN 'updated' ELSE 'license' END)
	END;
END $$;
