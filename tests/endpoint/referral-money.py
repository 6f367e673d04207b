#!/usr/bin/python3 -B
"""A referral converts with the first money, and with nothing else."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk
from harness.tap import Suite, same

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


def referred(desk, **options):
    """A buyer whom somebody has referred, and that account."""
    referrer = desk.account()
    buyer = desk.buyer(**options)
    desk.sql("INSERT INTO billing.referrals (code, referrer_account_id,"
             " referred_account_id) VALUES (%s, %s, %s)",
             referrer["referral_code"], referrer["id"],
             desk.account_of(buyer)["id"])
    return buyer, referrer


def days(desk, account):
    return desk.value("SELECT round(extract(epoch FROM credit_until - now())"
                      " / 86400) FROM billing.accounts WHERE id = %s",
                      account["id"])


def credit(desk, buyer, referrer):
    """The days of both sides."""
    return days(desk, desk.account_of(buyer)), days(desk, referrer)


@suite.each("{what}: {then} days for each", [
    {"what": "a trial alone", "then": None,
     "life": lambda b: [b.created(status="trialing")]},
    {"what": "a trial that is deleted a second later", "then": None,
     "life": lambda b: [b.created(status="trialing"), b.deleted(at=1)]},
    {"what": "active without an invoice", "then": None,
     "life": lambda b: [b.created()]},
    {"what": "an invoice of nothing, as with a coupon of 100 %",
     "then": None, "life": lambda b: [
         b.created(), b.invoice_paid(amount=0)]},
    {"what": "an invoice that is not of the cycle", "then": None,
     "life": lambda b: [
         b.created(), b.invoice_paid(billing_reason="manual")]},
    {"what": "the first money", "then": 45, "life": lambda b: [
        b.created(), b.invoice_paid()]},
    {"what": "the first money after a trial", "then": 45,
     "life": lambda b: [b.created(status="trialing"),
                        b.updated(at=100), b.invoice_paid(at=100)]},
    {"what": "a renewal after the first money", "then": 45,
     "life": lambda b: [b.created(), b.invoice_paid(),
                        b.invoice_paid(at=9999)]},
])
def life_of(desk, what, then, life):
    for order in itertools.permutations(range(len(life(desk.buyer())))):
        buyer, referrer = referred(desk)
        events = life(buyer)
        for number in order:
            same(desk.post_event(events[number]).status, 200)
        same(credit(desk, buyer, referrer), (then, then), repr(order))


@suite.case("money that came before its account was known converts when it is"
            " linked")
def linked_later(desk):
    buyer, referrer = referred(desk, bound=False)
    metadata, buyer.metadata = buyer.metadata, {}
    desk.deliver(buyer.created(), buyer.invoice_paid(), answer="unmatched")
    same(credit(desk, buyer, referrer), (None, None))
    desk.deliver(buyer.updated(metadata=metadata))
    same(credit(desk, buyer, referrer), (45, 45))


suite.main()
