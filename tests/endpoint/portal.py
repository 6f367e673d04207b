#!/usr/bin/python3 -B
"""POST /portal: every reply of the table, and what Stripe is asked."""

import os
import sys
from urllib.parse import parse_qsl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.customers import PORTAL, SITE, Shop, no_such_customer, refused
from harness.desk import API_KEY
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(programs=["portal", "fake-stripe"]))


def buyer(desk, **columns):
    return desk.customer(stripe_customer_id=stripe.new_id("cus"), **columns)


def asked_by(desk, customer):
    """The last form that Stripe got for the customer, and its headers."""
    id = customer.row()["stripe_customer_id"]
    requests = [r for r in desk.asked(PORTAL) if "=" + id in r["body"]]
    true(requests, "Stripe was not asked")
    return (dict(parse_qsl(requests[-1]["body"], strict_parsing=True)),
            {k.lower(): v for k, v in requests[-1]["headers"].items()})


@suite.case("the reply is Stripe's URL; the whole request, field by field")
def opened(desk):
    customer = buyer(desk)
    reply = customer.portal()
    same(reply.status, 200, repr(reply.body))
    same(list(reply.json), ["url"])
    true(reply.json["url"].startswith(desk.stripe.url + "/p/session/bps_"),
         reply.json["url"])
    form, headers = asked_by(desk, customer)
    same(form, {"customer": customer.row()["stripe_customer_id"],
                "return_url": SITE + "/settings"})
    has(headers, **{
        "authorization": "Bearer " + API_KEY,
        "stripe-version": "2026-10-28.endive",
        "content-type": "application/x-www-form-urlencoded"})
    true(headers["idempotency-key"].startswith("paydesk_"), "the key")


@suite.case("every session has an idempotency key of its own")
def own_key(desk):
    customer = buyer(desk)
    keys = set()
    for _ in range(3):
        same(customer.portal().status, 200)
        keys.add(asked_by(desk, customer)[1]["idempotency-key"])
    same(len(keys), 3)


@suite.case("a caller with a token may leave the body out")
def no_body(desk):
    same(buyer(desk).request("POST", "/portal").status, 200)


@suite.case("locale and return URL of the caller's choice")
def choices(desk):
    customer = buyer(desk)
    same(customer.portal(locale="de", return_url=SITE + "/team").status, 200)
    has(asked_by(desk, customer)[0], locale="de", return_url=SITE + "/team")


@suite.each("locale {locale} is {word} in the portal", [
    {"locale": "en-US", "word": "en"}, {"locale": "de-AT", "word": "de"},
    {"locale": "zh-CN", "word": "zh"}, {"locale": "no", "word": "nb"},
    {"locale": "en-AU", "word": "en-AU"}, {"locale": "hi-IN", "word": None}])
def locales(desk, locale, word):
    customer = buyer(desk)
    same(customer.portal(locale=locale).status, 200)
    same(asked_by(desk, customer)[0].get("locale"), word)


@suite.each("flow {flow} needs no subscription",
            ["payment_method_update", "customer_update"])
def no_subscription_needed(desk, flow):
    customer = buyer(desk)
    same(customer.portal(flow=flow).status, 200)
    has(asked_by(desk, customer)[0], **{"flow_data[type]": flow})


FLOWS = ["subscription_cancel", "subscription_update", "subscription_pause"]


def subscribed(desk, customer, **columns):
    """A subscription of the account's own customer."""
    return customer.subscribe(
        stripe_customer_id=customer.row()["stripe_customer_id"],
        **columns)["stripe_subscription_id"]


@suite.each("flow {flow} names the subscription that gives access", FLOWS)
def flows(desk, flow):
    customer = buyer(desk)
    id = subscribed(desk, customer)
    for columns in ({"status": "canceled"}, {"status": "incomplete_expired"},
                    {"status": "incomplete"}, {"sold": False}):
        subscribed(desk, customer, **columns)
    same(customer.portal(flow=flow).status, 200)
    has(asked_by(desk, customer)[0], **{
        "flow_data[type]": flow, "flow_data[%s][subscription]" % flow: id})
    same(desk.asked("/v1/subscriptions", "GET"), [], "questions")


@suite.each("flow subscription_cancel: {status} could give access again",
            ["past_due", "unpaid", "paused"])
def could(desk, status):
    customer = buyer(desk)
    id = subscribed(desk, customer, status=status)
    same(customer.portal(flow="subscription_cancel").status, 200)
    has(asked_by(desk, customer)[0],
        **{"flow_data[subscription_cancel][subscription]": id})


@suite.each("409 no_subscription for flow {flow}", FLOWS)
def no_subscription(desk, flow):
    customer = buyer(desk)
    for status in ("canceled", "incomplete", "incomplete_expired"):
        subscribed(desk, customer, status=status)
    customer.subscribe(stripe_customer_id=stripe.new_id("cus"))
    refused(customer.portal(flow=flow), 409, "no_subscription")


@suite.case("customer-gone: 404 no_stripe_customer, and the account is marked")
def customer_gone(desk):
    desk.expect_log("level=warn")
    customer = buyer(desk)
    id = customer.row()["stripe_customer_id"]
    desk.stripe.next("POST " + PORTAL, no_such_customer(id))
    for _ in range(2):
        refused(customer.portal(), 404, "no_stripe_customer")
    true(customer.row()["customer_gone_at"] is not None, "no mark")
    same(customer.row()["stripe_customer_id"], id)


@suite.case("wrong-key: a customer that the other mode has is 502, and not"
            " marked")
def wrong_mode(desk):
    desk.expect_log("level=warn")
    customer = buyer(desk)
    desk.stripe.next("POST " + PORTAL, no_such_customer(
        customer.row()["stripe_customer_id"], similar=True))
    refused(customer.portal(), 502, "stripe_error")
    same(customer.row()["customer_gone_at"], None)


@suite.each("400 invalid_flow: {flow}", [
    "", "cancel", 1, "subscription_update_confirm"])
def invalid_flow(desk, flow):
    refused(buyer(desk).portal(flow=flow), 400, "invalid_flow")


@suite.each("400 invalid_return_url: {url}", [
    "https://evil.example/", SITE + ".evil.example", "", 1])
def invalid_return_url(desk, url):
    refused(buyer(desk).portal(return_url=url), 400, "invalid_return_url")


@suite.each("400 invalid_locale: {locale}", ["", "german", 1])
def invalid_locale(desk, locale):
    refused(buyer(desk).portal(locale=locale), 400, "invalid_locale")


@suite.case("400 admin_has_no_portal")
def admin(desk):
    refused(desk.stranger(role="admin").portal(), 400, "admin_has_no_portal")


@suite.case("an administrator who has bought has a portal like anybody")
def admin_who_bought(desk):
    customer = buyer(desk)
    customer.role = "admin"
    same(customer.portal().status, 200)


@suite.case("401 unauthorized without a token")
def unauthorized(desk):
    refused(buyer(desk).portal({"Authorization": None}), 401, "unauthorized")


@suite.case("404 user_not_found")
def user_not_found(desk):
    refused(desk.stranger().portal(), 404, "user_not_found")


@suite.case("404 no_stripe_customer before the first purchase")
def no_customer(desk):
    refused(desk.customer().portal(), 404, "no_stripe_customer")
    refused(desk.stranger("new@example.com").portal(), 404,
            "no_stripe_customer")


@suite.case("405 and 415")
def method_and_type(desk):
    same(buyer(desk).request("GET", "/portal").headers["allow"], "POST")
    refused(buyer(desk).portal({"Content-Type": "text/plain"}), 415,
            "unsupported_media_type")


suite.main()
