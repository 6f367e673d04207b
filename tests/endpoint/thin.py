#!/usr/bin/python3 -B
"""Thin events: fetched before they are applied, one event with their snapshot
twin, and nothing acknowledged while Stripe cannot be asked."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk
from harness.payment import Payment
from harness.stripe import notification_of, thin_event
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Desk(
    programs=["stripe-webhook", "catch-up", "fake-stripe"]))

ROWS = ("SELECT s.status, s.plan, s.seat_limit, s.cancel_at_period_end,"
        " s.current_period_end, s.snapshot_status, s.last_event_at,"
        " a.tier, a.subscription_status, a.stripe_customer_id"
        " FROM billing.subscriptions s JOIN billing.accounts a"
        " ON a.id = s.account_id WHERE s.stripe_subscription_id = %s")


def asked(desk, path):
    return [r for r in desk.stripe.requests() if r["path"].startswith(path)]


def thin(desk, event, **fields):
    """The notification of an event that Stripe hands out."""
    desk.stripe.put(event)
    return notification_of(event, **fields)


def orphan(event, **fields):
    """The notification of a change of which Stripe names no twin."""
    return notification_of(event, snapshot_event=None, **fields)


def by_key(desk, key):
    return desk.row("SELECT * FROM billing.stripe_events WHERE event_id = %s",
                    key)


def a_life(buyer):
    payment = Payment(buyer)
    return [buyer.checkout(), buyer.created(at=1), *payment.paid(),
            buyer.updated(at=200, quantity=3, previous={"quantity": 1}),
            buyer.invoice_failed(at=300),
            buyer.updated(at=301, status="past_due", quantity=3,
                          previous={"status": "active"}),
            payment.refunded(at=350),
            buyer.deleted(at=400, quantity=3)]


# ------------------------------------------------------------ with a twin

@suite.each("thin events alone end in the rows of their twins, {how}",
            ["in order", "backwards"])
def same_rows(desk, how):
    one, other = (desk.buyer(bound=False) for _ in range(2))
    other.start, other.end = one.start, one.end
    lives = [a_life(one), a_life(other)]
    for life in lives:
        if how == "backwards":
            life.reverse()
    for event in lives[0]:
        desk.post_event(event)
    for event in lives[1]:
        same(desk.post_event(thin(desk, event)).status, 200)
    rows = [desk.row(ROWS, b.subscription) for b in (one, other)]
    same(rows[1]["stripe_customer_id"], other.customer)
    same({**rows[0], "stripe_customer_id": None},
         {**rows[1], "stripe_customer_id": None})
    for first, second in zip(*lives):
        same(desk.ledger(first)["outcome"], desk.ledger(second)["outcome"],
             first["type"])


@suite.case("the ledger has the twin's row, with the notification's id")
def row(desk):
    buyer = desk.buyer()
    event = buyer.created()
    notification = thin(desk, event)
    same(desk.post_event(notification).json["status"], "applied")
    row = desk.ledger(event)
    has(row, type="customer.subscription.created", outcome="applied",
        notification_id=notification["id"],
        stripe_subscription_id=buyer.subscription)
    true('"previous_attributes"' in row["payload"]
         or '"data"' in row["payload"], "the payload is the event's")
    same(by_key(desk, notification["id"]), None)


@suite.each("a thin event and its twin are one event, {first} first",
            ["thin", "snapshot"])
def one_event(desk, first):
    buyer = desk.buyer()
    event = buyer.created()
    pair = [thin(desk, event), event]
    if first == "snapshot":
        pair.reverse()
    same([desk.post_event(e).json["status"] for e in pair + pair],
         ["applied"] + 3 * ["duplicate"])
    same(len(asked(desk, "/v1/events/" + event["id"])),
         1 if first == "thin" else 0, "questions")
    has(desk.ledger(event), deliveries=4, notification_id=pair[0]["id"]
        if first == "thin" else pair[1]["id"])


# --------------------------------------------------------- without a twin

@suite.each("when the twin is {status}, the object is fetched", [404, 403])
def no_twin(desk, status):
    desk.expect_log("level=warn")
    buyer = desk.buyer()
    event = buyer.updated(quantity=7)
    desk.stripe.put(event["data"]["object"])
    desk.stripe.next("GET /v1/events/" + event["id"], {"status": status})
    notification = notification_of(event)
    same(desk.post_event(notification).json["status"], "applied")
    has(desk.subscription_of(buyer), seat_limit=7, status="active")
    has(desk.ledger(event), notification_id=notification["id"],
        type="customer.subscription.updated", outcome="applied")
    same(desk.post_event(event).json["status"], "duplicate")


@suite.each("a change without a twin is read from the object: {type}", [
    "customer.subscription.past_due", "customer.subscription.updated",
    "customer.subscription.item_price_changed"])
def pointer(desk, type):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    desk.stripe.put(buyer.snapshot(status="past_due"))
    notification = orphan(buyer.updated(), type="v1." + type)
    same(desk.post_event(notification).json["status"], "applied")
    has(desk.subscription_of(buyer), status="past_due")
    has(by_key(desk, notification["id"]), type=type, outcome="applied",
        notification_id=notification["id"])
    same(desk.post_event(notification).json["status"], "duplicate")
    desk.deliver(buyer.updated(at=300, quantity=9), answer="stale")


@suite.case("what was fetched is replayed as it was fetched")
def replayed(desk):
    buyer = stripe.Buyer()
    desk.stripe.put(buyer.snapshot(quantity=4))
    notification = orphan(buyer.updated())
    same(desk.post_event(notification).json["status"], "unmatched")
    before = len(asked(desk, "/v1/subscriptions/"))
    done = desk.run("events", "replay", notification["id"])
    same(done.returncode, 0, repr(done))
    same(len(asked(desk, "/v1/subscriptions/")), before)


@suite.each("a fetched invoice that is {status} says {outcome}, whatever the"
            " notification's name", [
    {"status": "paid", "attempted": True, "outcome": "active"},
    {"status": "open", "attempted": True, "outcome": "past_due"},
    {"status": "open", "attempted": False, "outcome": "active"}])
def invoices(desk, status, attempted, outcome):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    paid_at = buyer.start + 100
    event = buyer.invoice_event(
        "payment_succeeded" if status == "open" else "payment_failed",
        status=status, attempted=attempted, created=buyer.start + 90,
        status_transitions={"paid_at": paid_at if status == "paid"
                            else None})
    desk.stripe.put(event["data"]["object"])
    same(desk.post_event(orphan(event)).status, 200)
    has(desk.subscription_of(buyer), status=outcome)


@suite.case("a customer that is gone is fetched as deleted")
def customer_gone(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    desk.stripe.put({"id": buyer.customer, "object": "customer",
                     "deleted": True})
    event = buyer.customer_event("deleted")
    same(desk.post_event(orphan(event)).json["status"], "applied")
    has(desk.subscription_of(buyer), status="canceled")


@suite.each("Stripe answers {status} for the object: a handler_error that"
            " says so, and a resend tries again", [404, 403])
def refused(desk, status):
    desk.expect_log("level=warn")
    buyer = desk.buyer()
    notification = orphan(buyer.created())
    path = "/v1/subscriptions/" + buyer.subscription
    desk.stripe.next("GET " + path, {"status": status})
    same(desk.post_event(notification).json["status"], "handler_error")
    row = by_key(desk, notification["id"])
    has(row, processed_at=None)
    true(path in row["error"], row["error"])
    desk.stripe.put(buyer.snapshot())
    same(desk.post_event(notification).json["status"], "applied")


@suite.each("an address elsewhere is never asked: {url!r}", [
    "http://127.0.0.1:1/v1/subscriptions/sub_1", "//x.example/v1/a",
    "/v2/core/events/evt_1", "/v1/../v2/x", "/v1/subscriptions/a?b=c",
    "@x.example/v1/", None])
def elsewhere(desk, url):
    buyer = desk.buyer()
    before = len(desk.stripe.requests())
    notification = orphan(buyer.created(), related_object={
        "id": "sub_1", "type": "subscription", "url": url})
    same(desk.post_event(notification).json["status"], "handler_error")
    has(by_key(desk, notification["id"]), processed_at=None,
        error="related_object.url is missing or malformed")
    same(len(desk.stripe.requests()), before, "requests")


# ----------------------------------------------------- Stripe does not answer

@suite.each("Stripe answers {answer}: 503 {error}, and no row", [
    {"answer": {"status": 500}, "error": "unavailable"},
    {"answer": {"status": 429}, "error": "unavailable"},
    {"answer": {"cut": True}, "error": "unavailable"},
    {"answer": {"status": 200, "body": "<html>"}, "error": "unavailable"},
    {"answer": {"status": 401}, "error": "not_configured"}])
def away(desk, answer, error):
    desk.expect_log("level=warn", "status=503")
    buyer = desk.buyer()
    event = buyer.created()
    notification = thin(desk, event)
    desk.stripe.next("GET /v1/events/" + event["id"], answer)
    reply = desk.post_event(notification)
    same((reply.status, reply.json["error"]), (503, error))
    same(desk.ledger(event), None)
    if error == "not_configured":
        has(desk.row("SELECT * FROM billing.webhook_failures WHERE id = %s",
                     event["id"]), type="v1.customer.subscription.created")
    same(desk.post_event(notification).json["status"], "applied")


@suite.case("without a key a thin event is 503 not_configured")
def no_key(desk):
    with Desk(programs=["stripe-webhook"],
              environment={"STRIPE_API_KEY": ""}) as other:
        other.expect_log("status=503")
        event = other.buyer().created()
        notification = notification_of(event)
        reply = other.post_event(notification)
        same((reply.status, reply.json["error"]), (503, "not_configured"))
        same(other.ledger(event), None)
        other.deliver(event)
        same(other.post_event(notification).json["status"], "duplicate")


# --------------------------------------------------------------- not ours

@suite.each("recorded and ignored, and nothing is asked: {story}", [
    {"story": "a ping", "fields": {
        "type": "v2.core.event_destination.ping"}},
    {"story": "another type", "fields": {"type": "v1.product.created"}},
    {"story": "a type of the second API", "fields": {
        "type": "v2.core.account.updated"}},
    {"story": "a connected account", "fields": {"context": "acct_1"}},
    {"story": "a context that is none", "fields": {"context": {"a": 1}}}])
def ignored(desk, story, fields):
    before = len(desk.stripe.requests())
    event = thin_event(**fields)
    desk.deliver(event, answer="ignored")
    has(desk.ledger(event), outcome="ignored", type=event["type"])
    same(len(desk.stripe.requests()), before, "requests")


@suite.case("catch-up does not apply again what came thin")
def caught_up(desk):
    buyer = desk.buyer()
    event = buyer.created()
    same(desk.post_event(thin(desk, event)).json["status"], "applied")
    done = desk.run("catch-up")
    same(done.returncode, 0, repr(done))
    has(desk.ledger(event), deliveries=1)


suite.main()
