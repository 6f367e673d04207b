#!/usr/bin/python3 -B
"""Whatever order the events of a life arrive in, the rows end the same."""

import itertools
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads, when
from harness.model import buyers_like
from harness.stripe import (DAY, MONTH, PRO_ANNUAL, PRO_MONTHLY, SHAPES,
                            TEAM_MONTHLY, YEAR)
from harness.tap import Suite, same, true

WORKERS = 4
THREADS = 8
RANDOM_ORDERS = 60
START = int(time.time()) - 90 * DAY

suite = Suite(lambda: Desk(
    workers=WORKERS, durable=False,
    programs=["stripe-webhook", "fake-stripe"]))

SUBSCRIPTION = ("plan", "period", "price_id", "status", "seat_limit",
                "current_period_start", "current_period_end", "trial_end",
                "cancel_at_period_end", "last_event_at")
ACCOUNT = ("tier", "subscription_status", "account_trial_end", "has_paid")
PRO = {"plan": "pro", "period": "monthly", "price_id": "price_pro_monthly",
       "seat_limit": 1, "current_period_start": when(START),
       "current_period_end": when(START + MONTH), "trial_end": None,
       "cancel_at_period_end": False, "account_trial_end": None}


def renewed(b):
    return {"start": START + MONTH, "end": START + 2 * MONTH}


