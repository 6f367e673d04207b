#!/usr/bin/python3 -B
"""The ledger: what is written down of every event, and which are not
applied."""

import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import ANSWERS, SECRET, WEBHOOK, Desk, when
from harness.stripe import NEW, OLD, Buyer
from harness.tap import Suite, has, same, true
from harness.worker import Worker

PAYLOAD_MAX = 8000

suite = Suite(lambda: Desk(
    programs=["stripe-webhook", "fake-stripe"],
    environment={"STRIPE_PAYLOAD_STORE_MAX": str(PAYLOAD_MAX)}))

HANDLED = {e["type"]: e for b in [Buyer()] for e in [
    b.checkout(), b.payment_arrived(), b.payment_bounced(),
    b.checkout_event("expired"),
    b.created(), b.updated(), b.deleted(), b.paused(), b.resumed(),
    b.trial_will_end(), b.invoice_paid(),
    b.invoice_event("payment_succeeded"), b.invoice_failed(),
    b.invoice_event("payment_action_required"), *b.audit_events(),
    b.customer_event("updated"), b.customer_event("deleted")]}


# ------------------------------------------------------------- what is kept

@suite.each("every column of an applied event, shape of {api}", [OLD, NEW])
def columns(desk, api):
    buyer = desk.buyer(api=api)
    event = buyer.created(at=5)
    desk.deliver(event)
    row = desk.ledger(event)
    has(row, type="customer.subscription.created", api_version=api,
        livemode=False, created_at=when(buyer.start + 5), outcome="applied",
        error=None, stripe_customer_id=buyer.customer,
        stripe_subscription_id=buyer.subscription,
        payload=stripe.encode(event).decode(), payload_truncated=False,
        deliveries=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    for column in ("received_at", "processed_at"):
        true(abs((now - row[column]).total_seconds()) < 30, column)


@suite.each("the ledger names customer and subscription of {type}",
            sorted(HANDLED))
def handled(desk, type):
    buyer = desk.buyer()
    template = HANDLED[type]
    obj = {**template["data"]["object"]}
    of_subscription = any(type.startswith(family) for family in (
        "customer.subscription", "invoice", "checkout"))
    if type.startswith("customer.subscription"):
        obj["id"] = buyer.subscription
    elif type.startswith("invoice"):
        obj["parent"] = {"type": "subscription_details",
                         "subscription_details": {
                             "subscription": buyer.subscription,
                             "metadata": {}}}
    elif type.startswith("checkout"):
        obj["subscription"] = buyer.subscription
    elif type in ("customer.updated", "customer.deleted"):
        obj["id"] = buyer.customer
    has_customer = obj.get("customer") is not None
    if has_customer:
        obj["customer"] = buyer.customer
    elif type.startswith(("charge", "refund")):
        obj.update(charge=stripe.new_id("ch"), payment_intent=None)
    event = buyer.event(type, obj, at=10)
    reply = desk.post_event(event)
    of_money = type.startswith(("charge", "refund")) and not has_customer
    outcome = "ignored" if of_money else "applied"
    same((reply.status, reply.json), (200, ANSWERS[outcome]))
    has(desk.ledger(event), type=type, outcome=outcome)
    if of_subscription:
        has(desk.ledger(event), stripe_subscription_id=buyer.subscription)
    if has_customer or type.startswith("customer"):
        has(desk.ledger(event), stripe_customer_id=buyer.customer)


@suite.case("each delivery is counted and the outcome stays")
def deliveries(desk):
    buyer = desk.buyer()
    new = buyer.updated(at=100)
    old = buyer.updated(at=50)
    stranger = Buyer().created()
    unknown = stripe.event("plan.created", {})
    outcomes = [(new, "applied"), (old, "stale"), (stranger, "unmatched"),
                (unknown, "ignored")]
    for event, outcome in outcomes:
        desk.deliver(event, answer=outcome)
        first = desk.ledger(event)
        for _ in range(4):
            desk.deliver(event, answer="duplicate")
        has(desk.ledger(event), outcome=outcome, deliveries=5,
            processed_at=first["processed_at"],
            received_at=first["received_at"])


@suite.each("of {size} bytes the ledger keeps {kept}", [
    {"size": PAYLOAD_MAX + more, "kept": min(PAYLOAD_MAX + more, PAYLOAD_MAX)}
    for more in (-1, 0, 1, 5000)])
def cap(desk, size, kept):
    buyer = desk.buyer()
    event = buyer.created(description="")
    event["data"]["object"]["description"] = "d" * (
        size - len(stripe.encode(event)))
    body = stripe.encode(event)
    same(len(body), size)
    desk.deliver(event)
    row = desk.ledger(event)
    has(row, payload=body[:kept].decode(), payload_truncated=size > kept)


@suite.each("a character of {width} bytes is not cut in two", [
    {"width": len(c.encode()), "char": c} for c in "é日🎉"])
def cut_between_characters(desk, width, char):
    for shift in range(width):
        event = desk.buyer().created(description="d" * shift
                                     + char * PAYLOAD_MAX)
        desk.deliver(event)
        row = desk.ledger(event)
        whole = stripe.encode(event).decode()
        kept = row["payload"]
        true(whole.startswith(kept), "it is not the beginning")
        size = len(kept.encode())
        true(PAYLOAD_MAX - width < size <= PAYLOAD_MAX, "%d bytes" % size)
        has(row, payload_truncated=True)


@suite.case("the payload is kept as it was spelled")
def spelled(desk):
    event = desk.buyer().created()
    body = stripe.encode(event, indent=2)
    body = body.replace(b'"object"', b'"\\u006fbject"', 1)
    body = body.replace(b"\n", b"\r\n") + b"\n \t"
    same(desk.post_event(body).json["status"], "applied")
    same(desk.ledger(event)["payload"], body.decode())


# --------------------------------------------------------- recorded, not done

@suite.each("a thin event of another type is acknowledged and recorded: {type}", [
    "v1.product.created", "v1.customer.tax_id.created",
    "v2.core.event_destination.ping"])
def thin(desk, type):
    event = stripe.thin_event(type)
    desk.deliver(event, answer="ignored")
    has(desk.ledger(event), type=type, outcome="ignored", error=None)
    desk.deliver(event, answer="duplicate")


@suite.case("an event of a connected account is recorded and not applied")
def connected(desk):
    buyer = desk.buyer()
    event = buyer.created(envelope={"account": "acct_connected"})
    reply = desk.post_event(event)
    has(reply.json, received=True, applied=False, status="ignored")
    has(desk.ledger(event), outcome="ignored")
    same(desk.subscription_of(buyer), None)
    has(desk.account_of(buyer), tier="free")


@suite.each("STRIPE_LIVEMODE={setting}: an event with livemode {livemode} is"
            " {outcome}", [
    {"setting": setting, "livemode": livemode, "outcome": outcome}
    for setting, livemode, outcome in [
        ("true", True, "applied"), ("true", False, "ignored"),
        ("false", True, "ignored"), ("false", False, "applied"),
        ("", True, "applied"), ("", False, "applied")]])
def livemode(desk, setting, livemode, outcome):
    buyer = desk.buyer()
    event = buyer.created(envelope={"livemode": livemode})
    body = stripe.encode(event)
    with Worker(desk.program(), desk.command_environment(
            {"STRIPE_LIVEMODE": setting})) as worker:
        reply = worker.request("POST", WEBHOOK, body, {
            "Stripe-Signature": stripe.sign(body, SECRET)})
        same(reply.status, 200)
        has(reply.json, status=outcome, applied=outcome == "applied")
    has(desk.ledger(event), outcome=outcome, livemode=livemode)
    same(desk.subscription_of(buyer) is not None, outcome == "applied")


suite.main()
