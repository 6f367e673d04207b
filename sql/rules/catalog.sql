-- The catalog: read from its text into tables, and what follows for what was sold before.
-- The text was checked by the program that applies it.

CREATE OR REPLACE FUNCTION billing.catalog_read_plans(document json) RETURNS void
LANGUAGE sql AS $$
	DELETE FROM billing.plan_products;
	DELETE FROM billing.prices;
	DELETE FROM billing.plans;
	INSERT INTO billing.plans (plan, place, rank, addon, per_seat, features)
		SELECT p.key, p.place, coalesce((p.value ->> 'rank')::integer, p.place),
		       coalesce((p.value ->> 'addon')::boolean, false),
		       coalesce((p.value ->> 'per_seat')::boolean, false),
		       coalesce((p.value -> 'features')::jsonb, '{}')
		FROM json_each(document -> 'plans') WITH ORDINALITY p (key, value, place);
	INSERT INTO billing.prices (price_id, plan, place, period, days, sold, trial_days, license)
		SELECT o.offer ->> 'price', p.key, o.place, coalesce(o.period, o.offer ->> 'period'),
		       (o.offer ->> 'days')::integer,
		       coalesce((o.offer ->> 'sold')::boolean, true),
		       coalesce((o.offer ->> 'trial_days')::integer, 0), (o.offer -> 'license')::jsonb
		FROM json_each(document -> 'plans') p
		CROSS JOIN LATERAL (
			SELECT 1 AS place, 'monthly' AS period, p.value -> 'monthly' AS offer
			UNION ALL SELECT 2, 'annual', p.value -> 'annual'
			UNION ALL SELECT 2 + e.place, NULL, e.value
				FROM json_array_elements(p.value -> 'prices')
					WITH ORDINALITY e (value, place)) o
		WHERE o.offer IS NOT NULL;
	INSERT INTO billing.plan_products (product, plan)
		SELECT e, p.key FROM json_each(document -> 'plans') p
		CROSS JOIN LATERAL json_array_elements_text(p.value -> 'products') e
$$;

-- What a plan of a product does not say holds as the product says.
CREATE OR REPLACE FUNCTION billing.catalog_read_gumroad(document json) RETURNS void
LANGUAGE sql AS $$
	DELETE FROM billing.gumroad_products;
	INSERT INTO billing.gumroad_products (product, plan, tier, seller_id, activations, expires,
			after_end)
		SELECT g.key, o.plan, o.offer ->> 'tier', g.value ->> 'seller_id',
		       coalesce(o.offer ->> 'activations', g.value ->> 'activations')::integer,
		       coalesce(o.offer ->> 'expires', g.value ->> 'expires'),
		       coalesce(o.offer ->> 'after_end', g.value ->> 'after_end', 'keep')
		FROM json_each(document -> 'gumroad') g
		CROSS JOIN LATERAL (
			SELECT '' AS plan, g.value AS offer
			UNION ALL SELECT p.key, p.value FROM json_each(g.value -> 'plans') p) o
$$;

-- grace and referral, when not NULL, stand instead of what the document says.
CREATE OR REPLACE FUNCTION billing.catalog_read_policy(document json, id bigint, grace integer,
	referral integer)
RETURNS void
LANGUAGE sql AS $$
	UPDATE billing.policy SET
		catalog_id = id,
		default_plan = document ->> 'default_plan',
		other_prices = coalesce(document ->> 'other_prices', CASE
			WHEN EXISTS (SELECT FROM billing.prices) OR EXISTS (SELECT FROM billing.plan_products)
			THEN 'ignore' ELSE 'paid' END),
		metadata_key = coalesce(document ->> 'metadata_key', 'account'),
		client_reference = coalesce(document ->> 'client_reference', 'trust'),
		several = coalesce((document -> 'checkout' ->> 'several_subscriptions')::boolean, false),
		grace_days = coalesce(grace, (document -> 'policy' ->> 'grace_days')::integer, 14),
		pause_collection = coalesce(document -> 'policy' ->> 'pause_collection', 'keep'),
		refund_subscription = coalesce(document -> 'policy' ->> 'refund_subscription', 'keep'),
		refund_purchase = coalesce(document -> 'policy' ->> 'refund_purchase', 'end'),
		dispute = coalesce(document -> 'policy' ->> 'dispute', 'suspend'),
		dispute_lost = coalesce(document -> 'policy' ->> 'dispute_lost', 'end'),
		fraud_warning = coalesce(document -> 'policy' ->> 'fraud_warning', 'note'),
		proration = coalesce(document -> 'subscription' ->> 'proration', 'always_invoice'),
		convert_on = coalesce(document -> 'referral' ->> 'convert_on', 'payment'),
		referral_days = coalesce(referral, (document -> 'referral' ->> 'days')::integer, 45),
		free = coalesce((document -> 'free' -> 'features')::jsonb, '{}')
