#!/usr/bin/python3 -B
"""The same event on all workers at once, 200 times: it takes effect once."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads
from harness.model import buyers_like
from harness.tap import Suite, has, same

ROUNDS = 200
WORKERS = 4
DELIVERIES = 8

suite = Suite(lambda: Desk(
    workers=WORKERS, durable=False,
    programs=["stripe-webhook", "fake-stripe"]))

# What each round delivers; every one of these changes something.
KINDS = [
    lambda b: b.created(),
    lambda b: b.checkout(),
    lambda b: b.deleted(),
    lambda b: b.invoice_failed(),
    lambda b: b.invoice_paid(),
]


def referred(desk, buyers):
    """Each buyer was referred by an account of their own."""
    for buyer in buyers:
        referrer = desk.account()
        desk.sql("""INSERT INTO billing.referrals
                 (code, referrer_account_id, referred_account_id)
                 SELECT %s, %s, id FROM billing.accounts
                 WHERE external_id = %s""", referrer["referral_code"],
                 referrer["id"], buyer.account)


def deliver_at_once(desk, events):
    """Each event from all threads at the same moment; the replies."""
    gate = threading.Barrier(DELIVERIES)
    replies = [[None] * DELIVERIES for _ in events]

    def deliver(i):
        try:
            for number, event in enumerate(events):
                gate.wait(30)
                replies[number][i] = desk.post_event(event)
        except BaseException:
            gate.abort()
            raise

    in_threads(DELIVERIES, deliver)
    return replies


@suite.case("%d events, each %d times at the same moment: one delivery is"
            " applied, the others are duplicates" % (ROUNDS, DELIVERIES))
def new_events(desk):
    buyers = buyers_like(desk, ROUNDS)
    referred(desk, buyers)
    events = [KINDS[i % len(KINDS)](b) for i, b in enumerate(buyers)]
    for event, replies in zip(events, deliver_at_once(desk, events)):
        same([r.status for r in replies], [200] * DELIVERIES)
        same(sorted(r.json["status"] for r in replies),
             ["applied"] + ["duplicate"] * (DELIVERIES - 1), event["type"])
        has(desk.ledger(event), outcome="applied", deliveries=DELIVERIES)
    same(desk.count("subscriptions"), ROUNDS, "subscriptions")
    same(desk.count("stripe_events"), ROUNDS, "ledger rows")
    same(desk.value("""SELECT count(*) FROM billing.accounts
                    WHERE credit_until > now() + interval '46 days'"""), 0,
         "accounts credited twice")
    same(desk.value("""SELECT count(*) FROM billing.referrals
                    WHERE converted_at IS NOT NULL"""),
         ROUNDS // len(KINDS), "referrals converted")


@suite.case("an event that cannot be applied fails on every worker and leaves"
            " one ledger row")
def failing_event(desk):
    event = desk.buyer().created(quantity=-1)
    replies = deliver_at_once(desk, [event])[0]
    same({(r.status, r.json["status"]) for r in replies},
         {(200, "handler_error")})
    has(desk.ledger(event), outcome="handler_error", processed_at=None,
        deliveries=DELIVERIES)
    same(len(desk.failures(event)), DELIVERIES, "failures")


suite.main()
