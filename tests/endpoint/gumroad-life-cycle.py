#!/usr/bin/python3 -B
"""What happens to a licence after its sale, in whatever order it is told."""

import base64
import datetime
import itertools
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.gumroad import Shop, later, membership, sale, subscription
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(durable=False))


def utc(days):
    return (datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@suite.case("a full refund revokes, told twice or once")
def refund(shop):
    fields = sale()
    shop.sell(fields)
    for _ in range(2):
        shop.ping(later(fields, "refund", refunded=True), status="revoked")
    row = shop.license(fields)
    has(row, status="revoked", revoke_reason="refunded")
    true(row["revoked_at"], "no revoked_at")
    same(shop.verify(license_key=row["license_key"])["status"], "revoked")


@suite.case("a partial refund changes nothing")
def partial(shop):
    fields = sale()
    shop.sell(fields)
    shop.ping(later(fields, "refund", refunded=False), status="ignored")
    has(shop.license(fields), status="active")


@suite.case("a dispute revokes and a won dispute restores")
def dispute(shop):
    fields = sale()
    shop.sell(fields)
    shop.ping(later(fields, "dispute", disputed=True), status="revoked")
    has(shop.license(fields), status="revoked", revoke_reason="disputed")
    shop.ping(later(fields, "dispute_won", disputed=True, dispute_won=True),
              status="restored")
    has(shop.license(fields), status="active", revoked_at=None,
        revoke_reason=None)


@suite.case("a won dispute does not take back a refund")
def refund_and_dispute(shop):
    fields = sale()
    shop.sell(fields)
    shop.ping(later(fields, "dispute"), status="revoked")
    shop.ping(later(fields, "refund", refunded=True), status="revoked")
    shop.ping(later(fields, "dispute_won"), status="ignored")
    has(shop.license(fields), status="revoked", revoke_reason="refunded")


@suite.case("sale, refund, dispute and its end: every order ends the same")
def any_order(shop):
    for with_refund in (True, False):
        steps = ["sale", "dispute", "dispute_won"]
        if with_refund:
            steps.append("refund")
        for order in itertools.permutations(steps):
            fields = sale()
            for step in order:
                shop.post_form(later(fields, step,
                                     refunded=step == "refund"))
            row = shop.license(fields)
            same(row["status"], "revoked" if with_refund else "active",
                 " ".join(order))
            if row["status"] == "active":
                same(len([m for m in shop.mails(row)
                          if m["status"] != "failed"]), 1, " ".join(order))


@suite.case("a sale whose refund came first is minted revoked and not mailed")
def refund_first(shop):
    fields = sale()
    shop.ping(later(fields, "refund", refunded=True), status="revoked")
    shop.ping(fields, status="revoked")
    row = shop.license(fields)
    has(row, status="revoked")
    same(shop.mails(row), [])
    shop.ping(fields, status="duplicate")


@suite.case("a licence that is restored before it was ever mailed is mailed")
def restored_first(shop):
    fields = sale()
    shop.ping(later(fields, "dispute"), status="revoked")
    shop.ping(fields, status="revoked")
    shop.ping(later(fields, "dispute_won"), status="restored")
    row = shop.license(fields)
    mail = shop.mails(row)[0]
    true(row["license_key"] in mail["body_text"], mail["body_text"])
    true(row["blob"] in mail["body_text"], mail["body_text"])


@suite.case("a renewal extends the licence and mints none")
def renewal(shop):
    fields = membership(sale_timestamp="2026-01-31T10:00:00Z")
    row = shop.sell(fields)
    renewal = membership(fields["subscription_id"], is_recurring_charge=True,
                         sale_timestamp="2026-02-28T10:00:00Z")
    for status in ("ok", "duplicate"):
        shop.ping(renewal, status=status, license_key=row["license_key"])
    now = shop.member(fields)
    has(now, id=row["id"], renewals=1, status="active",
        source_order_id=fields["sale_id"])
    same(now["paid_until"].strftime("%Y-%m-%d"), "2026-03-28")
    same(len(shop.mails(row)), 1)


@suite.case("renewal before sale: one licence, one mail")
def renewal_first(shop):
    fields = membership(sale_timestamp="2026-01-31T10:00:00Z")
    second = membership(fields["subscription_id"], is_recurring_charge=True,
                        sale_timestamp="2026-02-28T10:00:00Z")
    key = shop.ping(second, status="ok")["license_key"]
    shop.ping(fields, status="ok", license_key=key)
    same(len(shop.mails(shop.member(fields))), 1)


@suite.case("of a membership the newest charge decides whether it is refunded")
def refunded_charge(shop):
    fields = membership(sale_timestamp="2026-01-31T10:00:00Z")
    shop.sell(fields)
    second = membership(fields["subscription_id"],
                        sale_timestamp="2026-02-28T10:00:00Z")
    shop.ping(second, status="ok")
    shop.ping(later(fields, "refund", refunded=True), status="ignored")
    has(shop.member(fields), status="active")
    shop.ping(later(second, "refund", refunded=True), status="revoked")
    has(shop.member(fields), status="revoked")
    third = membership(fields["subscription_id"],
                       sale_timestamp="2026-03-31T10:00:00Z")
    shop.ping(third, status="ok")
    has(shop.member(fields), status="active")


@suite.case("a cancellation is recorded and access stays")
def cancellation(shop):
    fields = membership()
    shop.sell(fields)
    shop.ping(subscription(fields, "cancellation", cancelled=True,
                           cancelled_at="2027-01-05T00:00:00Z",
                           cancelled_by_buyer=True), status="ignored")
    row = shop.member(fields)
    has(row, status="active")
    same(row["cancelled_at"].strftime("%Y-%m-%d"), "2027-01-05")


@suite.case("the end of a membership revokes, its restart restores")
def ended(shop):
    fields = membership()
    shop.sell(fields)
    shop.ping(subscription(
        fields, "subscription_ended", ended_at="2026-03-01T00:00:00Z",
        ended_reason="failed_payment"), status="revoked")
    has(shop.member(fields), status="revoked",
        revoke_reason="subscription ended: failed_payment")
    shop.ping(subscription(fields, "subscription_restarted",
                           restarted_at="2026-03-02T00:00:00Z"),
              status="restored")
    has(shop.member(fields), status="active")


@suite.case("of end and restart the later one counts, not the one told last")
def ended_late(shop):
    fields = membership()
    shop.sell(fields)
    shop.ping(subscription(fields, "subscription_restarted",
                           restarted_at="2026-03-02T00:00:00Z"))
    shop.ping(subscription(fields, "subscription_ended",
                           ended_at="2026-03-01T00:00:00Z"),
              status="ignored")
    has(shop.member(fields), status="active")


@suite.case("the end that is told before the sale ends the membership")
def ended_first(shop):
    fields = membership()
    shop.ping(subscription(fields, "subscription_ended",
                           ended_at="2026-03-01T00:00:00Z"),
              status="revoked")
    shop.ping(fields, status="revoked")
    has(shop.member(fields), status="revoked")


def plan(fields, name, id="tier-x", when="2026-02-01T00:00:00Z"):
    return subscription(fields, "subscription_updated", type="upgrade", **{
        "effective_as_of": when, "old_plan[tier][name]": "Basic",
        "new_plan[tier][id]": id, "new_plan[tier][name]": name,
        "new_plan[recurrence]": "monthly", "new_plan[price_cents]": 900})


def tier_in(blob):
    payload = blob[len("DTLIC2:"):].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(
        payload + "=" * (-len(payload) % 4)))["tier"]


