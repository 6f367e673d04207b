#!/usr/bin/python3 -B
"""What people see of money in doubt: on /ops, in a customer's story and in the
metrics."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk
from harness.operator import Post
from harness.payment import Payment
from harness.stripe import CATALOG, TEAM_MONTHLY, new_id
from harness.tap import Suite, same, true


class Watch(Post):
    """Somebody on call, who sees the metrics, too."""

    def __init__(self):
        Desk.__init__(self, programs=["ops", "health", "stripe-webhook",
                                      "fake-stripe"])


suite = Suite(Watch)


def metric(desk, sample):
    """None when it is not there."""
    text = desk.request("GET", "/metrics").body.decode()
    found = re.findall(r"^%s (\S+)$" % re.escape(sample), text, re.M)
    return float(found[0]) if found else None


def disputes(desk, state):
    return metric(desk, 'paydesk_disputes{state="%s"}' % state)


def paid(desk, **options):
    """A buyer who has paid, and the payment."""
    buyer = desk.buyer(**options)
    payment = Payment(buyer)
    desk.deliver(buyer.created(), *payment.paid())
    return buyer, payment


def dispute(payment, name, status, at=600, days=9):
    event = payment.dispute(name, status, at)
    event["data"]["object"]["evidence_details"]["due_by"] = \
        int(time.time()) + days * 86400
    return event


def flat(page):
    return re.sub(r"\s+", " ", page.text)


def says(page, *words):
    for word in words:
        true(word in flat(page), "%r is not said: %s" % (word, flat(page)))


# ------------------------------------------------------------------ disputes

@suite.each("a dispute that is {status} counts as {state}", [
    {"name": name, "status": status, "state": state}
    for name, status, state in [
        ("created", "needs_response", "open"),
        ("updated", "under_review", "open"),
        ("updated", "appeal_under_review", "open"),
        ("created", "warning_needs_response", "inquiry"),
        ("updated", "warning_under_review", "inquiry"),
        ("closed", "lost", "lost"), ("closed", "won", "won"),
        ("closed", "prevented", "other"),
        ("closed", "warning_closed", "other")]])
def counted(desk, name, status, state):
    before = disputes(desk, state)
    _, payment = paid(desk)
    desk.deliver(payment.dispute(name, status))
    same(disputes(desk, state) - before, 1)


@suite.case("the next evidence that is due is a metric; what Stripe decides"
            " now, and nobody's dispute, is not")
def due(desk):
    desk.sql("DELETE FROM billing.disputes")
    same(metric(desk, "paydesk_dispute_due_seconds"), None)
    stranger = Payment(stripe.Buyer())
    desk.deliver(dispute(stranger, "created", "needs_response", days=1),
                 answer="ignored")
    same(disputes(desk, "open"), 0, "a stranger's")
    (_, late), (_, soon), (_, decided) = [paid(desk) for _ in range(3)]
    desk.deliver(dispute(late, "created", "needs_response", days=9),
                 dispute(soon, "created", "warning_needs_response", days=4),
                 dispute(decided, "updated", "under_review", days=2))
    seconds = metric(desk, "paydesk_dispute_due_seconds")
    true(4 * 86400 - 60 <= seconds <= 4 * 86400, seconds)
    desk.deliver(dispute(soon, "closed", "warning_closed", 700))
    true(metric(desk, "paydesk_dispute_due_seconds") > 8 * 86400, "the other")


@suite.case("open disputes are on /ops, what is due first first, and lead to"
            " the customer")
def listed(desk):
    desk.sql("DELETE FROM billing.disputes")
    says(desk.look(), "Open disputes0")
    cases = [paid(desk) for _ in range(4)]
    for (_, payment), name, status, days in zip(
            cases, ("created", "created", "updated", "closed"),
            ("needs_response", "needs_response", "under_review", "won"),
            (9, -1, 1, 1)):
        desk.deliver(dispute(payment, name, status, days=days))
    page = desk.look()
    same(page.wrong + page.open, [])
    says(page, "Open disputes3 !", "Evidence is due by", "late",
         "The evidence is in: Stripe decides.")
    same(page.count("a", href="#disputes"), 1)
    same(page.count("section", id="disputes"), 1)
    links = [has.get("href") for tag, has in page.elements if tag == "a"]
    places = [links.index("/ops/customer?q=" + buyer.account)
              for buyer, _ in (cases[1], cases[0], cases[2])]
    same(places, sorted(places), "the order")
    true(cases[3][0].account not in page.text, "one that is over")


@suite.case("subscriptions that are suspended are counted, as the policy says")
def suspended(desk):
    desk.sql("UPDATE billing.subscriptions SET dispute = NULL")
    same(metric(desk, "paydesk_suspended_subscriptions"), 0)
    _, payment = paid(desk)
    desk.deliver(payment.dispute("created", "needs_response"))
    same(metric(desk, "paydesk_suspended_subscriptions"), 1)
    desk.sql("UPDATE billing.policy SET dispute = 'keep'")
    same(metric(desk, "paydesk_suspended_subscriptions"), 0)
    desk.sql("UPDATE billing.policy SET dispute = 'suspend'")
    buyer, payment = paid(desk)
    desk.deliver(payment.dispute("closed", "lost"))
    same(metric(desk, "paydesk_suspended_subscriptions"), 2)
    desk.deliver(buyer.deleted())
    same(metric(desk, "paydesk_suspended_subscriptions"), 1,
         "what is over is stopped by nothing")


# ------------------------------------------------------ prices, and no account

@suite.case("a price that nobody has listed is on /ops and a metric, each with"
            " its id, until the catalog names it")
def unknown_price(desk):
    price = new_id("price")
    sample = 'paydesk_unknown_prices{price="%s"}' % price
    same(metric(desk, sample), None)
    true("Unknown prices" not in desk.look().text, "a card about nothing")
    buyer, other = desk.buyer(), desk.buyer()
    desk.deliver(buyer.created(), other.created(),
                 buyer.updated(items=[stripe.item(price)]),
                 other.updated(items=[stripe.item(price)]))
    same(metric(desk, sample), 2)
    page = desk.look()
    same(page.wrong + page.open, [])
    says(page, "At unknown prices2 !", price, "live subscriptions: 2",
         "counted as pro")
    same(page.count("a", href="#prices"), 1)
    same(page.count("section", id="prices"), 1)
    desk.deliver(other.deleted())
    same(metric(desk, sample), 1, "what is over does not count")
    with desk.selling({**CATALOG, "plans": {**CATALOG["plans"], "pro": {
            **CATALOG["plans"]["pro"],
            "prices": [{"price": price, "period": "monthly",
                        "sold": False}]}}}):
        same(metric(desk, sample), None)
        true(price not in desk.look().text, "it is known now")


@suite.case("another product's price is no unknown one")
def another_product(desk):
    price = new_id("price")
    desk.deliver(desk.buyer().created(items=[stripe.item(price)]),
                 answer="ignored")
    same(metric(desk, 'paydesk_unknown_prices{price="%s"}' % price), None)


@suite.case("who pays and has no account counts, who never paid does not")
def payers(desk):
    before = metric(desk, "paydesk_unmatched_payers")
    desk.deliver(stripe.Buyer().created(status="incomplete"),
                 answer="unmatched")
    same(metric(desk, "paydesk_unmatched_payers") - before, 0)
    desk.deliver(stripe.Buyer().created(), answer="unmatched")
    same(metric(desk, "paydesk_unmatched_payers") - before, 1)
    page = desk.look()
    says(page, "Paid and unmatched%d !" % (before + 1))
    same(page.count("section", id="unmatched"), 1)


# ------------------------------------------------------------------ the story

@suite.case("the story tells of a refund, a part of one, and one that failed")
def refunds(desk):
    buyer, payment = paid(desk)
    desk.deliver(payment.refunded(amount=10))
    says(desk.customer(buyer.account),
         "a part of payment %s is given back" % payment.intent)
    desk.deliver(payment.refunded(700))
    says(desk.customer(buyer.account),
         "payment %s is given back in full" % payment.intent)
    desk.deliver(payment.refund_failed(800))
    says(desk.customer(buyer.account),
         "of payment %s fails: the money stays" % payment.intent)


@suite.case("the story tells of a dispute, until when evidence is due, and how"
            " it ends; and of a fraud warning")
def story_of_dispute(desk):
    buyer, payment = paid(desk)
    event = payment.dispute("created", "needs_response")
    desk.deliver(event, payment.warning())
    says(desk.customer(buyer.account),
         "the customer disputes payment " + payment.intent,
         "evidence is due by " + time.strftime("%Y-%m-%dT%H:%M:%SZ",
         time.gmtime(event["data"]["object"]["evidence_details"]["due_by"])),
         "Stripe warns that payment %s may be a fraud" % payment.intent)
    desk.deliver(payment.dispute("closed", "lost", 900))
    page = desk.customer(buyer.account)
    says(page, "the dispute of payment %s is lost" % payment.intent)
    true("evidence is due" not in page.text, "nobody waits for it")


@suite.case("the story tells of invoices: paid, failed, overdue, given up, and"
            " where the customer confirms a payment")
def invoices(desk):
    buyer = desk.buyer()
    names = [new_id("in") for _ in range(4)]
    page = "https://invoice.stripe.com/i/" + new_id("x")
    desk.deliver(
        buyer.created(), buyer.invoice_paid(60, id=names[0]),
        buyer.invoice_paid(70, id=names[1], amount=0),
        buyer.invoice_failed(80, id=names[2]),
        buyer.invoice_event("payment_action_required", 90, id=names[2],
                            status="open", hosted_invoice_url=page),
        buyer.invoice_event("overdue", 100, id=names[3], status="open"),
        buyer.invoice_event("voided", 110, id=names[3], status="void"))
    story = desk.customer(buyer.account)
    says(story, "invoice %s is paid" % names[0],
         "invoice %s is settled: there was nothing to pay" % names[1],
         "a payment of invoice %s fails" % names[2],
         "the bank asks the customer to confirm the payment of invoice "
         + names[2], "the customer confirms at " + page,
         "invoice %s is overdue" % names[3],
         "invoice %s is voided or given up" % names[3])


@suite.case("the story tells of a scheduled change and of a pause")
def changes(desk):
    buyer = desk.buyer()
    schedule = new_id("sub_sched")
    at = int(time.time()) + 9 * 86400
    desk.deliver(
        buyer.created(), buyer.updated(schedule=schedule, pause_collection={
            "behavior": "keep_as_draft", "resumes_at": at}),
        buyer.event("subscription_schedule.created", {
            "id": schedule, "object": "subscription_schedule",
            "status": "active", "customer": buyer.customer,
            "subscription": buyer.subscription,
            "current_phase": {"start_date": buyer.start, "end_date": at},
            "phases": [
                {"start_date": buyer.start, "end_date": at,
                 "items": [{"price": stripe.PRO_MONTHLY, "quantity": 1}]},
                {"start_date": at, "end_date": at + 86400,
                 "items": [{"price": TEAM_MONTHLY, "quantity": 1}]}]}, 70))
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    says(desk.customer(buyer.account),
         "%s is to become team, monthly at %s" % (buyer.subscription, then),
         "no money is collected for %s until %s" % (buyer.subscription, then),
         "keep_as_draft")
    desk.deliver(buyer.updated(90, status="paused"))
    says(desk.customer(buyer.account), buyer.subscription + " is paused")


suite.main()
