#!/usr/bin/python3 -B
"""Referrals: the first payment of a referred account credits both sides; here, as
the catalog can say, its first trial or active state already."""

import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.customers import Shop
from harness.desk import in_threads
from harness.stripe import CATALOG, Buyer
from harness.tap import Suite, has, same, true

CREDIT_DAYS = 10
NEARLY = datetime.timedelta(minutes=2)

suite = Suite(lambda: Shop(programs=["stripe-webhook"], catalog={
    **CATALOG, "referral": {"days": CREDIT_DAYS, "convert_on": "trial"}}))


class Pair:
    """A referrer, and a buyer whom they referred."""

    def __init__(self, desk, referrer_credit=None, buyer_credit=None,
                 **options):
        self.desk = desk
        self.referrer = desk.account(credit_until=days(referrer_credit))
        self.buyer = desk.buyer(**options)
        desk.sql("UPDATE billing.accounts SET credit_until = %s "
                 "WHERE external_id = %s", days(buyer_credit),
                 self.buyer.account)
        desk.sql("""INSERT INTO billing.referrals
                 (code, referrer_account_id, referred_account_id)
                 VALUES (%s, %s, %s)""", self.referrer["referral_code"],
                 self.referrer["id"], desk.account_of(self.buyer)["id"])

    def row(self):
        return self.desk.row("""SELECT r.* FROM billing.referrals r
                             JOIN billing.accounts a
                             ON a.id = r.referred_account_id
                             WHERE a.external_id = %s""", self.buyer.account)

    def credits(self):
        return (self.desk.value("SELECT credit_until FROM billing.accounts "
                                "WHERE id = %s", self.referrer["id"]),
                self.desk.account_of(self.buyer)["credit_until"])

    def check(self, referrer_days, buyer_days):
        """Both have credit for so many days from now (None: none)."""
        for name, until, expected in zip(
                ("referrer", "buyer"), self.credits(),
                (days(referrer_days), days(buyer_days))):
            if expected is None or until is None:
                same(until, expected, name)
            else:
                true(abs(until - expected) < NEARLY, "%s: %s, not %s" % (
                    name, until, expected))

    def converted(self):
        row = self.row()
        same(row["converted_at"] is None, row["credited_at"] is None)
        return row["converted_at"] is not None


def days(n):
    return None if n is None else datetime.datetime.now(
        datetime.timezone.utc) + datetime.timedelta(days=n)


@suite.each("the first {status} subscription credits both sides",
            ["active", "trialing"])
def converts(desk, status):
    pair = Pair(desk)
    desk.deliver(pair.buyer.created(status=status))
    true(pair.converted(), "it did not convert")
    pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.each("credit counts from {start}", [
    {"start": "what is left of an older credit", "left": (30, 20),
     "then": (30 + CREDIT_DAYS, 20 + CREDIT_DAYS)},
    {"start": "now, when the older one has run out", "left": (-30, -1),
     "then": (CREDIT_DAYS, CREDIT_DAYS)},
    {"start": "each side's own credit", "left": (None, 5),
     "then": (CREDIT_DAYS, 5 + CREDIT_DAYS)},
])
def credit_from(desk, start, left, then):
    pair = Pair(desk, *left)
    desk.deliver(pair.buyer.created())
    pair.check(*then)


@suite.each("a subscription that is {status} converts nothing",
            ["incomplete", "past_due", "unpaid", "paused", "canceled",
             "incomplete_expired"])
def not_paid(desk, status):
    pair = Pair(desk)
    desk.deliver(pair.buyer.created(status=status))
    same(pair.converted(), False)
    pair.check(None, None)


@suite.case("a session that turns out unpaid takes the credit back until the"
            " money comes")
def unpaid_after_all(desk):
    pair = Pair(desk, referrer_credit=30)
    buyer = pair.buyer
    desk.deliver(buyer.created())
    pair.check(30 + CREDIT_DAYS, CREDIT_DAYS)
    desk.deliver(buyer.checkout(payment_status="unpaid"))
    same(pair.converted(), False)
    pair.check(30, 0)
    desk.deliver(buyer.payment_arrived())
    true(pair.converted(), "the money did not convert")
    pair.check(30 + CREDIT_DAYS, CREDIT_DAYS)


@suite.case("an unpaid session takes nothing from whoever has paid before")
def paid_before(desk):
    pair = Pair(desk)
    buyer = pair.buyer
    desk.deliver(buyer.created(), buyer.invoice_paid(at=1))
    credits = pair.credits()
    again = Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(again.created(at=100),
                 again.checkout(payment_status="unpaid", at=101))
    true(pair.converted(), "the referral was taken back")
    same(pair.credits(), credits)


