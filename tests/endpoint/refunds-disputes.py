#!/usr/bin/python3 -B
"""Refunds, disputes and fraud warnings: what they do to access says the
catalog's policy; in any order, and told of payments that were seen or not."""

import contextlib
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk
from harness.stripe import NEW, OLD, new_id
from harness.tap import Suite, has, same

suite = Suite(lambda: Desk(programs=["stripe-webhook", "account"]))


class Payment:
    """The money of one paid invoice, and what becomes of it."""

    def __init__(self, buyer, at=60, amount=1000, **fields):
        self.buyer = buyer
        self.intent = new_id("pi")
        self.charge = new_id("ch")
        self.invoice = new_id("in")
        self.at = at
        self.amount = amount
        if buyer.api == OLD:
            fields = {"payment_intent": self.intent, "charge": self.charge,
                      **fields}
        self.fields = fields

    def paid(self):
        """Its events: in the new shape another one names the payment."""
        invoice = self.buyer.invoice_paid(
            self.at, id=self.invoice, amount=self.amount,
            created=self.buyer.start + self.at, **self.fields)
        if self.buyer.api == OLD:
            return [invoice]
        return [invoice, self.buyer.event("invoice_payment.paid", {
            "id": new_id("inpay"), "object": "invoice_payment",
            "invoice": self.invoice, "status": "paid",
            "payment": {"type": "payment_intent",
                        "payment_intent": self.intent}}, self.at)]

    def refunded(self, at=600, amount=None, **fields):
        return self.buyer.event("charge.refunded", {
            "id": self.charge, "object": "charge", "amount": self.amount,
            "amount_refunded": amount or self.amount,
            "refunded": amount is None, "customer": self.buyer.customer,
            "payment_intent": self.intent, **fields}, at)

    def refund_failed(self, at=700):
        return self.buyer.event("refund.failed", {
            "id": new_id("re"), "object": "refund", "amount": self.amount,
            "charge": self.charge, "payment_intent": self.intent,
            "status": "failed"}, at)

    def dispute(self, name, status, at=600, id="du_1"):
        return self.buyer.event("charge.dispute." + name, {
            "id": id + self.charge, "object": "dispute",
            "amount": self.amount, "charge": self.charge,
            "payment_intent": self.intent, "status": status,
            "evidence_details": {"due_by": self.buyer.start + 86400 * 9},
            }, at)

    def warning(self, at=600):
        return self.buyer.event("radar.early_fraud_warning.created", {
            "id": new_id("issfr"), "object": "radar.early_fraud_warning",
            "charge": self.charge, "payment_intent": self.intent,
            "actionable": True, "fraud_type": "misc"}, at)


@contextlib.contextmanager
def policy(desk, **words):
    """The catalog's policy, changed for a while."""
    before = desk.row("SELECT refund_subscription, dispute, dispute_lost,"
                      " fraud_warning FROM billing.policy")
    set_policy(desk, words)
    try:
        yield
    finally:
        set_policy(desk, before)


def set_policy(desk, words):
    for word, value in words.items():
        desk.sql("UPDATE billing.policy SET " + word + " = %s", value)


def access(desk, buyer):
    row = desk.row("SELECT access, reason FROM billing.access "
                   "WHERE external_id = %s", buyer.account)
    return row["access"], row["reason"]


YES = (True, "subscription")
NO = (False, "suspended")


@suite.each("a full refund, refund_subscription {word}: {result}, shape of"
            " {api}", [{"word": word, "result": result, "api": api}
                       for word, result in (("keep", YES), ("end", NO))
                       for api in (OLD, NEW)])
def refund(desk, word, result, api):
    with policy(desk, refund_subscription=word):
        buyer = desk.buyer(api=api)
        payment = Payment(buyer)
        desk.deliver(buyer.created(), *payment.paid(), payment.refunded())
        same(access(desk, buyer), result)
        has(desk.account_of(buyer), tier="paid", subscription_status="active")


@suite.case("a partial refund, one of an older period and one that failed"
            " take nothing")
