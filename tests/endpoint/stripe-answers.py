#!/usr/bin/python3 -B
"""What becomes of Stripe's answers: retries by the official rules, one
idempotency key, one deadline, words for the customer and no key among them."""

import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.client import Client
from harness.customers import CHECKOUT, PORTAL, Shop, no_such_customer, refused
from harness.desk import API_KEY, in_threads, wait_until
from harness.tap import Suite, same, true
from harness.worker import Worker

DEADLINE_S = 10
MARGIN_S = 1.5
WORKERS = 4
SHOULD = {"Stripe-Should-Retry": "true"}
SHOULD_NOT = {"Stripe-Should-Retry": "false"}


class QuietShop(Shop):
    def __init__(self):
        super().__init__(WORKERS, programs=[
            "account", "checkout", "portal", "stripe-webhook", "fake-stripe"])
        self.expect_log("level=warn")


suite = Suite(QuietShop)


def error(status, message="No such price", **more):
    return {"status": status, "body": '{"error": {"type": '
            '"invalid_request_error", "message": "%s"}}' % message, **more}


def ask(desk, *answers, customer=None):
    """A purchase that meets these answers; the reply and the requests."""
    desk.stripe.next("POST " + CHECKOUT, *answers)
    before = len(desk.asked(CHECKOUT))
    reply = (customer or desk.customer()).checkout()
    return reply, desk.asked(CHECKOUT)[before:]


def one_request(requests):
    """All attempts were the same request, key and all."""
    same(len({(r["body"], r["headers"]["Idempotency-Key"])
              for r in requests}), 1, "different requests")


# answers -> attempts, whether it ends well
STORIES = {
    "ok": ([], 1, True),
    "400": ([error(400)], 1, False),
    "401": ([{"status": 401}], 1, False),
    "402": ([{"status": 402}], 1, False),
    "403": ([{"status": 403}], 1, False),
    "404": ([{"status": 404}], 1, False),
    "409 then ok": ([{"status": 409}], 2, True),
    "409 three times": ([{"status": 409, "times": 3}], 3, False),
    "429": ([{"status": 429}], 1, False),
    "429 that says not to retry": ([{"status": 429, "headers": SHOULD_NOT}],
                                   1, False),
    "429 that says to retry": ([{"status": 429, "headers": SHOULD}], 2, True),
    "400 that says to retry": ([error(400, headers=SHOULD)], 2, True),
    "500 twice then ok": ([{"status": 500, "times": 2}], 3, True),
    "500 three times": ([{"status": 500, "times": 3}], 3, False),
    "500 that says not to retry": ([{"status": 500, "headers": SHOULD_NOT}],
                                   1, False),
    "502 that is no JSON, then ok": ([{
        "status": 502, "body": "<html>Bad Gateway</html>"}], 2, True),
    "503 then ok": ([{"status": 503}], 2, True),
    "an answer cut in its middle, then ok": ([{"cut": True}], 2, True),
    "answers cut in their middle": ([{"cut": True, "times": 3}], 3, False),
    "a page instead of JSON": ([{"status": 200, "body": "<html></html>"}], 1,
                               False),
    "a list": ([{"status": 200, "body": "[]"}], 1, False),
    "nothing": ([{"status": 200, "body": ""}], 1, False),
    "a session without an address": ([{
        "status": 200, "body": '{"id": "cs_1", "url": null}'}], 1, False),
    "a session without an id": ([{
        "status": 200, "body": '{"url": "https://a.example/"}'}], 1, False),
    "a redirect": ([{"status": 302, "body": "", "headers": {
        "Location": "http://127.0.0.1:1/"}}], 1, False),
    "10 MB": ([{"status": 200, "body": " " * 10_000_000, "times": 3}], 3,
              False),
}


@suite.each("Stripe answers {story}", list(STORIES))
def answers(desk, story):
    programmed, attempts, fine = STORIES[story]
    customer = desk.customer()
    reply, requests = ask(desk, *programmed, customer=customer)
    same(len(requests), attempts, "attempts")
    one_request(requests)
    if fine:
        same(reply.status, 200, repr(reply.body))
    else:
        refused(reply, 502, "stripe_error")
        same(customer.checkout().status, 200, "the next one")


@suite.case("between attempts it waits, longer each time")
def waits(desk):
    started = time.monotonic()
    ask(desk, {"status": 500, "times": 2})
    took = time.monotonic() - started
    true(1.5 <= took < 3.5, "it took %.2f s" % took)


@suite.case("after a refusal the next purchase has a new key")
def new_key(desk):
    customer = desk.customer()
    _, first = ask(desk, error(400), customer=customer)
    _, second = ask(desk, customer=customer)
    true(first[0]["headers"]["Idempotency-Key"]
         != second[0]["headers"]["Idempotency-Key"], "the same key")


