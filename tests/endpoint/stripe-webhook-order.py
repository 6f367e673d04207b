#!/usr/bin/python3 -B
"""Which of two events is the newer one, in whatever order they come."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, in_threads, when
from harness.tap import Suite, has, same

WORKERS = 4

suite = Suite(lambda: Desk(
    workers=WORKERS, programs=["stripe-webhook", "fake-stripe"]))

# older and newer make an event each; `wins` is what the row must then hold,
# whichever arrives first.
PAIRS = {
    "a second later": (
        lambda b: b.updated(at=10, quantity=1),
        lambda b: b.updated(at=11, quantity=2),
        {"seat_limit": 2}),
    "in one second, created before updated": (
        lambda b: b.created(at=10, status="incomplete"),
        lambda b: b.updated(at=10, quantity=2),
        {"seat_limit": 2, "status": "active"}),
    "in one second, created before updated, though both say active": (
        lambda b: b.created(at=10, quantity=1),
        lambda b: b.updated(at=10, quantity=2),
        {"seat_limit": 2}),
    "in one second, created before trial_will_end": (
        lambda b: b.created(at=10, status="trialing", quantity=1),
        lambda b: b.trial_will_end(at=10, quantity=2),
        {"seat_limit": 2}),
    "in one second, created before paused": (
        lambda b: b.created(at=10), lambda b: b.paused(at=10),
        {"status": "paused"}),
    "in one second, updated before deleted": (
        lambda b: b.updated(at=10), lambda b: b.deleted(at=10),
        {"status": "canceled"}),
    "in one second, created before deleted": (
        lambda b: b.created(at=10), lambda b: b.deleted(at=10),
        {"status": "canceled"}),
    "a full tie: previous_attributes tell which status came after which": (
        lambda b: b.updated(at=10, status="paused",
                            previous={"status": "trialing"}),
        lambda b: b.updated(at=10, status="active",
                            previous={"status": "paused"}, quantity=2),
        {"status": "active", "seat_limit": 2}),
    "a full tie: what follows active may be worse than active": (
        lambda b: b.updated(at=10, status="active", previous={
            "status": "trialing"}),
        lambda b: b.updated(at=10, status="past_due", previous={
            "status": "active"}),
        {"status": "past_due"}),
    "a full tie: incomplete is older than anything": (
        lambda b: b.updated(at=10, status="incomplete"),
        lambda b: b.updated(at=10, status="active"),
        {"status": "active"}),
    "a full tie: canceled is newer than anything": (
        lambda b: b.updated(at=10, status="active"),
        lambda b: b.updated(at=10, status="canceled"),
        {"status": "canceled"}),
    "a full tie: incomplete_expired is newer than anything": (
        lambda b: b.updated(at=10, status="incomplete"),
        lambda b: b.updated(at=10, status="incomplete_expired"),
        {"status": "incomplete_expired"}),
    "a canceled subscription never comes back, not even by a later event": (
        lambda b: b.updated(at=500, status="active"),
        lambda b: b.deleted(at=10),
        {"status": "canceled"}),
    "nor an expired one": (
        lambda b: b.updated(at=500, status="active"),
        lambda b: b.updated(at=10, status="incomplete_expired"),
        {"status": "incomplete_expired"}),
    "of two final events the later": (
        lambda b: b.updated(at=10, status="canceled", quantity=1),
        lambda b: b.deleted(at=20, quantity=2),
        {"status": "canceled", "seat_limit": 2}),
    "a failed invoice after the snapshot": (
        lambda b: b.updated(at=10), lambda b: b.invoice_failed(at=20),
        {"status": "past_due"}),
    "a snapshot after a failed invoice": (
        lambda b: b.invoice_failed(at=10), lambda b: b.updated(at=20),
        {"status": "active"}),
    "a payment after past_due": (
        lambda b: b.updated(at=10, status="past_due"),
        lambda b: b.invoice_paid(at=20),
        {"status": "active"}),
    "a past_due after a payment": (
        lambda b: b.invoice_paid(at=10),
        lambda b: b.updated(at=20, status="past_due"),
        {"status": "past_due"}),
}


@suite.each("newer is: {rule}", PAIRS)
def pair(desk, rule):
    older, newer, wins = PAIRS[rule]
    for api in stripe.SHAPES:
        for reverse in (False, True):
            buyer = desk.buyer(api=api)
            events = [older(buyer), newer(buyer)]
            for event in reversed(events) if reverse else events:
                same(desk.post_event(event).status, 200)
            row = desk.subscription_of(buyer)
            has(row, **wins)
            has(desk.account_of(buyer), subscription_status=row["status"])


@suite.case("when all else ties, what arrives last")
def arrival(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=10, quantity=1),
                 buyer.updated(at=10, quantity=2))
    has(desk.subscription_of(buyer), seat_limit=2)


@suite.case("the time of the signature has no say")
def signature_time(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=20, quantity=2))
    late = desk.post_event(buyer.updated(at=10, quantity=1),
                           t=int(time.time()) + 60)
    has(late.json, status="stale")
    has(desk.subscription_of(buyer), seat_limit=2)


@suite.case("a stale event does not set the clock of the row back")
def clock_stands(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=100))
    has(desk.post_event(buyer.updated(at=50)).json, status="stale")
    has(desk.subscription_of(buyer), last_event_at=when(buyer.start + 100))


@suite.case("a final status has its own time, also when a straggler came first")
def clock_of_the_end(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.updated(at=100), buyer.deleted(at=50))
    has(desk.subscription_of(buyer), status="canceled",
        last_event_at=when(buyer.start + 50))


@suite.case("events of one subscription on all workers at once end in the"
            " newest")
def all_at_once(desk):
    for _ in range(10):
        buyer = desk.buyer()
        events = [buyer.updated(at=i, quantity=i + 1) for i in range(12)]
        random.shuffle(events)

        def post(i):
            for event in events[i::WORKERS]:
                same(desk.post_event(event).status, 200)

        in_threads(WORKERS, post)
        has(desk.subscription_of(buyer), seat_limit=12)


@suite.case("first events of one subscription on all workers at once make"
            " one row")
def all_first(desk):
    for _ in range(15):
        buyer = desk.buyer()
        events = [buyer.created(), buyer.updated(at=10, quantity=5),
                  buyer.checkout(at=1), buyer.invoice_paid(at=2)]
        in_threads(len(events), lambda i: same(
            desk.post_event(events[i]).status, 200))
        has(desk.subscription_of(buyer), seat_limit=5, status="active")
        has(desk.account_of(buyer), tier="paid")


suite.main()