@suite.case("a plan that the catalog maps changes the tier; key stays, the "
            "blob is new and mailed")
def updated(shop):
    fields = membership()
    row = shop.sell(fields)
    same(row["tier"], "club")
    shop.ping(plan(fields, "Gold"), status="ok",
              license_key=row["license_key"])
    now = shop.member(fields)
    has(now, tier="gold", license_key=row["license_key"])
    same(tier_in(now["blob"]), "gold")
    same([m["kind"] for m in shop.mails(row)], ["license", "updated"])
    same(shop.verify(blob=now["blob"])["tier"], "gold")
    same(shop.verify(blob=row["blob"])["tier"], "gold")
    shop.ping(plan(fields, "Gold"), status="ignored")
    shop.ping(plan(fields, "x", "tier-silver"), status="ok")
    has(shop.member(fields), tier="silver")


@suite.case("a plan that the catalog does not map waits for the catalog")
def unmapped_plan(shop):
    fields = membership()
    shop.sell(fields)
    shop.ping(plan(fields, "Lead"), status="logged-no-mint")
    has(shop.member(fields), tier="club")


@suite.case("a later plan takes effect when its time has come")
def downgrade(shop):
    fields = membership()
    shop.sell(fields)
    shop.ping(plan(fields, "Gold", when=utc(20)), status="ignored")
    has(shop.member(fields), tier="club")
    waiting = shop.last_audit()
    has(waiting, processed=False, error="takes effect later")
    shop.sql("""UPDATE billing.gumroad_events SET retry_at = now(),
                payload = regexp_replace(payload,
                'effective_as_of=[^&]*', 'effective_as_of=2026-02-01T00%%3A00%%3A00Z') WHERE id = %s""",
             waiting["id"])
    shop.deliver_mail()
    has(shop.member(fields), tier="gold")


@suite.case("replay applies what the mended catalog can map, and only shows "
            "it with --dry-run")
def replay(shop):
    fields = sale(product_id="mended==")
    shop.ping(fields, status="logged-no-mint")
    id = str(shop.last_audit()["id"])
    with open(shop.catalog) as file:
        catalog = json.load(file)
    catalog["gumroad"]["mended=="] = {"tier": "mended"}
    shop.apply(catalog)
    dry = shop.tool("gumroad-webhook", "replay", id, "--dry-run", "--json")
    has(json.loads(dry.stdout)[0], status="would be replayed")
    same(shop.license(fields), None)
    done = shop.tool("gumroad-webhook", "replay", id, "--json")
    same(done.returncode, 0, done.stderr)
    row = shop.license(fields)
    has(json.loads(done.stdout)[0], status="ok",
        license_key=row["license_key"])
    same(row["tier"], "mended")
    has(shop.audit(fields["sale_id"])[0], processed=True, error=None)
    shop.deliver_mail()
    same(len(shop.postmark.messages(row["email"])), 1)


@suite.case("before any catalog a sale is on record, and replay mints it after the"
            " first")
def before_any(shop):
    fields = sale()
    with shop.selling(None):
        shop.ping(fields, status="logged-no-mint")
        same(shop.license(fields), None)
    id = str(shop.last_audit()["id"])
    done = shop.tool("gumroad-webhook", "replay", id, "--json")
    has(json.loads(done.stdout)[0], status="ok")
    has(shop.license(fields), status="active")
    shop.deliver_mail()


@suite.case("replay --failed takes all that was not applied")
def replay_failed(shop):
    done = shop.tool("gumroad-webhook", "replay", "--failed", "--json")
    same(done.returncode, 1)
    rows = json.loads(done.stdout)
    true(rows, "nothing was replayed")
    same({r["status"] for r in rows}, {"logged-no-mint"})


suite.main()
