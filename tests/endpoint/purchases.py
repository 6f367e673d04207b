#!/usr/bin/python3 -B
"""What is bought once: a plan for good or for days, paid at once or later,
given back or disputed, before or after there is an account."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.customers import Shop
from harness.stripe import new_id
from harness.tap import Suite, has, same, true

CATALOG = {**stripe.CATALOG, "plans": {
    **stripe.CATALOG["plans"],
    "life": {"rank": 50, "features": {"projects": 1000}, "prices": [
        {"price": "price_life", "period": "once"}]},
    "month": {"rank": 1, "features": {"projects": 5}, "prices": [
        {"price": "price_month", "period": "once", "days": 30}]}}}

suite = Suite(lambda: Shop(catalog=CATALOG, programs=[
    "account", "stripe-webhook", "fake-stripe"]))


class Purchase:
    """A session of mode payment, and what becomes of its money."""

    def __init__(self, buyer, plan="life", **metadata):
        self.buyer = buyer
        self.id = new_id("cs")
        self.intent = new_id("pi")
        self.metadata = {"plan": plan, "period": "once", **metadata}
        if buyer.account:
            self.metadata["account"] = buyer.account

    def session(self, name="completed", at=0, paid="paid", amount=9900,
                **fields):
        return self.buyer.checkout_event(name, at=at, **{
            "id": self.id, "mode": "payment", "subscription": None,
            "payment_intent": self.intent, "payment_status": paid,
            "amount_total": amount, "metadata": self.metadata, **fields})

    def refunded(self, at=600):
        return self.buyer.event("charge.refunded", {
            "id": "ch" + self.intent, "object": "charge", "amount": 9900,
            "amount_refunded": 9900, "refunded": True,
            "payment_intent": self.intent,
            "customer": self.buyer.customer}, at)

    def dispute(self, name, status, at=600):
        return self.buyer.event("charge.dispute." + name, {
            "id": "du" + self.intent, "object": "dispute", "amount": 9900,
            "charge": "ch" + self.intent, "payment_intent": self.intent,
            "status": status}, at)


def access(shop, buyer):
    return shop.row("SELECT access, reason, plan, period FROM billing.access "
                    "WHERE external_id = %s", buyer.account)


YES = {"access": True, "reason": "purchase", "plan": "life", "period": "once"}


@suite.case("a plan for good: access without an end, tier paid, the customer"
            " bound")
def for_good(shop):
    buyer = shop.buyer(bound=False)
    shop.deliver(Purchase(buyer).session())
    same(access(shop, buyer), YES)
    has(shop.account_of(buyer), tier="paid",
        stripe_customer_id=buyer.customer)
    has(shop.row("SELECT * FROM billing.purchases WHERE account_id = %s",
                 shop.account_of(buyer)["id"]),
        plan="life", price_id="price_life", amount=9900, until=None)


@suite.case("a plan for days ends with them")
def for_days(shop):
    buyer = shop.buyer()
    purchase = Purchase(buyer, "month")
    shop.deliver(purchase.session())
    has(access(shop, buyer), access=True, plan="month")
    shop.sql("UPDATE billing.purchases SET until = now() - interval '1 s' "
             "WHERE source_id = %s", purchase.id)
    has(access(shop, buyer), access=False, reason="none")


@suite.case("unpaid gives nothing until the money has come, in either order")
def later(shop):
    for order in itertools.permutations((0, 1)):
        buyer = shop.buyer()
        purchase = Purchase(buyer)
        events = [purchase.session(paid="unpaid"), purchase.session(
            "async_payment_succeeded", at=500)]
        shop.deliver(events[order[0]])
        same(access(shop, buyer)["access"], order[0] == 1)
        shop.deliver(events[order[1]])
        same(access(shop, buyer), YES)


@suite.case("a session that names nothing that is sold once is ignored and"
            " binds nobody")
def not_ours(shop):
    buyer = shop.buyer(bound=False)
    purchase = Purchase(buyer)
    shop.deliver(purchase.session(metadata={"account": buyer.account}),
                 purchase.session(metadata={"plan": "pro"}, id=new_id("cs")),
                 answer="ignored")
    has(shop.account_of(buyer), stripe_customer_id=None, tier="free")


@suite.case("a full refund ends it, a dispute suspends it until it is won, in"
            " every order")
def money_back(shop):
    life = ["sold", "opened", "won", "refunded"]
    for order in itertools.permutations(life):
        buyer = shop.buyer()
        purchase = Purchase(buyer)
        events = {"sold": purchase.session(),
                  "opened": purchase.dispute("created", "needs_response",
                                             400),
                  "won": purchase.dispute("closed", "won", 500),
                  "refunded": purchase.refunded()}
        for name in order:
            shop.post_event(events[name])
        has(access(shop, buyer), access=False, reason="suspended")
        has(shop.account_of(buyer), tier="free")
    buyer = shop.buyer()
    purchase = Purchase(buyer)
    shop.deliver(purchase.session(),
                 purchase.dispute("created", "needs_response", 400))
    has(access(shop, buyer), access=False, reason="suspended")
    shop.deliver(purchase.dispute("closed", "won", 500))
    same(access(shop, buyer), YES)


@suite.case("the higher rank leads, beside a subscription")
def beside(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(), Purchase(buyer).session())
    same(access(shop, buyer), YES)
    other = shop.buyer()
    shop.deliver(other.created(), Purchase(other, "month").session())
    has(access(shop, other), reason="subscription", plan="pro")


@suite.case("who bought before there was an account gets it at sign-up by the"
            " verified address")
def before_account(shop):
    email = new_id("early") + "@example.com"
    buyer = stripe.Buyer(email=email)
    shop.deliver(Purchase(buyer).session(), answer="unmatched")
    account = shop.account(email=email.upper())
    has(shop.row("SELECT access, plan FROM billing.access "
                 "WHERE account_id = %s", account["id"]),
        access=True, plan="life")


@suite.case("the first money converts a referral; given back in full it takes the"
            " days back")
def referral(shop):
    friend, buyer = shop.account(), shop.buyer()
    shop.sql("INSERT INTO billing.referrals (code, referrer_account_id,"
             " referred_account_id) VALUES ('X', %s, %s)", friend["id"],
             shop.account_of(buyer)["id"])
    purchase = Purchase(buyer)
    shop.deliver(purchase.session())
    days = "SELECT credit_until > now() + interval '44 days' FROM" \
        " billing.accounts WHERE id = %s"
    true(shop.value(days, friend["id"]), "the referrer has no credit")
    shop.deliver(purchase.refunded())
    true(not shop.value(days, friend["id"]), "the days are still there")


suite.main()
