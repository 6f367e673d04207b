#!/usr/bin/python3 -B
"""Checkout sessions: who bought, what Stripe is asked, what waits for money."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import API_KEY, Desk, when
from harness.stripe import PRO_ANNUAL, SHAPES, TEAM_MONTHLY, YEAR, expanded
from harness.tap import Suite, has, same, true

API_VERSION = "2026-10-28.endive"

suite = Suite(lambda: Desk(programs=["stripe-webhook", "fake-stripe"]))


def asked_about(desk, buyer):
    """The requests that Stripe got for the buyer's subscription."""
    return [r for r in desk.stripe.requests()
            if r["path"].split("?")[0]
            == "/v1/subscriptions/" + buyer.subscription]


# ------------------------------------------------------------- who and what

@suite.case("a paid session binds the customer and makes the account paid")
def paid(desk):
    buyer = desk.buyer(bound=False)
    event = buyer.checkout()
    desk.deliver(event)
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="paid")
    has(desk.subscription_of(buyer), stripe_customer_id=buyer.customer,
        account_id=desk.account_of(buyer)["id"])
    has(desk.ledger(event), stripe_customer_id=buyer.customer,
        stripe_subscription_id=buyer.subscription)


@suite.each("the subscription is fetched and fills the row, shape of {api}",
            SHAPES)
def fetched(desk, api):
    buyer = desk.buyer(bound=False, api=api)
    desk.stripe.put(buyer.snapshot(
        price=PRO_ANNUAL, interval="year", quantity=3, status="trialing",
        trial_end=buyer.start + 14 * stripe.DAY, end=buyer.start + YEAR))
    desk.deliver(buyer.checkout())
    has(desk.subscription_of(buyer), plan="pro", period="annual",
        price_id=PRO_ANNUAL, seat_limit=3, status="trialing",
        trial_end=when(buyer.start + 14 * stripe.DAY),
        current_period_end=when(buyer.start + YEAR))


@suite.case("Stripe is asked once, with the key and the pinned version")
def request_to_stripe(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot())
    desk.deliver(buyer.checkout())
    requests = asked_about(desk, buyer)
    same(len(requests), 1, "requests")
    headers = {k.lower(): v for k, v in requests[0]["headers"].items()}
    has(headers, **{"authorization": "Bearer " + API_KEY,
                    "stripe-version": API_VERSION})
    true("idempotency-key" not in headers, "a GET has no idempotency key")
    same((requests[0]["method"], requests[0]["body"]), ("GET", ""))


@suite.case("Stripe is not asked about a subscription that the row holds")
def not_asked(desk):
    buyer = desk.buyer(bound=False)
    desk.deliver(buyer.created(), buyer.checkout(at=1))
    same(asked_about(desk, buyer), [])


@suite.case("Stripe is not asked again for a duplicate")
def duplicate_not_asked(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot())
    event = buyer.checkout()
    desk.deliver(event)
    desk.deliver(event, answer="duplicate")
    same(len(asked_about(desk, buyer)), 1, "questions")


@suite.each("when Stripe answers {how} it goes on without", [
    {"how": how, "answer": answer} for how, answer in [
        ("404", None),
        ("500", {"status": 500}),
        ("401", {"status": 401}),
        ("429", {"status": 429}),
        ("a body that is not JSON", {"status": 200, "body": "<html>"}),
        ("a JSON string", {"status": 200, "body": '"sub"'}),
        ("null", {"status": 200, "body": "null"}),
        ("an error with status 200",
         {"status": 200, "body": '{"error": {"type": "api_error"}}'}),
        ("another subscription",
         {"status": 200, "body": '{"id": "sub_other", "object": '
          '"subscription", "status": "canceled", "customer": "cus_x"}'}),
        ("half a body", {"status": 200, "cut": True,
                         "body": '{"id": "sub_1", "object": "x"}'}),
        ("a redirect", {"status": 302, "body": "",
                        "headers": {"Location": "http://127.0.0.1:1/"}}),
        ("10 MB", {"status": 200, "body": " " * 10_000_000}),
    ]])
def without_stripe(desk, how, answer):
    desk.expect_log("level=warn")
    buyer = desk.buyer(bound=False)
    if answer:
        desk.stripe.next("GET /v1/subscriptions/" + buyer.subscription,
                         answer)
    desk.deliver(buyer.checkout(metadata={"account": buyer.account,
                                          "plan": "team",
                                          "period": "annual"}))
    true(asked_about(desk, buyer), "Stripe was not asked")
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="paid")
    has(desk.subscription_of(buyer), plan="team", period="annual")
    desk.deliver(buyer.updated(at=5, price=TEAM_MONTHLY, quantity=9))
    has(desk.subscription_of(buyer), plan="team", seat_limit=9,
        price_id=TEAM_MONTHLY, current_period_end=when(buyer.end),
        status="active")


