#!/usr/bin/python3 -B
"""Stripe hangs, drips, breaks off or fails: a purchase is applied all the
same, within its deadline, and without a transaction held open meanwhile."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import SECRET, WEBHOOK, Desk, wait_until, when
from harness.tap import Suite, has, same, true
from harness.worker import Worker

DEADLINE_S = 3
MARGIN_S = 1.5

suite = Suite(lambda: Desk(
    workers=2, programs=["stripe-webhook", "fake-stripe"]))


def applied_in_time(desk, buyer, post):
    """POST() the completed session; it is applied, and says how long."""
    started = time.monotonic()
    reply = post(buyer.checkout())
    took = time.monotonic() - started
    same((reply.status, reply.json["status"]), (200, "applied"))
    true(took < DEADLINE_S + MARGIN_S, "it took %.1f s" % took)
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="paid")
    return took


def the_rest_comes(desk, buyer):
    """The subscription's own event fills what Stripe did not say."""
    desk.deliver(buyer.updated(at=9, quantity=6))
    has(desk.subscription_of(buyer), seat_limit=6, status="active",
        current_period_end=when(buyer.end))


@suite.each("when Stripe {how}, the purchase is applied within %g s"
            % (DEADLINE_S + MARGIN_S), [
    {"how": "never answers", "answer": {"hang": True}, "waits": True},
    {"how": "answers after 20 s", "answer": {"delay_ms": 20000},
     "waits": True},
    {"how": "sends a byte now and then", "answer": {"drip_ms": 300},
     "waits": True},
    {"how": "breaks off", "answer": {"cut": True}, "waits": False},
    {"how": "answers 500", "answer": {"status": 500}, "waits": False},
])
def slow(desk, how, answer, waits):
    desk.expect_log("level=warn")
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot())
    desk.stripe.next("GET /v1/subscriptions/" + buyer.subscription, answer)
    took = applied_in_time(desk, buyer, desk.post_event)
    same(took > DEADLINE_S - 0.5, waits, "it waited (%.1f s)" % took)
    the_rest_comes(desk, buyer)


@suite.case("an answer within the deadline is waited for and used")
def within(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(quantity=3))
    desk.stripe.next("GET /v1/subscriptions/" + buyer.subscription,
                     {"delay_ms": 1500})
    applied_in_time(desk, buyer, desk.post_event)
    has(desk.subscription_of(buyer), seat_limit=3,
        current_period_end=when(buyer.end))


def nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:%d" % probe.getsockname()[1]


@suite.each("when Stripe's address is {how}, the purchase is applied in"
            " time", [
    {"how": "refused", "base": nobody_listens()},
    {"how": "unknown", "base": "http://stripe.invalid"}])
def unreachable(desk, how, base):
    buyer = desk.buyer(bound=False)

    def post(event):
        body = stripe.encode(event)
        with Worker(desk.program(), desk.command_environment(
                {"STRIPE_API_BASE": base})) as worker:
            return worker.request("POST", WEBHOOK, body, {
                "Stripe-Signature": stripe.sign(body, SECRET)})

    applied_in_time(desk, buyer, post)
    the_rest_comes(desk, buyer)


@suite.case("while one worker waits for Stripe no transaction is open, and"
            " the other worker serves")
def meanwhile(desk):
    desk.expect_log("level=warn")
    buyer = desk.buyer(bound=False)
    path = "/v1/subscriptions/" + buyer.subscription
    desk.stripe.next("GET " + path, {"hang": True})
    waiting = threading.Thread(
        target=lambda: applied_in_time(desk, buyer, desk.post_event))
    waiting.start()
    try:
        wait_until(lambda: any(r["path"].startswith(path)
                               for r in desk.stripe.requests()), 10,
                   "the question to Stripe")
        same(desk.sql("""SELECT state, query FROM pg_stat_activity
                      WHERE usename = 'paydesk_stripe_webhook'
                      AND (state <> 'idle' OR xact_start IS NOT NULL)"""),
             [], "sessions with a transaction")
        same(desk.value("""SELECT count(*) FROM pg_locks
                        WHERE locktype = 'advisory'"""), 0, "locks held")
        started = time.monotonic()
        for _ in range(20):
            desk.deliver(desk.buyer().created())
        took = time.monotonic() - started
        true(waiting.is_alive() and took < 2, "20 events took %.1f s" % took)
    finally:
        waiting.join()
    has(desk.account_of(buyer), tier="paid")


suite.main()
