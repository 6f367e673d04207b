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

-- The items with what the catalog knows of each: by its price, else by its product. plan is
-- NULL for one that it does not know.
CREATE OR REPLACE FUNCTION billing.items_offered(items jsonb)
RETURNS TABLE (place bigint, item jsonb, plan text, addon boolean, rank integer, period text)
LANGUAGE sql STABLE AS $$
	SELECT i.place, i.item, p.plan, p.addon, p.rank,
	       coalesce(r.period, billing.interval_period(i.item ->> 'interval',
			(i.item ->> 'interval_count')::integer))
		FROM jsonb_array_elements(items) WITH ORDINALITY i (item, place)
		LEFT JOIN billing.prices r ON r.price_id = i.item ->> 'price'
		LEFT JOIN billing.plan_products q
			ON r.price_id IS NULL AND q.product = i.item ->> 'product'
		LEFT JOIN billing.plans p ON p.plan = coalesce(r.plan, q.plan)
$$;

-- The plan of the item that leads: a base plan of the highest rank, then the one that ends
-- last, then the first; an add-on only when there is nothing else. No row: nobody knows what
-- its base is.
CREATE OR REPLACE FUNCTION billing.known_offer(items jsonb) RETURNS billing.offer
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o billing.offer;
BEGIN
	SELECT i.plan, i.period, i.item ->> 'price', (i.item ->> 'quantity')::integer, true, true
		INTO o FROM billing.items_offered(items) i
		ORDER BY i.addon IS NOT FALSE, i.addon IS NOT NULL, i.rank DESC,
			i.item ->> 'end' DESC NULLS LAST, i.place LIMIT 1;
	RETURN o;
END $$;

-- The same of items whose base nobody knows. said_plan and said_period are what metadata says,
-- known_plan and known_period what the subscription was when its base was known last: it
-- keeps that, since its customer pays. Without any price it is the default plan. Anything
-- else is not sold here, unless the catalog says that other prices count, or there is none;
-- add-ons beside it remain what they are.
CREATE OR REPLACE FUNCTION billing.unknown_offer(items jsonb, said_plan text, said_period text,
	known_plan text, known_period text)
RETURNS billing.offer
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o        billing.offer;
	policy   billing.policy;
	of_item  text;
	addon    text;
BEGIN
	SELECT * INTO policy FROM billing.policy;
	SELECT i.item ->> 'price', (i.item ->> 'quantity')::integer, i.period
		INTO o.price_id, o.seat_limit, of_item FROM billing.items_offered(items) i
		WHERE i.plan IS NULL ORDER BY i.place LIMIT 1;
	addon := (SELECT i.plan FROM billing.items_offered(items) i WHERE i.addon
		ORDER BY i.place LIMIT 1);
	o.sold := true;
	o.known := o.price_id IS NULL;
	IF known_plan IS NOT NULL AND NOT o.known THEN
		o.plan := known_plan;
		o.period := known_period;
	ELSIF EXISTS (SELECT FROM billing.plans p WHERE p.plan = said_plan) THEN
		o.plan := said_plan;
		o.period := coalesce(said_period, of_item);
	ELSIF o.price_id IS NULL THEN
		o.plan := coalesce(policy.default_plan, 'unknown');
		o.period := coalesce(said_period, of_item);
	ELSE
		o.plan := coalesce(addon, 'unknown');
		o.sold := policy.catalog_id IS NULL OR policy.other_prices = 'paid'
			OR addon IS NOT NULL;
		o.period := CASE WHEN o.sold THEN of_item END;
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
	at timestamptz, rank smallint)
RETURNS billing.subscriptions
LANGUAGE plpgsql STABLE AS $$
DECLARE
	o billing.offer;
BEGIN
	IF (date_trunc('second', at), rank) < (date_trunc('second', s.known_at), s.known_rank) THEN
		RETURN s;
	END IF;
	o := billing.known_offer(items);
	IF o.plan IS NOT NULL THEN
		s.known_plan := o.plan;
		s.known_period := o.period;
		s.known_at := at;
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
