#!/usr/bin/python3 -B
"""Invoices: past_due and back. Each is an object of its own."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk
from harness.stripe import NEW, OLD, SHAPES, expanded
from harness.tap import Suite, has, same

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


@suite.each("a failed invoice makes {before} {after}", [
    {"before": before, "after": after} for before, after in [
        ("active", "past_due"), ("trialing", "trialing"),
        ("past_due", "past_due"), ("incomplete", "incomplete"),
        ("unpaid", "unpaid"), ("paused", "paused"),
        ("canceled", "canceled"),
        ("incomplete_expired", "incomplete_expired")]])
def failed(desk, before, after):
    for api in SHAPES:
        buyer = desk.buyer(api=api)
        desk.deliver(buyer.created(status=before))
        tier = desk.account_of(buyer)["tier"]
        desk.deliver(buyer.invoice_failed(at=60))
        has(desk.subscription_of(buyer), status=after)
        has(desk.account_of(buyer), subscription_status=after, tier=tier)


@suite.each("after {name} {before} is {after}", [
    {"name": "invoice." + name, "event": name, "before": before,
     "after": after}
    for name in ("paid", "payment_succeeded") for before, after in [
        ("past_due", "active"), ("active", "active"),
        ("trialing", "trialing"), ("unpaid", "unpaid"),
        ("paused", "paused"), ("incomplete", "incomplete"),
        ("canceled", "canceled"),
        ("incomplete_expired", "incomplete_expired")]])
def recovered(desk, name, event, before, after):
    for api in SHAPES:
        buyer = desk.buyer(api=api)
        desk.deliver(buyer.created(status=before),
                     buyer.invoice_event(event, at=60))
        has(desk.subscription_of(buyer), status=after)
        has(desk.account_of(buyer), subscription_status=after)


@suite.each("fails, is paid, fails again: {api}", SHAPES)
def up_and_down(desk, api):
    buyer = desk.buyer(api=api)
    desk.deliver(buyer.created())
    for at, event, status in [
            (60, "payment_failed", "past_due"), (120, "paid", "active"),
            (180, "payment_failed", "past_due"),
            (240, "payment_succeeded", "active")]:
        desk.deliver(buyer.invoice_event(event, at=at))
        has(desk.subscription_of(buyer), status=status)
        has(desk.account_of(buyer), tier="paid")


@suite.case("payment_action_required is recorded and changes nothing")
def action_required(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    before = desk.subscription_of(buyer)
    event = buyer.invoice_event("payment_action_required")
    desk.deliver(event)
    has(desk.ledger(event), outcome="applied",
        stripe_subscription_id=buyer.subscription)
    same(desk.subscription_of(buyer), before)


@suite.case("a failure older than the snapshot is stale")
def old_failure(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=100))
    event = buyer.invoice_failed(at=50)
    desk.deliver(event, answer="stale")
    has(desk.subscription_of(buyer), status="active")
    has(desk.ledger(event), outcome="stale")


@suite.case("a failure older than a payment does not undo it")
def failure_after_payment(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.invoice_paid(at=100))
    desk.deliver(buyer.invoice_failed(at=50), answer="stale")
    has(desk.subscription_of(buyer), status="active")


@suite.case("a snapshot older than a failure does not undo it")
def snapshot_after_failure(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.invoice_failed(at=100),
                 buyer.updated(at=50, quantity=8))
    has(desk.subscription_of(buyer), status="past_due", seat_limit=8)


@suite.case("a snapshot newer than a failure does")
def snapshot_recovers(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.invoice_failed(at=100),
                 buyer.updated(at=150))
    has(desk.subscription_of(buyer), status="active")


@suite.each("an invoice that comes first makes a row that waits: {name}",
            ["paid", "payment_failed", "payment_succeeded"])
def invoice_first(desk, name):
    buyer = desk.buyer()
    desk.deliver(buyer.invoice_event(name, at=60))
    has(desk.subscription_of(buyer), status="incomplete",
        stripe_customer_id=buyer.customer)
    has(desk.account_of(buyer), tier="free")
    desk.deliver(buyer.updated(at=90))
    has(desk.subscription_of(buyer), status="active")
    has(desk.account_of(buyer), tier="paid")


@suite.case("an invoice of a stranger is unmatched, and kept")
def stranger(desk):
    buyer = stripe.Buyer()
    desk.deliver(buyer.invoice_paid(), answer="unmatched")
    has(desk.subscription_of(buyer), account_id=None)


@suite.case("the account is found by the subscription's metadata on it")
def by_metadata(desk):
    for api in SHAPES:
        buyer = desk.buyer(bound=False, api=api)
        desk.deliver(buyer.invoice_paid())
        has(desk.account_of(buyer), stripe_customer_id=buyer.customer)


@suite.each("an invoice without a subscription changes no subscription: {how}",
            [{"how": "old shape", "api": OLD, "fields": {}},
             {"how": "new shape", "api": NEW, "fields": {}},
             {"how": "of a quote", "api": NEW, "fields": {"parent": {
                 "type": "quote_details", "subscription_details": None,
                 "quote_details": {"quote": "qt_1"}}}}])
def one_off(desk, how, api, fields):
    buyer = desk.buyer(api=api)
    desk.deliver(buyer.created(status="past_due"))
    before = desk.subscription_of(buyer)
    desk.deliver(buyer.invoice_paid(subscription=None, **fields))
    same(desk.subscription_of(buyer), before)


@suite.each("the subscription of an invoice may be expanded: {api}", SHAPES)
def expanded_subscription(desk, api):
    buyer = desk.buyer(api=api)
    desk.deliver(buyer.created(), buyer.invoice_failed(
        subscription=expanded(buyer.subscription, "subscription"),
        customer=expanded(buyer.customer, "customer")))
    has(desk.subscription_of(buyer), status="past_due")


@suite.each("the subscription is read where it is, whatever the version"
            " says: {shape} labelled {label}",
            [{"shape": OLD, "label": NEW}, {"shape": NEW, "label": OLD}])
def by_presence(desk, shape, label):
    buyer = desk.buyer(api=shape)
    desk.deliver(buyer.created(), buyer.invoice_failed(
        envelope={"api_version": label}))
    has(desk.subscription_of(buyer), status="past_due")


# ----------------------------------------------- an object of its own

@suite.case("an older invoice that is paid changes nothing while the newest"
            " stands failed")
def older(desk):
    buyer = desk.buyer()
    desk.deliver(
        buyer.created(), buyer.invoice_failed(id="in_old", at=60,
                                              created=buyer.start + 50),
        buyer.invoice_failed(id="in_new", at=70, created=buyer.start + 65))
    desk.deliver(buyer.invoice_paid(id="in_old", at=80,
                                    created=buyer.start + 50))
    has(desk.subscription_of(buyer), status="past_due")
    desk.deliver(buyer.invoice_paid(id="in_new", at=90,
                                    created=buyer.start + 65))
    has(desk.subscription_of(buyer), status="active")


@suite.each("a failed {reason} invoice changes nothing by itself", [
    "manual", "subscription_update", "upcoming"])
def not_of_the_cycle(desk, reason):
    buyer = desk.buyer()
    desk.deliver(buyer.created(),
                 buyer.invoice_failed(billing_reason=reason))
    has(desk.subscription_of(buyer), status="active")


@suite.case("an invoice that the newest object does not name is an old one,"
            " unless that names one that is not of the cycle")
def shadowed(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.updated(
        at=60, latest_invoice="in_2"))
    desk.deliver(buyer.invoice_failed(id="in_1", at=70,
                                      created=buyer.start + 10),
                 answer="stale")
    has(desk.subscription_of(buyer), status="active")
    desk.deliver(buyer.invoice_paid(id="in_2", at=75, billing_reason="manual",
                                    created=buyer.start + 55))
    has(desk.subscription_of(buyer), status="past_due")


@suite.each("a failed invoice that is {name} is waited for no more",
            ["voided", "marked_uncollectible"])
def closed(desk, name):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.invoice_failed(id="in_" + name))
    has(desk.subscription_of(buyer), status="past_due")
    desk.deliver(buyer.invoice_event(name, at=80, id="in_" + name,
                                     status="void"))
    has(desk.subscription_of(buyer), status="active")


@suite.case("where the customer confirms a payment is kept with the invoice")
def action(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.invoice_event(
        "payment_action_required", id="in_ask",
        hosted_invoice_url="https://invoice.stripe.test/i/1"))
    same(desk.value("SELECT action_url FROM billing.invoices "
                    "WHERE invoice_id = 'in_ask'"),
         "https://invoice.stripe.test/i/1")
    has(desk.subscription_of(buyer), status="active")


suite.main()
