-- What a subscription is of what is sold: the catalog decides, by the prices and products
-- of its items. Metadata names the plan only of a price that nobody knows.

-- How long a price that the catalog does not list lasts, in the catalog's words.
CREATE OR REPLACE FUNCTION billing.interval_period(unit text, count integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE coalesce(count, 1) || ' ' || unit
		WHEN '1 day' THEN 'daily' WHEN '1 week' THEN 'weekly' WHEN '1 month' THEN 'monthly'
		WHEN '3 month' THEN 'quarterly' WHEN '6 month' THEN 'biannual'
		WHEN '12 month' THEN 'annual' WHEN '1 year' THEN 'annual' END
$$;

-- The plan of the item that leads: a base plan of the highest rank, then the one that ends
-- last, then the first; an add-on only when there is no base. No row: nobody knows any of
-- the prices and products.
CREATE OR REPLACE FUNCTION billing.known_offer(items jsonb) RETURNS billing.offer
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o billing.offer;
BEGIN
	SELECT p.plan,
	       coalesce(r.period, billing.interval_period(i.item ->> 'interval',
			(i.item ->> 'interval_count')::integer)),
	       i.item ->> 'price', (i.item ->> 'quantity')::integer, true, true
		INTO o
		FROM jsonb_array_elements(items) WITH ORDINALITY i (item, place)
		LEFT JOIN billing.prices r ON r.price_id = i.item ->> 'price'
		LEFT JOIN billing.plan_products q
			ON r.price_id IS NULL AND q.product = i.item ->> 'product'
		JOIN billing.plans p ON p.plan = coalesce(r.plan, q.plan)
		ORDER BY p.addon, p.rank DESC, i.item ->> 'end' DESC NULLS LAST, i.place LIMIT 1;
	RETURN o;
END $$;

-- The same of items that nobody knows. said_plan and said_period are what metadata says,
-- known_plan and known_period what the subscription was when a price of it was known last:
-- it keeps that, since its customer pays. Without any price it is the default plan. Anything
-- else is not sold here, unless the catalog says that other prices count, or there is none.
CREATE OR REPLACE FUNCTION billing.unknown_offer(items jsonb, said_plan text, said_period text,
	known_plan text, known_period text)
RETURNS billing.offer
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o        billing.offer;
	policy   billing.policy;
	of_items text := billing.interval_period(items -> 0 ->> 'interval',
		(items -> 0 ->> 'interval_count')::integer);
BEGIN
	SELECT * INTO policy FROM billing.policy;
	o.price_id := items -> 0 ->> 'price';
	o.seat_limit := (items -> 0 ->> 'quantity')::integer;
	o.sold := true;
	o.known := o.price_id IS NULL;
	IF known_plan IS NOT NULL AND NOT o.known THEN
		o.plan := known_plan;
		o.period := known_period;
	ELSIF EXISTS (SELECT FROM billing.plans p WHERE p.plan = said_plan) THEN
		o.plan := said_plan;
		o.period := coalesce(said_period, of_items);
	ELSIF o.price_id IS NULL THEN
		o.plan := coalesce(policy.default_plan, 'unknown');
		o.period := coalesce(said_period, of_items);
	ELSE
		o.plan := 'unknown';
		o.sold := policy.catalog_id IS NULL OR policy.other_prices = 'paid';
		o.period := CASE WHEN o.sold THEN of_items END;
	END IF;
	RETURN o;
END $$;

-- The row with what it is of what is sold, from its items and what metadata says.
CREATE OR REPLACE FUNCTION billing.settle_offer(s billing.subscriptions)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o billing.offer := billing.known_offer(s.items);
BEGIN
	IF o.plan IS NULL THEN
		o := billing.unknown_offer(s.items, s.said_plan, s.said_period, s.known_plan,
			s.known_period);
	END IF;
	s.plan := o.plan;
	s.period := o.period;
	s.price_id := o.price_id;
	s.seat_limit := o.seat_limit;
	s.sold := o.sold;
	s.price_known := o.known;
	RETURN s;
END $$;

-- Keeps the plan of the newest snapshot whose price was known, whichever came first.
CREATE OR REPLACE FUNCTION billing.merge_known(s billing.subscriptions, items jsonb,
	created timestamptz, rank smallint)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o billing.offer;
BEGIN
	IF (created, rank) < (s.known_at, s.known_rank) THEN
		RETURN s;
	END IF;
	o := billing.known_offer(items);
	IF o.plan IS NOT NULL THEN
		s.known_plan := o.plan;
		s.known_period := o.period;
		s.known_at := created;
		s.known_rank := rank;
	END IF;
	RETURN s;
END $$;

-- Whether it is, by itself, something to have: sold here, and no mere add-on.
CREATE OR REPLACE FUNCTION billing.is_base(s billing.subscriptions) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN s.sold AND NOT EXISTS (SELECT FROM billing.plans p WHERE p.plan = s.plan AND p.addon);
END $$;