$$;

-- The accounts that have access by a subscription, as the tables say.
CREATE OR REPLACE FUNCTION billing.catalog_served() RETURNS bigint[]
LANGUAGE sql STABLE AS $$
	SELECT coalesce(array_agg(DISTINCT s.account_id), '{}')
		FROM billing.subscriptions s
		CROSS JOIN LATERAL billing.subscription_grants(s) g
		WHERE s.account_id IS NOT NULL AND NOT billing.is_terminal(s.status)
		  AND g.reason IS NOT NULL
$$;

-- How many of them have none when every subscription is taken for what it is sold as now.
CREATE OR REPLACE FUNCTION billing.catalog_losing(served bigint[]) RETURNS bigint
LANGUAGE sql STABLE AS $$
	SELECT count(*) FROM unnest(served) account
		WHERE NOT EXISTS (SELECT FROM billing.subscriptions s
			CROSS JOIN LATERAL billing.subscription_grants(
				CASE WHEN s.items IS NULL THEN s ELSE billing.settle_offer(s) END) g
			WHERE s.account_id = account AND g.reason IS NOT NULL)
		  AND NOT EXISTS (SELECT FROM billing.accounts a
			WHERE a.id = account AND a.credit_until > now())
$$;

-- Applies a catalog: its text, and the days that stand instead of the text's, or NULL.
-- Returns what changes for whom, a row a pair of plans: live subscriptions that are sold as
-- before and will be as after; and in the last row, whose before is NULL, how many accounts
-- lose their access: the caller may roll back then. Rows follow by billing.catalog_follow().
-- Two that apply take turns.
CREATE OR REPLACE FUNCTION billing.catalog_apply(text_ text, grace integer, referral integer)
RETURNS TABLE (before text, after text, subscriptions bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	served bigint[];
	id_    bigint;
BEGIN
	LOCK TABLE billing.catalogs IN SHARE ROW EXCLUSIVE MODE;
	served := billing.catalog_served();
	SELECT c.id INTO id_ FROM billing.catalogs c WHERE c.text = text_
		AND c.id = (SELECT max(n.id) FROM billing.catalogs n);
	IF id_ IS NULL THEN
		INSERT INTO billing.catalogs (text) VALUES (text_) RETURNING id INTO id_;
	END IF;
	PERFORM billing.catalog_read_plans(text_::json);
	PERFORM billing.catalog_read_gumroad(text_::json);
	PERFORM billing.catalog_read_policy(text_::json, id_, grace, referral);
	RETURN QUERY
		SELECT s.plan, CASE WHEN n.sold THEN n.plan ELSE 'not sold' END, count(*)
			FROM billing.subscriptions s
			CROSS JOIN LATERAL billing.settle_offer(s) n
			WHERE NOT billing.is_terminal(s.status) AND s.items IS NOT NULL
			  AND (s.plan, s.sold) IS DISTINCT FROM (n.plan, n.sold)
			GROUP BY 1, 2 ORDER BY 1, 2;
	RETURN QUERY SELECT NULL::text, NULL::text, billing.catalog_losing(served);
END $$;

GRANT EXECUTE ON FUNCTION billing.catalog_apply(text, integer, integer)
	TO paydesk_operator;

-- The next subscriptions after an id that are not in line with the catalog, locked, and their
-- accounts and those that referred them too, as an event locks them: all subscriptions first,
-- then all accounts, in the order of their ids.
CREATE OR REPLACE FUNCTION billing.catalog_behind(from_ bigint, until_ bigint)
RETURNS SETOF billing.subscriptions
LANGUAGE plpgsql AS $$
DECLARE
	behind billing.subscriptions[];
BEGIN
	behind := ARRAY(SELECT t FROM billing.subscriptions t
		WHERE t.id > from_ AND t.id <= until_ AND t.items IS NOT NULL
		  AND t IS DISTINCT FROM billing.settle_offer(t)
		ORDER BY t.id FOR NO KEY UPDATE);
	PERFORM FROM billing.accounts a
		WHERE a.id IN (SELECT t.account_id FROM unnest(behind) t)
		   OR a.id IN (SELECT r.referrer_account_id FROM unnest(behind) t
			JOIN billing.referrals r ON r.referred_account_id = t.account_id)
		   OR a.stripe_customer_id IN (SELECT t.stripe_customer_id FROM unnest(behind) t)
		   OR a.external_id IN (SELECT t.account_ref FROM unnest(behind) t)
		ORDER BY a.id FOR NO KEY UPDATE;
	RETURN QUERY SELECT t.* FROM unnest(behind) t;
END $$;

-- Brings the next rows after an id in line with the catalog, and their accounts. Returns
-- the last id, NULL when there is none any more, and how many have changed.
CREATE OR REPLACE FUNCTION billing.catalog_follow(INOUT after bigint, most integer,
	OUT changed integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s billing.subscriptions;
	n billing.subscriptions;
	from_ bigint := after;
BEGIN
	changed := 0;
	SELECT max(p.id) INTO after FROM (SELECT t.id FROM billing.subscriptions t
		WHERE t.id > from_ ORDER BY t.id LIMIT most) p;
	FOR s IN SELECT * FROM billing.catalog_behind(from_, after) LOOP
		n := billing.settle_offer(billing.merge_known(s, s.items, s.last_event_at,
			s.last_event_rank));
		IF n.account_id IS NULL AND n.sold THEN
			n.account_id := billing.account_resolve(n.stripe_customer_id,
				n.account_ref, n.ref_claimed,
				CASE WHEN NOT n.email_claimed THEN n.email END);
			n.email := CASE WHEN n.account_id IS NULL THEN n.email END;
		END IF;
		PERFORM billing.subscription_store(n);
		changed := changed + 1;
		IF n.account_id IS NOT NULL THEN
			PERFORM billing.subscription_follow(s, n);
		END IF;
	END LOOP;
END $$;

GRANT EXECUTE ON FUNCTION billing.catalog_follow(bigint, integer) TO paydesk_operator;

-- The catalogs that were applied, newest first.
CREATE OR REPLACE FUNCTION billing.catalog_list()
RETURNS TABLE (id bigint, at text, applied_by text, bytes integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.id, billing.utc(c.at), c.applied_by, octet_length(c.text)
		FROM billing.catalogs c ORDER BY c.id DESC
$$;

-- The text of one of them, the newest if wanted is NULL. NULL: there is none.
CREATE OR REPLACE FUNCTION billing.catalog_text(wanted bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.text FROM billing.catalogs c
		WHERE c.id = coalesce(wanted, (SELECT max(n.id) FROM billing.catalogs n))
$$;

GRANT EXECUTE ON FUNCTION billing.catalog_text(bigint) TO paydesk_operator;

GRANT EXECUTE ON FUNCTION billing.catalog_list() TO paydesk_operator;

-- How sessions are made: the id of the catalog, NULL when none was applied, and its rules
-- for them unless it is the one that the caller has read already.
CREATE OR REPLACE FUNCTION billing.catalog_checkout(known bigint, OUT id bigint, OUT rules json)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.id, CASE WHEN c.id IS DISTINCT FROM known
			THEN coalesce(nullif((c.text::json -> 'checkout')::text, 'null'), '{}')::json END
		FROM billing.policy p JOIN billing.catalogs c ON c.id = p.catalog_id
$$;

GRANT EXECUTE ON FUNCTION billing.catalog_checkout(bigint) TO paydesk_checkout, paydesk_portal;

-- The prices and where the file has them, in its order.
CREATE OR REPLACE FUNCTION billing.catalog_prices()
RETURNS TABLE (place text, price_id text, period text, sold boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('plans.%s.%s', r.plan, CASE r.place WHEN 1 THEN 'monthly' WHEN 2 THEN 'annual'
			ELSE format('prices[%s]', r.place - 3) END), r.price_id, r.period, r.sold
		FROM billing.prices r JOIN billing.plans p USING (plan) ORDER BY p.place, r.place
$$;

GRANT EXECUTE ON FUNCTION billing.catalog_prices()
	TO paydesk_checkout, paydesk_stripe_webhook;

-- What an operator should know of the catalog: that there is none, and which prices live
-- subscriptions have that nobody has listed; they keep the plan that they had.
CREATE OR REPLACE FUNCTION billing.catalog_findings() RETURNS TABLE (finding text, advice text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'none was applied: every price counts, as plan unknown',
	       'Say what is sold: paydesk catalog apply FILE.'
		FROM billing.policy WHERE catalog_id IS NULL
	UNION ALL
	SELECT format('%s is not in it, and %s live %s', u.price, u.subscriptions,
			CASE u.subscriptions WHEN 1 THEN 'subscription has that price'
			ELSE 'subscriptions have that price' END),
	       'List the price, or the product of it, under its plan.'
		FROM billing.unknown_prices() u
$$;

GRANT EXECUTE ON FUNCTION billing.catalog_findings() TO paydesk_account;