@suite.case("ids in a session may be expanded objects")
def expanded_ids(desk):
    buyer = desk.buyer(bound=False)
    desk.deliver(buyer.checkout(
        customer=expanded(buyer.customer, "customer"),
        subscription=expanded(buyer.subscription, "subscription")))
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer)
    has(desk.subscription_of(buyer), stripe_customer_id=buyer.customer)


@suite.each("a session in {mode} mode is ignored and binds nobody",
            ["payment", "setup"])
def other_modes(desk, mode):
    buyer = desk.buyer(bound=False)
    desk.deliver(buyer.checkout(mode=mode, subscription=None),
                 answer="ignored")
    has(desk.account_of(buyer), stripe_customer_id=None, tier="free")
    same(desk.value("SELECT count(*) FROM billing.subscriptions WHERE "
                    "stripe_customer_id = %s", buyer.customer), 0)


# ---------------------------------------------------------- waiting for money

def waiting(desk, *events):
    """A buyer whose session is complete and unpaid, after the EVENTS."""
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(status="active"))
    session = buyer.checkout(payment_status="unpaid")
    desk.deliver(*[make(buyer) if make else session for make in events],
                 answer=None)
    return buyer


SESSION = None
UNPAID_STORIES = {
    "alone": [SESSION],
    "before the subscription says active": [
        SESSION, lambda b: b.created(at=0)],
    "after the subscription said active": [
        lambda b: b.created(at=0), SESSION],
    "with an update to active later": [
        SESSION, lambda b: b.created(status="incomplete"),
        lambda b: b.updated(at=200)],
}


@suite.each("an unpaid session grants nothing: {story}", UNPAID_STORIES)
def unpaid(desk, story):
    buyer = waiting(desk, *UNPAID_STORIES[story])
    has(desk.subscription_of(buyer), status="incomplete")
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="free", subscription_status="incomplete")


@suite.each("async_payment_succeeded grants it: {story}", UNPAID_STORIES)
def money_came(desk, story):
    buyer = waiting(desk, *UNPAID_STORIES[story])
    desk.deliver(buyer.payment_arrived(at=400))
    has(desk.subscription_of(buyer), status="active")
    has(desk.account_of(buyer), tier="paid")


@suite.each("invoice.paid grants it too: {story}", UNPAID_STORIES)
def invoice_came(desk, story):
    buyer = waiting(desk, *UNPAID_STORIES[story])
    desk.deliver(buyer.invoice_paid(at=400))
    has(desk.account_of(buyer), tier="paid")


@suite.case("async_payment_failed is recorded and grants nothing")
def money_did_not_come(desk):
    buyer = waiting(desk, SESSION, lambda b: b.created(at=0))
    event = buyer.payment_bounced()
    desk.deliver(event)
    has(desk.ledger(event), outcome="applied")
    has(desk.subscription_of(buyer), status="incomplete")
    has(desk.account_of(buyer), tier="free")


@suite.case("the money may arrive before the session's completion")
def money_first(desk):
    buyer = desk.buyer(bound=False)
    desk.deliver(buyer.payment_arrived(at=300),
                 buyer.checkout(payment_status="unpaid"),
                 buyer.created(at=0))
    has(desk.subscription_of(buyer), status="active")
    has(desk.account_of(buyer), tier="paid")


@suite.case("nothing to pay (a trial, 100 % off) is as good as paid")
def nothing_to_pay(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(status="trialing"))
    desk.deliver(buyer.checkout(payment_status="no_payment_required"))
    has(desk.subscription_of(buyer), status="trialing")
    has(desk.account_of(buyer), tier="paid")


@suite.case("an expired session is recorded and changes nothing")
def expired(desk):
    buyer = desk.buyer()
    event = buyer.checkout_event("expired", at=900, subscription=None,
                                 status="expired", payment_status="unpaid")
    before = desk.account_of(buyer)
    desk.deliver(event)
    has(desk.ledger(event), outcome="applied")
    same(desk.account_of(buyer), before)


@suite.case("an expired session does not touch a subscription either")
def expired_with_subscription(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    before = desk.subscription_of(buyer)
    desk.deliver(buyer.checkout_event("expired", at=900, status="expired",
                                      payment_status="unpaid"))
    same(desk.subscription_of(buyer), before)
    has(desk.account_of(buyer), tier="paid")


suite.main()