@suite.case("after no clear answer the next purchase has the same key, and"
            " gets the session that was made")
def same_key(desk):
    customer = desk.customer()
    reply, first = ask(desk, {"cut": True, "times": 3}, customer=customer)
    refused(reply, 502, "stripe_error")
    reply, second = ask(desk, customer=customer)
    same(reply.status, 200)
    one_request(first + second)


@suite.case("the portal's calls are repeated, too, with one key")
def portal(desk):
    desk.stripe.next("POST " + PORTAL, {"status": 500, "times": 2})
    customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
    same(customer.portal().status, 200)
    requests = desk.asked(PORTAL)[-3:]
    one_request(requests)


@suite.each("the portal passes on: {story}", ["400", "401", "429"])
def portal_refused(desk, story):
    desk.stripe.next("POST " + PORTAL, *STORIES[story][0])
    refused(desk.customer(stripe_customer_id=stripe.new_id("cus")).portal(),
            502, "stripe_error")


# ------------------------------------------------------------------- words

@suite.case("Stripe's sentence is passed on to the customer")
def sentence(desk):
    reply, _ = ask(desk, error(400, "The coupon has expired."))
    same(reply.json["detail"], "The coupon has expired.")


@suite.each("a sentence that shows a secret is not: {secret}", [
    API_KEY, "sk_live_***1234", "rk_test_abc", "whsec_abc"])
def secrets(desk, secret):
    for status in (400, 401, 402, 404):
        reply, _ = ask(desk, error(status, "Invalid key: " + secret))
        true(secret not in reply.body.decode(), reply.body)


@suite.each("what {status} says about this server stays here", [401, 403])
def about_us(desk, status):
    reply, _ = ask(desk, error(status, "Your account cannot do this."))
    true("Your account" not in reply.body.decode(), reply.body)


@suite.case("the request id is logged, the key never is")
def logged(desk):
    same(ask(desk)[0].status, 200)
    ask(desk, error(400))
    for status in (200, 502):
        lines = [line for line in desk.log("checkout").splitlines()
                 if "status=%d " % status in line]
        true(" stripe_request=req_" in lines[-1], lines[-1])
    true(" status 400 request_id req_" in desk.log("checkout"), "no warning")
    for name in ("checkout", "portal", "stripe-webhook"):
        true(API_KEY not in desk.log(name), "the key is in %s.log" % name)


# ------------------------------------------------------ a customer that is gone

def gone(desk):
    """A customer of the desk whose customer at Stripe is gone; the old id."""
    old = stripe.new_id("cus")
    customer = desk.customer(stripe_customer_id=old)
    reply, _ = ask(desk, no_such_customer(old), customer=customer)
    same(reply.status, 200, repr(reply.body))
    same(customer.row()["stripe_customer_id"], old)
    return customer, old


@suite.case("customer-gone: the next customer that our metadata prove takes"
            " its place, and not before")
def replaced(desk):
    customer, old = gone(desk)
    refused(customer.portal(), 404, "no_stripe_customer")
    new = stripe.new_id("cus")
    desk.deliver(stripe.Buyer(customer.id, customer=new).created())
    row = customer.row()
    same((row["stripe_customer_id"], row["customer_gone_at"]), (new, None))
    same([(b["customer"], b["proof"]) for b in desk.sql(
        "SELECT customer, proof FROM billing.bindings WHERE account_id = %s "
        "ORDER BY id", row["id"])], [(old, "replaced"), (new, "metadata")])
    same(customer.portal().status, 200)


@suite.case("customer-gone: an e-mail alone replaces no customer")
def not_by_mail(desk):
    customer, old = gone(desk)
    buyer = stripe.Buyer(None, customer=stripe.new_id("cus"))
    desk.post_event(stripe.event("checkout.session.completed", stripe.session(
        buyer.customer, buyer.subscription, email=customer.row()["email"])))
    same(customer.row()["stripe_customer_id"], old)


@suite.each("customer-gone: {when} event of the old customer {does} the mark", [
    {"when": "a later", "does": "clears", "at": 5, "marked": False},
    {"when": "an earlier", "does": "leaves", "at": -3600, "marked": True}])
def lives(desk, when, does, at, marked):
    customer, old = gone(desk)
    buyer = stripe.Buyer(customer.id, customer=old)
    buyer.start = int(time.time()) + at
    desk.deliver(buyer.created())
    row = customer.row()
    same((row["stripe_customer_id"], row["customer_gone_at"] is not None),
         (old, marked))
    same(customer.portal().status, 404 if marked else 200)


