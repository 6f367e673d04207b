#!/usr/bin/python3 -B
"""Subscription events: what the row holds, and which tier follows."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, when
from harness.stripe import (DAY, MONTH, NEW, OLD, PRO_ANNUAL, PRO_MONTHLY,
                            SHAPES, TEAM_MONTHLY, YEAR, expanded, item)
from harness.tap import Suite, has, same

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


# ------------------------------------------------------------ what is kept

@suite.each("every field is stored from the shape of {api}", SHAPES)
def every_field(desk, api):
    buyer = desk.buyer(api=api)
    trial_end = buyer.start + 14 * DAY
    desk.deliver(buyer.created(status="trialing", quantity=5,
                               trial_end=trial_end,
                               trial_start=buyer.start))
    has(desk.subscription_of(buyer),
        account_id=desk.account_of(buyer)["id"],
        stripe_customer_id=buyer.customer, plan="pro", period="monthly",
        price_id=PRO_MONTHLY, status="trialing", seat_limit=5,
        current_period_start=when(buyer.start),
        current_period_end=when(buyer.end), trial_end=when(trial_end),
        cancel_at_period_end=False, last_event_at=when(buyer.start))
    has(desk.account_of(buyer), subscription_status="trialing", tier="paid",
        trial_end=when(trial_end), stripe_customer_id=buyer.customer)


@suite.each("an update replaces every field, in the shape of {api}", SHAPES)
def replaced(desk, api):
    buyer = desk.buyer(api=api)
    desk.deliver(
        buyer.created(status="trialing", trial_end=buyer.start + DAY),
        buyer.updated(at=90, price=PRO_ANNUAL, interval="year", quantity=2,
                      start=buyer.start + DAY, end=buyer.start + YEAR,
                      cancel_at_period_end=True))
    has(desk.subscription_of(buyer), status="active", period="annual",
        price_id=PRO_ANNUAL, seat_limit=2,
        current_period_start=when(buyer.start + DAY),
        current_period_end=when(buyer.start + YEAR), trial_end=None,
        cancel_at_period_end=True, last_event_at=when(buyer.start + 90))
    has(desk.account_of(buyer), subscription_status="active", trial_end=None)


@suite.each("{type} stores the snapshot that it carries", [
    {"type": "customer.subscription." + name, "make": make, "status": status}
    for name, make, status in [
        ("created", "created", "active"), ("updated", "updated", "active"),
        ("deleted", "deleted", "canceled"), ("paused", "paused", "paused"),
        ("resumed", "resumed", "active"),
        ("trial_will_end", "trial_will_end", "trialing")]])
def each_type(desk, type, make, status):
    buyer = desk.buyer()
    event = getattr(buyer, make)(quantity=4)
    same(event["type"], type)
    desk.deliver(event)
    has(desk.subscription_of(buyer), status=status, seat_limit=4,
        price_id=PRO_MONTHLY)


@suite.each("the period is read where it is, whatever the version: {where}", [
    {"where": "on the subscription of a new version", "label": NEW,
     "shape": OLD},
    {"where": "on the items of an old version", "label": OLD, "shape": NEW},
    {"where": "on the items of a version from 2016", "label": "2016-07-06",
     "shape": NEW},
    {"where": "without any version", "label": None, "shape": NEW},
])
def by_presence(desk, where, label, shape):
    buyer = desk.buyer(api=shape)
    desk.deliver(buyer.created(envelope={"api_version": label}))
    has(desk.subscription_of(buyer), current_period_end=when(buyer.end),
        current_period_start=when(buyer.start))


@suite.case("of several items the one that ends last ends the period")
def latest_item(desk):
    buyer = desk.buyer()
    ends = [buyer.start + MONTH, buyer.start + YEAR, buyer.start + DAY]
    desk.deliver(buyer.created(items=[
        item(PRO_MONTHLY, start=buyer.start, end=end) for end in ends]))
    has(desk.subscription_of(buyer),
        current_period_end=when(buyer.start + YEAR))


@suite.case("where both the items and the subscription have one, the items'")
def both_shapes_at_once(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(current_period_start=buyer.start - DAY,
                               current_period_end=buyer.end - DAY))
    has(desk.subscription_of(buyer), current_period_end=when(buyer.end))


@suite.each("scheduled cancellation: {how}", [
    {"how": "cancel_at_period_end", "set": True,
     "fields": lambda b: {"cancel_at_period_end": True}},
    {"how": "cancel_at alone (the portal, flexible billing)", "set": True,
     "fields": lambda b: {"cancel_at": b.end}},
    {"how": "both", "set": True, "fields": lambda b: {
        "cancel_at_period_end": True, "cancel_at": b.end}},
    {"how": "neither", "set": False, "fields": lambda b: {}},
])
def scheduled(desk, how, set, fields):
    for api in SHAPES:
        buyer = desk.buyer(api=api)
        desk.deliver(buyer.created(), buyer.updated(**fields(buyer)))
        has(desk.subscription_of(buyer), cancel_at_period_end=set,
            status="active")
        desk.deliver(buyer.updated(at=99))
        has(desk.subscription_of(buyer), cancel_at_period_end=False)
        has(desk.account_of(buyer), tier="paid")


@suite.each("plan and period of {what}: {plan}, {period}", [
    {"what": what, "price": price, "metadata": metadata, "plan": plan,
     "period": period} for what, price, metadata, plan, period in [
        ("a price in the catalog", TEAM_MONTHLY, {}, "team", "monthly"),
        ("the annual price", PRO_ANNUAL, {}, "pro", "annual"),
        ("metadata that says both", PRO_MONTHLY,
         {"plan": "team", "period": "annual"}, "pro", "monthly"),
        ("metadata that names the plan", PRO_ANNUAL, {"plan": "team"},
         "pro", "annual"),
        ("metadata with an unknown price", "price_of_nobody",
         {"plan": "team", "period": "annual"}, "team", "annual"),
        ("empty metadata values", TEAM_MONTHLY, {"plan": "", "period": ""},
         "team", "monthly"),
    ]])
def plan_and_period(desk, what, price, metadata, plan, period):
    buyer = desk.buyer()
    desk.deliver(buyer.created(price=price, metadata=metadata))
    has(desk.subscription_of(buyer), plan=plan, period=period,
        price_id=price)


@suite.case("a price outside the catalog is another product's: kept as plan"
            " 'unknown', and gives nothing")
def unknown_price(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(price="price_of_nobody"), answer="ignored")
    has(desk.subscription_of(buyer), plan="unknown",
        price_id="price_of_nobody", status="active", account_id=None)
    has(desk.account_of(buyer), tier="free")


@suite.case("an item with the old plan object and no price names the price")
def legacy_plan(desk):
    buyer = desk.buyer(api=OLD)
    line = item(TEAM_MONTHLY, api=OLD)
    del line["price"]
    desk.deliver(buyer.created(items=[line]))
    has(desk.subscription_of(buyer), plan="team", price_id=TEAM_MONTHLY)


@suite.each("the customer may be an expanded object, in the shape of {api}",
            SHAPES)
def expanded_customer(desk, api):
    buyer = desk.buyer(api=api)
    event = buyer.created(
        customer=expanded(buyer.customer, "customer", email=buyer.email),
        latest_invoice=expanded("in_expanded", "invoice"))
    desk.deliver(event)
    has(desk.subscription_of(buyer), stripe_customer_id=buyer.customer,
        account_id=desk.account_of(buyer)["id"])
    has(desk.ledger(event), stripe_customer_id=buyer.customer)


@suite.case("request may be a bare string, as very old versions have it")
def request_string(desk):
    buyer = desk.buyer(api=OLD)
    desk.deliver(buyer.created(envelope={"request": "req_bare"}))


@suite.case("pause_collection leaves the status as it is")
def pause_collection(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.updated(pause_collection={
        "behavior": "void", "resumes_at": None}))
    has(desk.subscription_of(buyer), status="active")


@suite.case("many events of one subscription make one row")
def one_row(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.checkout(), buyer.invoice_paid(),
                 *[buyer.updated(at=60 + i) for i in range(5)])
    same(desk.value("SELECT count(*) FROM billing.subscriptions "
                    "WHERE stripe_customer_id = %s", buyer.customer), 1)


# ------------------------------------------------------------ what it gives

@suite.each("a first event with status {status} makes a free account {tier}",
            [{"status": s, "tier": t} for s, t in [
                ("trialing", "paid"), ("active", "paid"),
                ("incomplete", "free"), ("past_due", "free"),
                ("unpaid", "free"), ("paused", "free"),
                ("incomplete_expired", "free"), ("canceled", "free")]])
def first_status(desk, status, tier):
    buyer = desk.buyer()
    desk.deliver(buyer.created(status=status))
    has(desk.subscription_of(buyer), status=status)
    has(desk.account_of(buyer), subscription_status=status, tier=tier)


@suite.each("from {before} to {status} a paid account is {tier}", [
    {"before": before, "status": status, "tier": tier}
    for before in ("active", "trialing") for status, tier in [
        ("active", "paid"), ("trialing", "paid"), ("past_due", "paid"),
        ("unpaid", "paid"), ("paused", "paid"), ("canceled", "free"),
        ("incomplete_expired", "free")] if before != status])
def from_paid(desk, before, status, tier):
    buyer = desk.buyer()
    desk.deliver(buyer.created(status=before), buyer.updated(status=status))
    has(desk.subscription_of(buyer), status=status)
    has(desk.account_of(buyer), subscription_status=status, tier=tier)


@suite.case("a status that this version does not know is stored and gives"
            " nothing")
def status_of_tomorrow(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(status="hibernating"))
    has(desk.subscription_of(buyer), status="hibernating")
    has(desk.account_of(buyer), tier="free")


@suite.each("{status} takes nothing from whoever was made paid by hand",
            ["incomplete", "past_due", "unpaid", "paused"])
def holds(desk, status):
    buyer = desk.buyer()
    desk.sql("UPDATE billing.accounts SET tier = 'paid' "
             "WHERE external_id = %s", buyer.account)
    desk.deliver(buyer.created(status=status))
    has(desk.account_of(buyer), tier="paid")


@suite.each("deletion leaves the tier while another subscription is {other}",
            ["active", "trialing", "past_due"])
def another_remains(desk, other):
    buyer = desk.buyer()
    second = stripe.Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(buyer.created(), second.created())
    if other != "active":
        desk.deliver(second.updated(status=other))
    desk.deliver(buyer.deleted())
    has(desk.account_of(buyer), tier="paid", subscription_status=other)
    desk.deliver(second.deleted())
    has(desk.account_of(buyer), tier="free", subscription_status="canceled")


@suite.each("deletion is final although another subscription is {other}",
            ["incomplete", "canceled", "incomplete_expired"])
def none_remains(desk, other):
    buyer = desk.buyer()
    second = stripe.Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(buyer.created(), second.created(status=other),
                 buyer.deleted())
    has(desk.account_of(buyer), tier="free")


@suite.case("the mirror shows the subscription that gives access, not the"
            " last event")
def mirror(desk):
    buyer = desk.buyer()
    second = stripe.Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(buyer.created(), second.created(status="incomplete"))
    has(desk.account_of(buyer), subscription_status="active", tier="paid")


@suite.case("whoever comes back with a new subscription is paid again")
def comes_back(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.deleted())
    again = stripe.Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(again.created(at=7200))
    has(desk.account_of(buyer), tier="paid", subscription_status="active")
    has(desk.subscription_of(buyer), status="canceled")


@suite.case("the end of a pause gives the status back")
def pause_and_resume(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(status="trialing"), buyer.paused(at=60))
    has(desk.account_of(buyer), subscription_status="paused")
    desk.deliver(buyer.resumed(at=120))
    has(desk.account_of(buyer), subscription_status="active", tier="paid")


suite.main()