@suite.case("whatever is replayed, renewed or bought again credits nothing"
            " more")
def once(desk):
    pair = Pair(desk)
    buyer = pair.buyer
    first = buyer.created()
    desk.deliver(first)
    credits = pair.credits()
    desk.deliver(first, answer="duplicate")
    again = Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(
        buyer.updated(at=60), buyer.invoice_failed(at=70),
        buyer.invoice_paid(at=80), buyer.updated(at=90, status="past_due"),
        buyer.updated(at=100), buyer.checkout(at=101), buyer.deleted(at=110),
        again.created(at=200), again.invoice_paid(at=300))
    same(pair.credits(), credits)


@suite.case("an unpaid session converts nothing until the money is there")
def unpaid(desk):
    pair = Pair(desk)
    buyer = pair.buyer
    desk.deliver(buyer.checkout(payment_status="unpaid"), buyer.created())
    same(pair.converted(), False)
    desk.deliver(buyer.payment_arrived())
    true(pair.converted(), "it did not convert")
    pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.case("a deleted referrer loses nothing for the buyer")
def referrer_gone(desk):
    pair = Pair(desk)
    desk.sql("DELETE FROM billing.accounts WHERE id = %s",
             pair.referrer["id"])
    has(pair.row(), referrer_account_id=None)
    desk.deliver(pair.buyer.created())
    true(pair.converted(), "it did not convert")
    pair.check(None, CREDIT_DAYS)


@suite.case("who had paid before was not won by a referral")
def paid_before(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.deleted())
    referrer = desk.account()
    desk.sql("""INSERT INTO billing.referrals
             (code, referrer_account_id, referred_account_id)
             VALUES ('LATE', %s, %s)""", referrer["id"],
             desk.account_of(buyer)["id"])
    again = Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(again.created(at=7200))
    has(desk.account_of(buyer), credit_until=None, tier="paid")


def unmatched(desk):
    """A referred buyer whose subscription is active and not yet theirs."""
    pair = Pair(desk, bound=False)
    pair.buyer.metadata = {}
    desk.deliver(pair.buyer.created(), answer="unmatched")
    same(pair.converted(), False)
    return pair


@suite.case("what was unmatched converts when an event links it")
def linked_by_event(desk):
    pair = unmatched(desk)
    desk.deliver(pair.buyer.checkout(at=5))
    true(pair.converted(), "it did not convert")
    pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.case("what was unmatched converts when an operator links it")
def linked_by_operator(desk):
    pair = unmatched(desk)
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = %s "
             "WHERE external_id = %s", pair.buyer.customer,
             pair.buyer.account)
    true(pair.converted(), "it did not convert")
    pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.each("credit and subscription are one transaction: a fault in {table}"
            " undoes both", ["referrals", "accounts", "stripe_events"])
def one_transaction(desk, table):
    pair = Pair(desk)
    event = pair.buyer.created()
    with desk.failing("57014", table):
        same(desk.post_event(event).status, 503)
    desk.expect_log("level=(warn|error)")
    same(pair.converted(), False)
    pair.check(None, None)
    same(desk.subscription_of(pair.buyer), None)
    desk.deliver(event)
    pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.case("first payments at the same moment on all workers credit once")
def at_once(desk):
    for _ in range(10):
        pair = Pair(desk)
        others = [Buyer(pair.buyer.account, customer=pair.buyer.customer)
                  for _ in range(3)]
        events = [b.created() for b in [pair.buyer, *others]]
        in_threads(4, lambda i: same(
            desk.post_event(events[i]).status, 200))
        pair.check(CREDIT_DAYS, CREDIT_DAYS)


@suite.case("two who referred each other are both credited, and no worker"
            " hangs")
def each_other(desk):
    for _ in range(5):
        pair = Pair(desk)
        back = Buyer(pair.referrer["external_id"])
        desk.sql("""INSERT INTO billing.referrals
                 (code, referrer_account_id, referred_account_id)
                 VALUES ('BACK', %s, %s)""",
                 desk.account_of(pair.buyer)["id"], pair.referrer["id"])
        events = [pair.buyer.created(), back.created()]
        in_threads(2, lambda i: same(
            desk.post_event(events[i]).status, 200))
        pair.check(2 * CREDIT_DAYS, 2 * CREDIT_DAYS)


@suite.case("without a referral nobody is credited")
def no_referral(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    has(desk.account_of(buyer), credit_until=None)


suite.main()