# Each life: its events in their true order, and where it must end.
SHORT_LIVES = {
    "a first payment, a failed renewal and its recovery, with ties": (
        lambda b: [
            b.created(at=0, status="incomplete"),
            b.updated(at=0, status="active",
                      previous={"status": "incomplete"}),
            b.checkout(at=0),
            b.invoice_failed(at=100),
            b.updated(at=100, status="past_due",
                      previous={"status": "active"}),
            b.invoice_paid(at=200)],
        {**PRO, "status": "active", "tier": "paid",
         "last_event_at": when(START + 100)}),
    "a trial that converts, fails to pay and is canceled, with ties": (
        lambda b: [
            b.created(at=0, status="trialing", trial_end=START + DAY),
            b.updated(at=DAY, status="active", trial_end=START + DAY),
            b.invoice_failed(at=DAY),
            b.updated(at=DAY, status="past_due", trial_end=START + DAY,
                      previous={"status": "active"}),
            b.deleted(at=DAY, trial_end=START + DAY)],
        {**PRO, "status": "canceled", "tier": "free",
         "trial_end": when(START + DAY),
         "account_trial_end": None,
         "last_event_at": when(START + DAY)}),
    "quantities that change twice in a second": (
        lambda b: [
            b.created(at=0),
            b.updated(at=100, quantity=2, previous={"quantity": 1}),
            b.updated(at=100, quantity=3, previous={"quantity": 2})],
        {**PRO, "status": "active", "seat_limit": 3}),
    "a price that changes twice in a second, and a cancellation": (
        lambda b: [
            b.created(at=0),
            b.updated(at=100, price=TEAM_MONTHLY, previous={
                "items": {"data": [{"price": {"id": PRO_MONTHLY}}]}}),
            b.updated(at=100, price=TEAM_MONTHLY, cancel_at=START + DAY,
                      previous={"cancel_at": None})],
        {**PRO, "plan": "team", "price_id": TEAM_MONTHLY,
         "status": "active", "cancel_at_period_end": True}),
    "overdue and paused within a second": (
        lambda b: [
            b.created(at=0),
            b.updated(at=100, status="past_due",
                      previous={"status": "active"}),
            b.updated(at=100, status="paused",
                      previous={"status": "past_due"}),
            b.paused(at=100)],
        {**PRO, "status": "paused"}),
    "invoices that are not of the cycle, unpaid": (
        lambda b: [
            b.created(at=0),
            b.invoice_failed(at=100, billing_reason="manual"),
            b.invoice_failed(at=200, billing_reason="subscription_update")],
        {**PRO, "status": "active", "tier": "paid"}),
    "an unpaid session, then overdue and gone": (
        lambda b: [
            b.created(at=0, status="active"),
            b.checkout(at=1, payment_status="unpaid"),
            b.invoice_failed(at=100),
            b.updated(at=100, status="past_due",
                      previous={"status": "active"}),
            b.deleted(at=200)],
        {**PRO, "status": "canceled", "tier": "free", "has_paid": False}),
    "an unpaid session, then overdue": (
        lambda b: [
            b.created(at=0, status="active"),
            b.checkout(at=1, payment_status="unpaid"),
            b.invoice_failed(at=100),
            b.updated(at=100, status="past_due",
                      previous={"status": "active"})],
        {**PRO, "status": "past_due", "tier": "free", "has_paid": False}),
    "a failure and a snapshot that says active in the same second": (
        lambda b: [
            b.created(at=0),
            b.invoice_failed(at=50),
            b.updated(at=50, quantity=2)],
        None),
    "an unpaid session whose money comes, with ties": (
        lambda b: [
            b.created(at=0, status="incomplete"),
            b.checkout(at=0, payment_status="unpaid"),
            b.updated(at=0, status="active",
                      previous={"status": "incomplete"}),
            b.payment_arrived(at=500),
            b.updated(at=500, quantity=3)],
        {**PRO, "status": "active", "tier": "paid", "seat_limit": 3,
         "last_event_at": when(START + 500)}),
    "an unpaid session whose invoice is paid later": (
        lambda b: [
            b.created(at=0, status="incomplete"),
            b.checkout(at=0, payment_status="unpaid"),
            b.updated(at=0, status="active",
                      previous={"status": "incomplete"}),
            b.invoice_paid(at=500)],
        {**PRO, "status": "active", "tier": "paid",
         "last_event_at": when(START)}),
    "an unpaid session whose money does not come": (
        lambda b: [
            b.created(at=0, status="active"),
            b.checkout(at=1, payment_status="unpaid"),
            b.updated(at=2, quantity=2),
            b.payment_bounced(at=500)],
        {**PRO, "status": "incomplete", "tier": "free", "seat_limit": 2,
         "last_event_at": when(START + 2)}),
    "an end, said twice, and a straggler from before it": (
        lambda b: [
            b.created(at=0),
            b.updated(at=10, status="canceled"),
            b.deleted(at=20, quantity=2),
            b.updated(at=500, status="active", quantity=3)],
        {**PRO, "status": "canceled", "tier": "free", "seat_limit": 2,
         "last_event_at": when(START + 20)}),
    "a customer who is deleted": (
        lambda b: [
            b.created(at=0),
            b.invoice_paid(at=1),
            b.updated(at=5, quantity=2),
            b.invoice_failed(at=6),
            b.deleted(at=9, quantity=2),
            b.customer_event("deleted", at=9)],
        {**PRO, "status": "canceled", "tier": "free", "seat_limit": 2,
         "last_event_at": when(START + 9)}),
}

LONG_LIVES = {
    "a year with everything in it": (
        lambda b: [
            b.created(at=0, status="incomplete"),
            b.updated(at=0, status="trialing", trial_end=START + DAY,
                      previous={"status": "incomplete"}),
            b.checkout(at=0, payment_status="no_payment_required"),
            b.trial_will_end(at=10, trial_end=START + DAY),
            b.updated(at=DAY, status="active", trial_end=START + DAY,
                      previous={"status": "trialing"}),
            b.invoice_paid(at=DAY),
            b.updated(at=2 * DAY, quantity=4),
            b.updated(at=3 * DAY, quantity=4, cancel_at=START + MONTH),
            b.updated(at=4 * DAY, quantity=4),
            b.updated(at=MONTH, quantity=4, **renewed(b)),
            b.invoice_failed(at=MONTH),
            b.updated(at=MONTH, status="past_due", quantity=4,
                      previous={"status": "active"}, **renewed(b)),
            b.invoice_failed(at=MONTH + DAY),
            b.invoice_event("payment_succeeded", at=MONTH + 2 * DAY),
            b.invoice_paid(at=MONTH + 2 * DAY),
            b.updated(at=MONTH + 2 * DAY, quantity=4,
                      previous={"status": "past_due"}, **renewed(b)),
            b.paused(at=MONTH + 3 * DAY, quantity=4, **renewed(b)),
            b.resumed(at=MONTH + 4 * DAY, quantity=4, **renewed(b)),
            b.updated(at=MONTH + 5 * DAY, price=PRO_ANNUAL, interval="year",
                      quantity=5, start=START + MONTH,
                      end=START + MONTH + YEAR)],
        {**PRO, "status": "active", "tier": "paid", "period": "annual",
         "price_id": PRO_ANNUAL, "seat_limit": 5,
         "current_period_start": when(START + MONTH),
         "current_period_end": when(START + MONTH + YEAR),
         "last_event_at": when(START + MONTH + 5 * DAY)}),
    "the same, and then it is canceled": (
        lambda b: LONG_LIVES["a year with everything in it"][0](b) + [
            b.invoice_failed(at=2 * MONTH),
            b.updated(at=2 * MONTH, status="unpaid", quantity=5),
            b.deleted(at=2 * MONTH, quantity=5)],
        {**PRO, "status": "canceled", "tier": "free", "seat_limit": 5,
         "last_event_at": when(START + 2 * MONTH)}),
}