@suite.case("customer-gone: when its deletion is told at last, nothing is left"
            " of the mark")
def deleted(desk):
    customer, old = gone(desk)
    desk.post_event(stripe.event("customer.deleted", {
        "id": old, "object": "customer"}, created=int(time.time()) - 60))
    row = customer.row()
    same((row["stripe_customer_id"], row["customer_gone_at"]), (None, None))


# ----------------------------------------------------------------- deadline

@suite.case("stripe-slow: whether it hangs, is late, sends a byte now and"
            " then or fails slowly, the reply comes within the deadline")
def deadline(desk):
    desk.stripe.next("POST " + CHECKOUT, {"hang": True}, {"delay_ms": 30000},
                     {"drip_ms": 300},
                     {"delay_ms": 4000, "status": 500, "times": 3})
    customers = [desk.customer() for _ in range(WORKERS)]
    took = {}

    def buy(i):
        started = time.monotonic()
        refused(customers[i].checkout(client=Client(desk.port)), 502,
                "stripe_error")
        took[i] = time.monotonic() - started

    in_threads(WORKERS, buy)
    true(max(took.values()) < DEADLINE_S + MARGIN_S, repr(took))


@suite.case("stripe-slow: while all workers of checkout wait, webhooks,"
            " accounts and the portal are served")
def pools(desk):
    desk.stripe.next("POST " + CHECKOUT, {"hang": True, "times": WORKERS})
    customers = [desk.customer() for _ in range(WORKERS)]
    before = len(desk.asked(CHECKOUT))
    replies = {}

    def buy(i):
        replies[i] = customers[i].checkout(client=Client(desk.port))

    waiting = threading.Thread(target=lambda: in_threads(WORKERS, buy))
    waiting.start()
    try:
        wait_until(lambda: len(desk.asked(CHECKOUT)) == before + WORKERS, 5,
                   "the requests to Stripe")
        buyer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
        slowest = 0
        for _ in range(20):
            started = time.monotonic()
            desk.deliver(desk.buyer().created())
            same(buyer.show().status, 200)
            same(buyer.portal().status, 200)
            slowest = max(slowest, time.monotonic() - started)
        true(slowest < 1, "a round took %.2f s" % slowest)
        same(desk.sql("""SELECT state FROM pg_stat_activity
                      WHERE usename = 'paydesk_checkout'
                      AND (state <> 'idle' OR xact_start IS NOT NULL)"""),
             [], "checkout's transactions")
    finally:
        waiting.join()
    same({r.status for r in replies.values()}, {502})


@suite.case("a connection is used again by the next request")
def reuse(desk):
    environment = desk.command_environment({
        "DATABASE_URL": desk.program_conninfo("portal")})
    with Worker(desk.program("portal"), environment) as worker:
        ports = set()
        for _ in range(3):
            customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
            reply = worker.request("POST", "/portal", headers={
                "Authorization": "Bearer " + customer.token()})
            same(reply.status, 200, repr(reply.body))
            ports.add(desk.asked(PORTAL)[-1]["port"])
        same(len(ports), 1, "connections")


# ---------------------------------------------------------------------- TLS

class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked = True
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@suite.case("a certificate that nobody has signed is refused")
def tls(desk):
    files = [os.path.join(desk.directory, name) for name in
             ("tls.key", "tls.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                    "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", files[0], "-out", files[1]], check=True,
                   stderr=subprocess.DEVNULL)
    server = HTTPServer(("127.0.0.1", 0), Answering)
    server.asked = False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    customer = desk.customer()
    try:
        with Worker(desk.program("checkout"), desk.command_environment({
                "DATABASE_URL": desk.program_conninfo("checkout"),
                "STRIPE_API_BASE": "https://localhost:%d"
                % server.server_port})) as worker:
            reply = worker.request("POST", "/checkout",
                                   b'{"cadence":"monthly"}', {
                "Authorization": "Bearer " + customer.token()})
        refused(reply, 502, "stripe_error")
        same(server.asked, False, "the request was sent")
    finally:
        server.shutdown()


@suite.each("503 not_configured: {setting} is not set", [
    {"program": program, "path": path, "setting": setting}
    for program, path in (("checkout", "/checkout"), ("portal", "/portal"))
    for setting in ("STRIPE_API_KEY", "SITE_URL")])
def not_configured(desk, program, path, setting):
    customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
    with Worker(desk.program(program), desk.command_environment({
            "DATABASE_URL": desk.program_conninfo(program),
            setting: None})) as worker:
        refused(worker.request("POST", path, b'{"cadence":"monthly"}', {
            "Authorization": "Bearer " + customer.token()}), 503,
            "not_configured")


suite.main()