def harmless(desk):
    with policy(desk, refund_subscription="end"):
        buyer = desk.buyer()
        old, new = Payment(buyer, at=60), Payment(buyer, at=90)
        desk.deliver(buyer.created(), *old.paid(), *new.paid(),
                     old.refunded(), new.refunded(amount=10))
        same(access(desk, buyer), YES)
        desk.deliver(new.refunded(at=610))
        same(access(desk, buyer), NO)
        desk.deliver(new.refund_failed())
        same(access(desk, buyer), YES)


@suite.case("who pays again after a refund has access again")
def paid_again(desk):
    with policy(desk, refund_subscription="end"):
        buyer = desk.buyer()
        old, new = Payment(buyer, at=60), Payment(buyer, at=800)
        desk.deliver(buyer.created(), *old.paid(), old.refunded())
        same(access(desk, buyer), NO)
        desk.deliver(*new.paid())
        same(access(desk, buyer), YES)


DISPUTES = [
    ("created", "needs_response", NO), ("created", "warning_needs_response",
                                        YES),
    ("updated", "under_review", NO), ("closed", "prevented", YES),
    ("closed", "warning_closed", YES), ("closed", "won", YES),
    ("closed", "lost", NO), ("updated", "appeal_under_review", NO)]


@suite.each("a dispute that is {status}: {result}", [
    {"name": name, "status": status, "result": result}
    for name, status, result in DISPUTES])
def dispute(desk, name, status, result):
    buyer = desk.buyer()
    payment = Payment(buyer)
    desk.deliver(buyer.created(), *payment.paid(),
                 payment.dispute(name, status))
    same(access(desk, buyer), result)
    with policy(desk, dispute="keep", dispute_lost="keep"):
        same(access(desk, buyer), YES, "the policy keeps access")


@suite.case("a dispute that was lost can be won by an appeal")
def appeal(desk):
    buyer = desk.buyer()
    payment = Payment(buyer)
    desk.deliver(buyer.created(), *payment.paid(),
                 payment.dispute("created", "needs_response", 600),
                 payment.dispute("closed", "lost", 700))
    same(access(desk, buyer), NO)
    desk.deliver(payment.dispute("updated", "appeal_under_review", 800),
                 payment.dispute("closed", "won", 900))
    same(access(desk, buyer), YES)


@suite.each("a fraud warning, fraud_warning {word}: {result}", [
    {"word": "note", "result": YES}, {"word": "suspend", "result": NO}])
def warning(desk, word, result):
    with policy(desk, fraud_warning=word):
        buyer = desk.buyer()
        payment = Payment(buyer)
        desk.deliver(buyer.created(), *payment.paid(), payment.warning())
        same(access(desk, buyer), result)


@suite.case("a refund and a dispute in every order end alike")
def orders(desk):
    with policy(desk, refund_subscription="end"):
        for api in (OLD, NEW):
            life = ["created", "paid", "refunded", "opened", "won"]
            for order in itertools.permutations(life):
                buyer = desk.buyer(api=api)
                payment = Payment(buyer)
                events = {
                    "created": [buyer.created()], "paid": payment.paid(),
                    "refunded": [payment.refunded(600)],
                    "opened": [payment.dispute("created", "needs_response",
                                               500)],
                    "won": [payment.dispute("closed", "won", 550)]}
                for name in order:
                    for event in events[name]:
                        desk.post_event(event)
                same(access(desk, buyer), NO, " ".join(order))


@suite.case("a suspension stops its own subscription, not the others")
def others(desk):
    buyer = desk.buyer()
    other = stripe.Buyer(buyer.account, customer=buyer.customer)
    payment = Payment(buyer)
    desk.deliver(buyer.created(), other.created(), *payment.paid(),
                 payment.dispute("created", "needs_response"))
    same(access(desk, buyer), YES)


@suite.case("nobody's refund and dispute are ignored")
def strangers(desk):
    buyer = stripe.Buyer()
    payment = Payment(buyer)
    desk.deliver(payment.refunded(), payment.dispute("created",
                 "needs_response"), payment.refund_failed(), answer="ignored")


suite.main()