def deliver_orders(desk, life, orders, api):
    """A buyer for each order; their events in it, from several threads."""
    buyers = buyers_like(desk, len(orders), api=api, start=START)
    stories = [[life(buyer)[i] for i in order]
               for buyer, order in zip(buyers, orders)]

    def post(i):
        for story in stories[i::THREADS]:
            for event in story:
                reply = desk.post_event(event)
                true(reply.status == 200 and reply.json["status"] in (
                    "applied", "stale", "unmatched"), repr(reply))

    in_threads(THREADS, post)
    return buyers


def check_ends(desk, life, orders, api, expected):
    buyers = deliver_orders(desk, life, orders, api)
    types = [e["type"].rpartition(".")[2] for e in life(buyers[0])]
    found = {}
    for buyer, order in zip(buyers, orders):
        row = desk.row("""
            SELECT s.*, a.tier, a.subscription_status,
                   a.trial_end AS account_trial_end, a.id AS owner,
                   a.first_paid_at IS NOT NULL AS has_paid
            FROM billing.subscriptions s, billing.accounts a
            WHERE s.stripe_subscription_id = %s AND a.external_id = %s""",
                       buyer.subscription, buyer.account)
        same(row["account_id"], row["owner"], "the owner")
        end = tuple((c, row[c]) for c in SUBSCRIPTION + ACCOUNT)
        found.setdefault(end, []).append(order)
    if len(found) > 1:
        common = set.intersection(*[set(end) for end in found])
        raise AssertionError("%d different ends:\n%s" % (
            len(found), "\n".join("%d orders, e.g. %s: %s" % (
                len(those), " ".join(types[i] for i in those[0]),
                dict(f for f in end if f not in common))
                for end, those in found.items())))
    if expected:
        end = dict(next(iter(found)))
        expected = {**expected, "subscription_status": expected["status"]}
        same({k: end[k] for k in expected}, expected)


@suite.each("all orders of {name}, shape of {api}", [
    {"name": name, "api": api} for name in SHORT_LIVES for api in SHAPES])
def all_orders(desk, name, api):
    life, expected = SHORT_LIVES[name]
    count = len(life(buyers_like(desk, 1)[0]))
    orders = list(itertools.permutations(range(count)))
    check_ends(desk, life, orders, api, expected)


@suite.each("%d random orders of {name}, shape of {api}" % RANDOM_ORDERS, [
    {"name": name, "api": api} for name in LONG_LIVES for api in SHAPES])
def random_orders(desk, name, api):
    life, expected = LONG_LIVES[name]
    count = len(life(buyers_like(desk, 1)[0]))
    chance = random.Random(name + api)
    orders = [tuple(range(count)), tuple(reversed(range(count)))]
    orders += [tuple(chance.sample(range(count), count))
               for _ in range(RANDOM_ORDERS - len(orders))]
    check_ends(desk, life, orders, api, expected)


suite.main()
