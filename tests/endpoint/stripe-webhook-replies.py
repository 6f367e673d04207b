#!/usr/bin/python3 -B
"""POST /webhooks/stripe: every row of the reply table."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import ANSWERS, SECRET, WEBHOOK, Desk
from harness.tap import Suite, has, same, true
from harness.worker import Worker

KIB = 1024
WEBHOOK_MAX = 256 * KIB

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


def is_error(reply, status, code=None):
    """The shape that every error has."""
    same(reply.status, status, "status of %r" % reply.body[:200])
    same(reply.headers["content-type"].split(";")[0], "application/json")
    same(sorted(reply.json), ["detail", "error"])
    true(isinstance(reply.json["detail"], str) and reply.json["detail"],
         "the detail is empty")
    if code:
        same(reply.json["error"], code)


def padded(event, size):
    """The bytes of an event with a field that makes them SIZE long."""
    event = {**event, "padding": ""}
    event["padding"] = "x" * (size - len(stripe.encode(event)))
    body = stripe.encode(event)
    same(len(body), size)
    return body


# ------------------------------------------------------- the table, by row

@suite.case("a new event about a known customer is applied, in these words")
def applied(desk):
    reply = desk.post_event(desk.buyer().created())
    same(reply.status, 200)
    same(reply.json, ANSWERS["applied"])
    same(reply.headers["content-type"].split(";")[0], "application/json")


@suite.case("the same event again is a duplicate, in these words")
def duplicate(desk):
    event = desk.buyer().created()
    desk.deliver(event)
    reply = desk.post_event(event)
    same(reply.status, 200)
    same(reply.json, ANSWERS["duplicate"])


@suite.case("an event id decides: other content under it changes nothing")
def same_id_other_content(desk):
    buyer = desk.buyer()
    event = buyer.created()
    desk.deliver(event)
    forged = buyer.updated(at=500, status="past_due")
    forged["id"] = event["id"]
    desk.deliver(forged, answer="duplicate")
    same(desk.subscription_of(buyer)["status"], "active")


@suite.each("{type} is ignored and recorded, in these words", [
    "invoice.created", "payment_intent.succeeded", "invoice.upcoming",
    "customer.subscription.custom", "price.updated",
    "something.that.does.not.exist.yet"])
def ignored(desk, type):
    event = stripe.event(type, {"object": "whatever"})
    reply = desk.post_event(event)
    same(reply.status, 200)
    same(reply.json, ANSWERS["ignored"])
    has(desk.ledger(event), type=type, outcome="ignored", error=None)
    true(desk.ledger(event)["processed_at"], "it is not marked processed")
    desk.deliver(event, answer="duplicate")


@suite.case("an event older than the row is stale: recorded, row untouched")
def stale(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=100, quantity=7))
    before = desk.subscription_of(buyer)
    late = buyer.updated(at=50, quantity=3)
    desk.deliver(late, answer="stale")
    same(desk.subscription_of(buyer), before)
    has(desk.ledger(late), outcome="stale", error=None)
    true(desk.ledger(late)["processed_at"], "it is not marked processed")


@suite.case("an event of nobody is unmatched: recorded, row kept for later")
def unmatched(desk):
    stranger = stripe.Buyer()
    event = stranger.created()
    desk.deliver(event, answer="unmatched")
    has(desk.subscription_of(stranger), account_id=None, status="active",
        stripe_customer_id=stranger.customer)
    has(desk.ledger(event), outcome="unmatched", error=None,
        stripe_subscription_id=stranger.subscription)
    true(desk.ledger(event)["processed_at"], "it is not marked processed")


@suite.case("an event that cannot be applied is a handler_error: rolled back,"
            " recorded with its reason, open for a resend")
def handler_error(desk):
    buyer = desk.buyer()
    event = buyer.created()
    with desk.failing("23514"):
        desk.deliver(event, answer="handler_error")
        same(desk.subscription_of(buyer), None)
        same(desk.account_of(buyer)["tier"], "free")
        has(desk.ledger(event), processed_at=None, outcome="handler_error",
            stripe_customer_id=buyer.customer)
        true("injected fault" in desk.ledger(event)["error"],
             "the reason is not on the ledger row")
        has(desk.failures(event)[0], source="stripe", sqlstate="23514",
            type=event["type"])
        desk.deliver(event, answer="handler_error")
        same(len(desk.failures(event)), 2, "failures recorded")
    desk.deliver(event)
    has(desk.ledger(event), outcome="applied", error=None, deliveries=3)
    same(desk.subscription_of(buyer)["status"], "active")
    desk.deliver(event, answer="duplicate")


# ------------------------------------------- whose fault a database error is

@suite.each("SQLSTATE {sqlstate} is the event's fault: handler_error", [
    "22003", "22012", "22P02", "23502", "23505", "23514", "P0001"])
def fault_of_the_event(desk, sqlstate):
    buyer = desk.buyer()
    event = buyer.created()
    with desk.failing(sqlstate):
        desk.deliver(event, answer="handler_error")
    same([f["sqlstate"] for f in desk.failures(event)], [sqlstate])
    same(desk.subscription_of(buyer), None)


@suite.each("SQLSTATE {sqlstate} is our trouble: 503, Retry-After, no ledger"
            " row, noted as a failure, and the resend is applied", [
    "40001", "40P01", "42501", "42P01", "53100", "53200", "55P03", "57014",
    "57P01", "58030", "XX000"])
def trouble_of_ours(desk, sqlstate):
    buyer = desk.buyer()
    event = buyer.created()
    with desk.failing(sqlstate), \
            desk.nothing_stored(but=("webhook_failures",)):
        reply = desk.post_event(event)
        is_error(reply, 503)
        true(int(reply.headers["retry-after"]) > 0, "no Retry-After")
    same([f["sqlstate"] for f in desk.failures(event)], [sqlstate])
    desk.deliver(event)
    has(desk.ledger(event), deliveries=1, outcome="applied")


@suite.each("a {sqlstate} that passes is retried, and nobody notices",
            ["40001", "40P01"])
def retried(desk, sqlstate):
    buyer = desk.buyer()
    event = buyer.created()
    with desk.failing(sqlstate, times=1) as attempts:
        desk.deliver(event)
        same(attempts() > 1, True, "tried again")
    has(desk.ledger(event), deliveries=1, outcome="applied")
    same(desk.failures(event), [])


@suite.case("with the database down it is 503 with Retry-After, and the"
            " resend after its return is applied")
def database_down(desk):
    desk.expect_log("level=error", "FATAL:")
    buyer = desk.buyer()
    event = buyer.created()
    desk.stop_postgres()
    try:
        for _ in range(4):
            reply = desk.post_event(event)
            is_error(reply, 503)
            true(int(reply.headers["retry-after"]) > 0, "no Retry-After")
    finally:
        desk.start_postgres()
    same(desk.ledger(event), None)
    desk.deliver(event)


# ------------------------------------------------------- before the handler

@suite.each("a signed {what} is 400 invalid_payload and leaves no trace", [
    {"what": what, "body": body} for what, body in [
        ("sentence", b"I am not JSON; 123]["),
        ("truncated object", b'{"id": "evt_1", "object": "event"'),
        ("object with more after it", b'{"id": "evt_1"} {}'),
        ("empty body", b""),
        ("blank", b" \n"),
        ("empty object", b"{}"),
        ("array", b'[{"id": "evt_1"}]'),
        ("string", b'"evt_1"'),
        ("number", b"1"),
        ("null", b"null"),
        ("event without an id", b'{"object": "event", "type": "x"}'),
        ("event with an empty id", b'{"id": "", "object": "event"}'),
        ("event with id null", b'{"id": null, "object": "event"}'),
        ("event with a number for an id", b'{"id": 5, "object": "event"}'),
        ("event with an object for an id", b'{"id": {"id": "evt_1"}}'),
    ]])
def invalid_payload(desk, what, body):
    with desk.nothing_stored():
        is_error(desk.post_event(body), 400, "invalid_payload")


@suite.case("an unsigned event is 400 invalid_signature and leaves no trace")
def unsigned(desk):
    body = stripe.encode(desk.buyer().created())
    with desk.nothing_stored():
        is_error(desk.request("POST", WEBHOOK, body), 400,
                 "invalid_signature")


@suite.case("a signature is asked for before the body is read as JSON")
def signature_first(desk):
    reply = desk.request("POST", WEBHOOK, b"} not JSON", {
        "Stripe-Signature": stripe.sign(b"other", SECRET)})
    is_error(reply, 400, "invalid_signature")


@suite.each("{method} is 405 and names POST",
            ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def wrong_method(desk, method):
    reply = desk.request(method, WEBHOOK)
    same(reply.status, 405)
    same(reply.headers["allow"], "POST")
    if method != "HEAD":
        is_error(reply, 405)


@suite.each("the path {path} is 404", [
    "/webhooks", "/webhooks/", "/webhooks/stripes", "/webhooks/stripe/x",
    "/nowhere", "/webhooks/stripe.php"])
def unknown_path(desk, path):
    is_error(desk.request("POST", path, b"{}"), 404)


@suite.case("a body of exactly 256 KiB is accepted")
def largest(desk):
    reply = desk.post_event(padded(desk.buyer().created(), WEBHOOK_MAX))
    same((reply.status, reply.json), (200, ANSWERS["applied"]))


@suite.each("a body of {size} bytes is 413 and leaves no trace",
            [WEBHOOK_MAX + 1, 4 * 1024 * KIB])
def too_large(desk, size):
    desk.expect_log("client intended to send too large body")
    event = desk.buyer().created()
    with desk.nothing_stored():
        is_error(desk.post_event(padded(event, size)), 413)


@suite.each("without a webhook secret ({how}) it is 503 not_configured", [
    {"how": "not set", "secret": None}, {"how": "set to nothing",
                                         "secret": ""}])
def not_configured(desk, how, secret):
    event = desk.buyer().created()
    body = stripe.encode(event)
    environment = desk.command_environment({"STRIPE_WEBHOOK_SECRET": secret})
    with Worker(desk.program(), environment) as worker:
        for key in (SECRET, "", "whsec_"):
            reply = worker.request("POST", WEBHOOK, body, {
                "Stripe-Signature": stripe.sign(body, key)})
            is_error(reply, 503, "not_configured")
    same(desk.ledger(event), None)


# ------------------------------------------------------------- what is not

@suite.case("cookies, origin and content type have no say in it")
def signature_is_the_authority(desk):
    for headers in ({"Cookie": "session=x"}, {"Origin": "https://evil.test"},
                    {"Content-Type": "text/plain"},
                    {"Authorization": "Bearer x"}):
        body = stripe.encode(desk.buyer().created())
        reply = desk.request("POST", WEBHOOK, body, {
            "Stripe-Signature": stripe.sign(body, SECRET), **headers})
        same((reply.status, reply.json), (200, ANSWERS["applied"]))
        true("set-cookie" not in reply.headers, "it sets a cookie")


@suite.case("each request is one line of the log, with its event and outcome,"
            " and no more than two round trips")
def request_log(desk):
    event = desk.buyer().created()
    desk.deliver(event)
    lines = [line for line in desk.log("stripe-webhook").splitlines()
             if event["id"] in line]
    same(len(lines), 1, "lines about it")
    fields = dict(f.split("=", 1) for f in lines[0].split() if "=" in f)
    has(fields, endpoint="stripe-webhook", method="POST", path=WEBHOOK,
        status="200", outcome="applied")
    true(fields["request"] and float(fields["ms"]) >= 0, lines[0])
    true(int(fields["db"]) <= 2, lines[0])


suite.main()
