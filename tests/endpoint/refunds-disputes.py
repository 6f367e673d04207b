#!/usr/bin/python3 -B
"""Refunds, disputes and fraud warnings: what they do to access says the
catalog's policy; in any order, and told of payments that were seen or not."""

import contextlib
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, when
from harness.payment import Payment
from harness.stripe import NEW, OLD
from harness.tap import Suite, has, same

suite = Suite(lambda: Desk(durable=False, programs=[
    "stripe-webhook", "account", "fake-stripe"]))


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
            for order in list(itertools.permutations(life))[::3]:
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


def asked(desk, payment):
    """How often Stripe was asked about a payment."""
    return len([r for r in desk.stripe.requests()
                if payment.intent in r["path"]
                or r["path"] == "/v1/invoices/" + payment.invoice])


CLAIMS = {
    "refund": lambda p: p.refunded(),
    "dispute": lambda p: p.dispute("created", "needs_response"),
    "fraud warning": lambda p: p.warning(),
    "refund that names the invoice": lambda p: p.refunded(invoice=p.invoice),
}


@suite.each("a {name} of a payment from before the desk: Stripe is asked for"
            " its invoice, once", list(CLAIMS))
def unknown_payment(desk, name):
    with policy(desk, refund_subscription="end", fraud_warning="suspend"):
        buyer = desk.buyer()
        payment = Payment(buyer)
        payment.at_stripe(desk)
        event = CLAIMS[name](payment)
        desk.deliver(buyer.created(), event)
        same(access(desk, buyer), NO)
        desk.deliver(event, answer="duplicate")
        desk.deliver(payment.dispute("updated", "under_review", 800))
        same(asked(desk, payment), 1, "questions")
        has(desk.row("SELECT * FROM billing.invoices WHERE invoice_id = %s",
                     payment.invoice), paid_at=when(buyer.start + 60),
            amount_paid=1000, stripe_subscription_id=buyer.subscription)


@suite.case("a payment that the books know is not asked about")
def known_payment(desk):
    buyer = desk.buyer()
    payment = Payment(buyer)
    payment.at_stripe(desk)
    desk.deliver(buyer.created(), *payment.paid(), payment.refunded(),
                 payment.dispute("created", "needs_response"))
    same(asked(desk, payment), 0)


@suite.case("a stranger's refund is not asked about, and their dispute once")
def strangers_payment(desk):
    buyer = stripe.Buyer()
    payment = Payment(buyer)
    desk.deliver(payment.refunded(), answer="ignored")
    same(asked(desk, payment), 0)
    payment = Payment(buyer)
    desk.deliver(payment.dispute("created", "needs_response"),
                 payment.dispute("closed", "lost", 700), answer="ignored")
    same(asked(desk, payment), 1)


@suite.each("Stripe answers {answer} about an unknown payment: {status}", [
    {"answer": answer, "status": status} for answer, status in (
        ({"status": 500}, 503), ({"status": 401}, 503), ({"cut": True}, 503),
        ({"status": 429}, 503), ({"status": 403}, 200))])
def not_answered(desk, answer, status):
    desk.expect_log("level=warn", "status=503")
    buyer = desk.buyer()
    payment = Payment(buyer)
    payment.at_stripe(desk)
    desk.deliver(buyer.created())
    desk.stripe.next("GET /v1/invoice_payments", answer)
    event = payment.dispute("created", "needs_response")
    same(desk.post_event(event).status, status)
    if status == 503:
        same(desk.ledger(event), None)
        desk.deliver(event)
        same(access(desk, buyer), NO)


@suite.case("nobody's refund and dispute are ignored")
def strangers(desk):
    buyer = stripe.Buyer()
    payment = Payment(buyer)
    desk.deliver(payment.refunded(), payment.dispute("created",
                 "needs_response"), payment.refund_failed(), answer="ignored")


suite.main()
