#!/usr/bin/python3 -B
"""A catalog that is applied takes effect with the next request of every program,
and before the first one they serve."""

import os
import sys
from urllib.parse import parse_qsl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.customers import CHECKOUT, PORTAL, Shop, refused
from harness.stripe import Buyer
from harness.tap import Suite, has, same, true

CATALOG = stripe.CATALOG
WWW = "https://www.example.com/"
PRICES = {
    "default_plan": "pro", "plans": {"pro": {
        "monthly": {"price": "price_by_use"},
        "prices": [{"price": "price_week", "period": "weekly"},
                   {"price": "price_life", "period": "once"}]},
        "team": {"annual": {"price": "price_team_annual"}}},
    "checkout": {"payment_method": "always", "extra": {
        "consent_collection[terms_of_service]": "required",
        "subscription_data[description]": "Pro",
        "payment_intent_data[statement_descriptor]": "PRO"}}}

suite = Suite(lambda: Shop(programs=[
    "account", "checkout", "portal", "fake-stripe", "stripe-webhook"]))


def last_form(desk, path=CHECKOUT):
    return dict(parse_qsl(desk.asked(path)[-1]["body"], strict_parsing=True))


def order(desk, customer=None, **wish):
    """What Stripe was told of an order."""
    reply = (customer or desk.customer()).checkout(**wish)
    same(reply.status, 200, reply)
    return last_form(desk)


@suite.case("before any catalog every price counts, and checkout says what to type")
def before_any(desk):
    with desk.selling(None):
        buyer = desk.buyer()
        desk.deliver(buyer.created(price="price_of_anybody"))
        same(desk.value("SELECT access FROM billing.access WHERE external_id "
                        "= %s", buyer.account), True)
        reply = desk.customer().checkout()
        refused(reply, 503, "not_configured")
        true("paydesk catalog apply FILE" in reply.json["detail"], reply.json)
        customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
        same(customer.portal().status, 200)
    same(desk.customer().checkout().status, 200)


@suite.case("all workers go by a new catalog at once, without a reload")
def at_once(desk):
    pids = desk.worker_pids("checkout") + desk.worker_pids("portal")
    for locale in ("de", "fr", "es"):
        desk.apply({**CATALOG, "checkout": {"locale": locale}})
        for _ in range(2 * desk.workers):
            same(order(desk)["locale"], locale)
            same(desk.customer(stripe_customer_id=stripe.new_id("cus")
                               ).portal().status, 200)
            same(last_form(desk, PORTAL)["locale"], locale)
    same(desk.worker_pids("checkout") + desk.worker_pids("portal"), pids)
    desk.apply(CATALOG)


@suite.each("{wish} is answered {status} {code}", [
    {"wish": {"cadence": "fortnightly"}, "status": 400,
     "code": "invalid_cadence"},
    {"wish": {"cadence": "monthly", "plan": "gold"}, "status": 400,
     "code": "unknown_plan"},
    {"wish": {"cadence": "monthly", "plan": "team"}, "status": 503,
     "code": "not_configured"},
    {"wish": {"cadence": "once", "plan": "team"}, "status": 503,
     "code": "not_configured"}])
def not_sold(desk, wish, status, code):
    with desk.selling(PRICES):
        refused(desk.customer().checkout(**wish), status, code)


@suite.case("another period of the catalog is sold by its name")
def weekly(desk):
    with desk.selling(PRICES):
        has(order(desk, cadence="weekly"), **{
            "line_items[0][price]": "price_week", "mode": "subscription",
            "line_items[0][quantity]": "1",
            "subscription_data[metadata][period]": "weekly"})


@suite.case("a metered price is ordered without a quantity; Stripe is asked once")
def metered(desk):
    with desk.selling(PRICES):
        desk.stripe.put({
            "id": "price_by_use", "object": "price", "active": True,
            "recurring": {"interval": "month", "usage_type": "metered"}})
        for _ in range(2 * desk.workers):
            form = order(desk)
            same(form["line_items[0][price]"], "price_by_use")
            true("line_items[0][quantity]" not in form, form)
        same(len(desk.asked("/v1/prices/price_by_use", "GET")), 1)


@suite.case("a price that Stripe does not tell of is ordered with a quantity")
def unknown_usage(desk):
    with desk.selling(PRICES):
        desk.stripe.put({"id": "price_by_use", "object": "deleted"})
        same(order(desk, quantity=2)["line_items[0][quantity]"], "2")


@suite.case("what is paid once is a payment with a receipt, for subscribers too")
def once(desk):
    with desk.selling(PRICES):
        customer = desk.customer()
        customer.subscribe()
        form = order(desk, customer, cadence="once")
    has(form, **{
        "mode": "payment", "invoice_creation[enabled]": "true",
        "customer_creation": "always", "metadata[account]": customer.id,
        "payment_intent_data[metadata][account]": customer.id,
        "payment_intent_data[metadata][plan]": "pro"})
    same([name for name in form if name.startswith("subscription_data")
          or name == "payment_method_collection"], [])


@suite.case("the catalog's own parameters go to Stripe, each where it belongs")
def extra(desk):
    with desk.selling(PRICES):
        form = order(desk)
        has(form, **{"consent_collection[terms_of_service]": "required",
                     "subscription_data[description]": "Pro"})
        true("payment_intent_data[statement_descriptor]" not in form, form)
        form = order(desk, cadence="once")
        has(form, **{"consent_collection[terms_of_service]": "required",
                     "payment_intent_data[statement_descriptor]": "PRO"})
        true("subscription_data[description]" not in form, form)


@suite.case("what came by a payment link's claim alone blocks no checkout, until it is"
            " proven")
def claimed(desk):
    customer = desk.customer()
    buyer = Buyer(customer.id, customer=stripe.new_id("cus"))
    desk.deliver(buyer.created())
    desk.sql("UPDATE billing.subscriptions SET ref_claimed = true "
             "WHERE stripe_subscription_id = %s", buyer.subscription)
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = NULL "
             "WHERE external_id = %s", customer.id)
    same(customer.checkout().status, 200)
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = %s "
             "WHERE external_id = %s", buyer.customer, customer.id)
    refused(customer.checkout(), 409, "already_subscribed")


suite.main()
