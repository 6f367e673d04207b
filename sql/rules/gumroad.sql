-- How one delivery of Gumroad changes licences.
--
-- The status of a licence is a function of the facts seen so far and not of the
-- order in which they came: see billing.license_settle().

-- How long a payment lasts.
CREATE OR REPLACE FUNCTION billing.gumroad_period(recurrence text) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE recurrence WHEN 'monthly' THEN interval '1 month'
	                       WHEN 'quarterly' THEN interval '3 months'
	                       WHEN 'biannually' THEN interval '6 months'
	                       WHEN 'yearly' THEN interval '1 year'
	                       WHEN 'every_two_years' THEN interval '2 years' END
$$;

-- Applies one delivery, of the audit row event, and writes its result there.
-- problem says why nothing can be minted. key_ to html_ are what a mint takes,
-- made in advance. Returns:
--   status_   for the reply
--   due       'mail' when the licence, valid, was never mailed; 'blob' when its
--             tier has changed: the caller signs and calls license_reissue() in
--             the same transaction
-- Deliveries of one sale or one subscription are applied one at a time.
CREATE OR REPLACE FUNCTION billing.gumroad_apply(
	event bigint, resource_ text, order_ text, problem text,
	sale text, subscription text, at timestamptz, reason text, recurrence text,
	refunded boolean,
	email_ text, name_ text, tier_ text, product text, product_name_ text,
	amount bigint, currency_ text, offer text, test_ boolean,
	key_ text, blob_ text, kid text, public_ text,
	subject_ text, text_ text, html_ text, lease_s integer,
	OUT status_ text, OUT license bigint, OUT license_key_ text,
	OUT email_id bigint, OUT email_token text, OUT due text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c       billing.gumroad_charges;
	m       billing.gumroad_memberships;
	l       billing.licenses;
	new_    boolean := false;
	later   timestamptz;
	settled text;
BEGIN
	IF subscription IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('gumroad subscription ' || subscription, 0));
		SELECT * INTO m FROM billing.gumroad_memberships WHERE subscription_id = subscription;
	END IF;
	IF sale IS NOT NULL THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('gumroad sale ' || sale, 0));
		SELECT * INTO c FROM billing.gumroad_charges WHERE sale_id = sale;
	END IF;
	license := coalesce(c.license_id, m.license_id);

	IF resource_ = 'sale' THEN
		IF c.sold THEN
			status_ := 'duplicate';
		ELSIF license IS NULL AND problem IS NOT NULL OR sale IS NULL THEN
			status_ := 'logged-no-mint';
		ELSE
			IF license IS NULL THEN
				new_ := true;
				INSERT INTO billing.license_keys (key_id, public_key)
					VALUES (kid, public_) ON CONFLICT DO NOTHING;
				INSERT INTO billing.licenses (license_key, blob, source_order_id,
						subscription_id, email, name, tier, product_id,
						product_name, amount_cents, currency, offer_code, test)
					VALUES (key_, blob_, sale, subscription, email_, name_, tier_,
						product, product_name_, amount, currency_, offer, test_)
					RETURNING id INTO license;
			END IF;
			INSERT INTO billing.gumroad_charges AS g
					(sale_id, subscription_id, license_id, sold, sold_at)
				VALUES (sale, subscription, license, true, coalesce(at, now()))
				ON CONFLICT (sale_id) DO UPDATE SET license_id = excluded.license_id,
					subscription_id = excluded.subscription_id, sold = true,
					sold_at = coalesce(at, g.sold_at, g.seen_at);
			IF subscription IS NOT NULL THEN
				INSERT INTO billing.gumroad_memberships AS g (subscription_id, license_id)
					VALUES (subscription, license)
					ON CONFLICT (subscription_id) DO UPDATE SET license_id = excluded.license_id
					WHERE g.license_id IS NULL;
				UPDATE billing.gumroad_charges SET license_id = license
					WHERE subscription_id = subscription AND license_id IS NULL;
				UPDATE billing.licenses SET updated_at = now(),
					renewals = renewals + CASE WHEN new_ THEN 0 ELSE 1 END,
					renewed_at = CASE WHEN NOT new_
						THEN greatest(renewed_at, coalesce(at, now())) END,
					cancelled_at = m.cancelled_at,
					paid_until = greatest(paid_until,
						coalesce(at, now()) + billing.gumroad_period(recurrence))
					WHERE id = license;
			END IF;
			settled := billing.license_settle(license);
			status_ := CASE settled WHEN 'active' THEN 'ok' ELSE 'revoked' END;
		END IF;

	ELSIF resource_ IN ('refund', 'dispute', 'dispute_won') AND sale IS NOT NULL THEN
		IF resource_ = 'refund' AND NOT refunded THEN
			status_ := 'ignored';
		ELSE
			INSERT INTO billing.gumroad_charges AS g (sale_id, subscription_id, license_id,
					sold_at, refunded_at, disputed_at, dispute_won_at)
				VALUES (sale, subscription, license, at,
					CASE resource_ WHEN 'refund' THEN now() END,
					CASE resource_ WHEN 'dispute' THEN now() END,
					CASE resource_ WHEN 'dispute_won' THEN now() END)
				ON CONFLICT (sale_id) DO UPDATE SET
					license_id = coalesce(g.license_id, excluded.license_id),
					refunded_at = coalesce(g.refunded_at, excluded.refunded_at),
					disputed_at = coalesce(g.disputed_at, excluded.disputed_at),
					dispute_won_at = coalesce(g.dispute_won_at, excluded.dispute_won_at);
			new_ := resource_ = 'refund' AND c.refunded_at IS NULL
				OR resource_ = 'dispute' AND c.disputed_at IS NULL
				   AND c.dispute_won_at IS NULL;
		END IF;

	ELSIF resource_ IN ('cancellation', 'subscription_ended', 'subscription_restarted')
	      AND subscription IS NOT NULL THEN
		at := coalesce(at, now());
		INSERT INTO billing.gumroad_memberships (subscription_id)
			VALUES (subscription) ON CONFLICT DO NOTHING;
		UPDATE billing.gumroad_memberships g SET
			cancelled_at = CASE resource_ WHEN 'cancellation' THEN at
				WHEN 'subscription_restarted' THEN NULL ELSE g.cancelled_at END,
			ended_reason = CASE WHEN resource_ = 'subscription_ended'
				AND at >= coalesce(g.ended_at, at) THEN reason ELSE g.ended_reason END,
			ended_at = CASE resource_ WHEN 'subscription_ended'
				THEN greatest(g.ended_at, at) ELSE g.ended_at END,
			restarted_at = CASE resource_ WHEN 'subscription_restarted'
				THEN greatest(g.restarted_at, at) ELSE g.restarted_at END
			WHERE subscription_id = subscription;
		UPDATE billing.licenses SET updated_at = now(), cancelled_at =
			CASE resource_ WHEN 'cancellation' THEN at END
			WHERE id = license AND resource_ <> 'subscription_ended';
		IF resource_ = 'cancellation' THEN
			status_ := 'ignored';
		END IF;
		new_ := resource_ = 'subscription_ended' AND at > coalesce(m.ended_at, '-infinity');

	ELSIF resource_ = 'subscription_updated' AND subscription IS NOT NULL THEN
		IF problem IS NULL AND license IS NULL THEN
			problem := 'there is no licence of this subscription';
		END IF;
		IF problem IS NOT NULL THEN
			status_ := 'logged-no-mint';
		ELSIF at > now() AND event > coalesce(m.updated_event, 0) THEN
			status_ := 'ignored';
			later := at;
			problem := 'takes effect later';
		ELSE
			status_ := 'ignored';
			IF event >= coalesce(m.updated_event, 0) THEN
				UPDATE billing.gumroad_memberships SET updated_event = event
					WHERE subscription_id = subscription;
				UPDATE billing.licenses SET tier = tier_, updated_at = now()
					WHERE id = license AND tier <> tier_;
				IF FOUND THEN
					status_ := 'ok';
					due := 'blob';
				END IF;
			END IF;
		END IF;

	ELSIF problem IS NOT NULL THEN
		status_ := 'logged-no-mint';
	ELSE
		status_ := 'ignored';
	END IF;

	IF status_ IS NULL THEN
		-- A reason to revoke or to restore, and perhaps no licence yet.
		IF license IS NOT NULL THEN
			IF new_ THEN
				UPDATE billing.licenses SET operator_status = NULL
					WHERE id = license AND operator_status = 'active';
			END IF;
			settled := billing.license_settle(license);
		END IF;
		IF resource_ IN ('dispute_won', 'subscription_restarted') THEN
			status_ := CASE settled WHEN 'active' THEN 'restored' ELSE 'ignored' END;
		ELSE
			status_ := CASE settled WHEN 'active' THEN 'ignored' ELSE 'revoked' END;
		END IF;
		new_ := false;
	END IF;

	SELECT * INTO l FROM billing.licenses WHERE id = license;
	license_key_ := l.license_key;
	IF settled = 'active' THEN
		IF new_ THEN
			SELECT o.email_id, o.email_token INTO email_id, email_token
				FROM billing.outbox_add('license', license, email_, name_,
					subject_, text_, html_, lease_s) o;
		ELSIF NOT EXISTS (SELECT FROM billing.emails
				WHERE license_id = license AND status <> 'failed') THEN
			due := 'mail';
		END IF;
	END IF;
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = status_ <> 'logged-no-mint' AND later IS NULL,
		processed_at = now(), outcome = status_, license_id = license, retry_at = later,
		error = CASE WHEN status_ = 'logged-no-mint' OR later IS NOT NULL THEN problem END
		WHERE id = event;
END $$;

GRANT EXECUTE ON FUNCTION billing.gumroad_apply(bigint, text, text, text, text, text,
	timestamptz, text, text, boolean, text, text, text, text, text, bigint, text, text,
	boolean, text, text, text, text, text, text, text, integer)
	TO paydesk_gumroad_webhook;

-- Records that a delivery cannot be applied, when the database itself refused it.
CREATE OR REPLACE FUNCTION billing.gumroad_failed(event bigint, resource_ text, order_ text,
	error_ text, sqlstate_ text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE billing.gumroad_events SET resource = resource_, order_id = order_,
		processed = false, processed_at = now(), outcome = 'logged-no-mint',
		error = error_, retry_at = NULL
		WHERE id = event;
	INSERT INTO billing.webhook_failures (source, id, type, error, sqlstate)
		VALUES ('gumroad', order_, resource_, error_, sqlstate_)
$$;

GRANT EXECUTE ON FUNCTION billing.gumroad_failed(bigint, text, text, text, text)
	TO paydesk_gumroad_webhook;

-- A late delivery about a licence whose buyer was erased. FOR KEY SHARE waits for
-- an erasure under way.
CREATE OR REPLACE FUNCTION billing.delivery_of_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	address text;
BEGIN
	SELECT email INTO address FROM billing.licenses WHERE id = NEW.license_id FOR KEY SHARE;
	IF FOUND AND address IS NULL THEN
		NEW.payload := NULL;
	END IF;
	RETURN NEW;
END $$;
