#!/usr/bin/python3 -B
"""Whose event it is: the order of trust, binding, later linking, erasure."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads
from harness.stripe import Buyer, new_id
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Desk(programs=["stripe-webhook", "fake-stripe"]))


def stored(desk, account):
    return desk.row("SELECT * FROM billing.accounts WHERE id = %s",
                    account["id"])


# --------------------------------------------------------------- who counts

@suite.case("an account is found by metadata")
def by_metadata(desk):
    for make in ("created", "checkout", "invoice_paid"):
        account = desk.account()
        buyer = Buyer(metadata={"account": account["external_id"]})
        desk.deliver(getattr(buyer, make)())
        has(desk.subscription_of(buyer), account_id=account["id"])
        has(stored(desk, account), stripe_customer_id=buyer.customer)


@suite.case("an account is found by client_reference_id")
def by_reference(desk):
    account = desk.account()
    buyer = Buyer()
    desk.deliver(buyer.checkout(reference=account["external_id"]))
    has(desk.subscription_of(buyer), account_id=account["id"])
    has(stored(desk, account), stripe_customer_id=buyer.customer)


@suite.each("an account is found by e-mail: {spelling}", [
    {"spelling": "as it is", "spell": str},
    {"spelling": "in capitals", "spell": str.upper}])
def by_email(desk, spelling, spell):
    account = desk.account()
    buyer = Buyer(email=spell(account["email"]))
    desk.deliver(buyer.checkout())
    has(desk.subscription_of(buyer), account_id=account["id"])
    has(stored(desk, account), stripe_customer_id=buyer.customer)


@suite.case("an e-mail is no proof for an account that has a customer")
def email_of_another_customer(desk):
    account = desk.account(stripe_customer_id=new_id("cus"))
    buyer = Buyer(email=account["email"])
    desk.deliver(buyer.checkout(), answer="unmatched")
    same(stored(desk, account), account)
    has(desk.subscription_of(buyer), account_id=None)


@suite.case("an address with spaces around it, in an event or a row, is the"
            " same")
def spaces(desk):
    for kept, said in (("  Jane@X.test ", "jane@x.test"),
                       ("joe@x.test", "  Joe@X.TEST ")):
        account = desk.account(email=kept)
        buyer = Buyer(email=said)
        desk.deliver(buyer.checkout())
        has(desk.subscription_of(buyer), account_id=account["id"])


@suite.case("an address that nobody has verified names nobody")
def unverified(desk):
    account = desk.account(email_verified=False)
    buyer = Buyer(email=account["email"])
    desk.deliver(buyer.checkout(), answer="unmatched")
    same(stored(desk, account), account)


@suite.case("an account that has a customer and its twin that has none share"
            " an address: neither is meant")
def twins(desk):
    for email in ("twin@example.com", " Twin@example.com"):
        desk.account(email=email, stripe_customer_id=new_id("cus")
                     if email.startswith("t") else None)
    buyer = Buyer(email="twin@example.com")
    desk.deliver(buyer.checkout(), answer="unmatched")
    has(desk.subscription_of(buyer), account_id=None)


@suite.case("a payment link's reference gives access and binds nobody")
def payment_link(desk):
    account = desk.account()
    buyer = Buyer()
    desk.deliver(buyer.created(), answer="unmatched")
    desk.deliver(buyer.checkout(reference=account["external_id"],
                                payment_link="plink_1"))
    has(desk.subscription_of(buyer), account_id=account["id"])
    has(stored(desk, account), stripe_customer_id=None, tier="paid")
    desk.deliver(buyer.updated())
    has(stored(desk, account), stripe_customer_id=None)


@suite.case("where a verified address matches as well, it stands above a"
            " payment link's reference")
def payment_link_address(desk):
    victim, payer = desk.account(), desk.account()
    buyer = Buyer(email=payer["email"])
    desk.deliver(buyer.checkout(reference=victim["external_id"],
                                payment_link="plink_1"))
    has(desk.subscription_of(buyer), account_id=payer["id"])
    has(stored(desk, victim), stripe_customer_id=None, tier="free")


@suite.case("customer.updated binds nobody, by address or by metadata")
def customer_updated(desk):
    account = desk.account()
    buyer = Buyer(account["external_id"], email=account["email"])
    desk.deliver(buyer.customer_event("updated"), answer="unmatched")
    same(stored(desk, account), account)


@suite.case("an account that was linked while the customer was null is bound"
            " when an event brings the customer")
def customer_later(desk):
    account = desk.account()
    buyer = Buyer()
    desk.deliver(buyer.checkout(customer=None,
                                reference=account["external_id"]))
    has(stored(desk, account), stripe_customer_id=None, tier="paid")
    desk.deliver(buyer.created())
    has(stored(desk, account), stripe_customer_id=buyer.customer)


@suite.case("each binding is noted with its proof")
def bindings(desk):
    account = desk.account()
    buyer = Buyer(account["external_id"])
    desk.deliver(buyer.created(), buyer.updated())
    same(desk.sql("SELECT customer, proof FROM billing.bindings "
                  "WHERE account_id = %s", account["id"]),
         [{"customer": buyer.customer, "proof": "metadata"}])


@suite.case("an invoice of a customer account alone names nobody, unless it"
            " is of a subscription that we know")
def customer_account(desk):
    nobody = Buyer()
    event = nobody.invoice_paid(customer=None, customer_account="acct_1",
                                parent=None)
    desk.deliver(event, answer="unmatched")
    buyer = desk.buyer()
    desk.deliver(buyer.created(status="past_due"),
                 buyer.invoice_paid(customer=None,
                                    customer_account="acct_1"))
    has(desk.subscription_of(buyer), status="active")


@suite.case("without created an event is of the time of its receipt")
def no_created(desk):
    buyer = desk.buyer()
    event = buyer.created()
    del event["created"]
    desk.deliver(event)
    same(desk.value("SELECT last_event_at > now() - interval '1 minute' "
                    "FROM billing.subscriptions WHERE "
                    "stripe_subscription_id = %s", buyer.subscription), True)


@suite.case("deleted needs no status to mean canceled")
def deleted_bare(desk):
    buyer = desk.buyer()
    event = buyer.deleted()
    del event["data"]["object"]["status"]
    desk.deliver(buyer.created(), event)
    has(desk.subscription_of(buyer), status="canceled")


@suite.case("an e-mail that two accounts have names neither")
def shared_email(desk):
    accounts = [desk.account(email="shared@example.com") for _ in range(2)]
    buyer = Buyer(email="shared@example.com")
    desk.deliver(buyer.checkout(), answer="unmatched")
    same([stored(desk, a) for a in accounts], accounts)


@suite.case("metadata counts more than the e-mail")
def metadata_over_email(desk):
    named, mailed = desk.account(), desk.account()
    buyer = Buyer(named["external_id"], email=mailed["email"])
    desk.deliver(buyer.checkout())
    has(desk.subscription_of(buyer), account_id=named["id"])
    same(stored(desk, mailed), mailed)


@suite.case("an id that nobody has falls back to the e-mail")
def unknown_id(desk):
    account = desk.account()
    buyer = Buyer("nobody", email=account["email"])
    desk.deliver(buyer.checkout())
    has(desk.subscription_of(buyer), account_id=account["id"])


@suite.each("a bound customer counts more than {claim}", [
    {"claim": claim, "make": make} for claim, make in [
        ("metadata of the subscription",
         lambda b, other: b.created(
             metadata={"account": other["external_id"]})),
        ("metadata of an invoice",
         lambda b, other: b.invoice_paid(
             metadata={"account": other["external_id"]})),
        ("metadata of a session", lambda b, other: b.checkout(
            metadata={"account": other["external_id"]})),
        ("client_reference_id",
         lambda b, other: b.checkout(reference=other["external_id"])),
        ("the e-mail", lambda b, other: b.checkout(email=other["email"])),
    ]])
def bound_first(desk, claim, make):
    desk.expect_log("WARNING:", "level=warn")
    buyer, other = desk.buyer(), desk.account()
    desk.deliver(make(buyer, other))
    has(desk.subscription_of(buyer),
        account_id=desk.account_of(buyer)["id"])
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer)
    same(stored(desk, other), other)


@suite.case("a conflict is logged, without an address")
def conflict_logged(desk):
    desk.expect_log("WARNING:", "level=warn")
    buyer, other = desk.buyer(), desk.account()
    event = buyer.created(metadata={"account": other["external_id"]})
    before = len(desk.log("stripe-webhook"))
    desk.deliver(event)
    said = desk.log("stripe-webhook")[before:]
    true(buyer.customer in said and "level=warn" in said,
         "no word about the conflict: " + said)
    true("@example.com" not in said, "an address is in the log: " + said)


@suite.case("an account keeps the customer it has when an event names it with"
            " another one")
def named_account_keeps_customer(desk):
    desk.expect_log("WARNING:", "level=warn")
    first = desk.buyer()
    desk.deliver(first.created())
    second = Buyer(first.account)
    same(desk.post_event(second.created()).status, 200)
    has(desk.account_of(first), stripe_customer_id=first.customer)


@suite.case("a customer is bound once, whatever arrives at the same moment")
def bound_once(desk):
    for _ in range(10):
        account = desk.account()
        rivals = [Buyer(account["external_id"]) for _ in range(3)]
        desk.expect_log("WARNING:", "level=warn")
        in_threads(3, lambda i: same(
            desk.post_event(rivals[i].created()).status, 200))
        bound = stored(desk, account)["stripe_customer_id"]
        true(bound in [r.customer for r in rivals], repr(bound))


@suite.case("an id is a key, not SQL")
def not_sql(desk):
    names = ["' OR '1'='1", "1; DROP TABLE billing.accounts; --", "%", "_"]
    for name in names:
        desk.deliver(Buyer(name).created(), answer="unmatched")


# -------------------------------------------------------------- unmatched

def held(desk, **options):
    """A buyer of whom nothing is known, subscribed and paying."""
    buyer = Buyer(new_id("user"), **options)
    desk.deliver(buyer.created(), answer="unmatched")
    has(desk.subscription_of(buyer), account_id=None, status="active")
    return buyer


def linked(desk, buyer):
    account = desk.account_of(buyer)
    has(desk.subscription_of(buyer), account_id=account["id"])
    has(account, stripe_customer_id=buyer.customer, tier="paid",
        subscription_status="active")


@suite.case("what was held is linked when the account that it names appears")
def linked_by_new_account(desk):
    buyer = held(desk)
    desk.account(external_id=buyer.account)
    linked(desk, buyer)


@suite.case("what was held is linked when an account appears with the"
            " customer")
def linked_by_new_customer(desk):
    buyer = held(desk, metadata={})
    desk.account(external_id=buyer.account,
                 stripe_customer_id=buyer.customer)
    linked(desk, buyer)


@suite.case("what was held is linked when an operator binds the customer")
def linked_by_operator(desk):
    buyer = held(desk, metadata={})
    desk.account(external_id=buyer.account)
    desk.sql("UPDATE billing.accounts SET stripe_customer_id = %s "
             "WHERE external_id = %s", buyer.customer, buyer.account)
    linked(desk, buyer)


@suite.case("what was held is linked when the checkout names the account")
def linked_by_checkout(desk):
    buyer = held(desk, metadata={})
    desk.account(external_id=buyer.account)
    desk.deliver(buyer.checkout(at=5))
    linked(desk, buyer)


@suite.case("all subscriptions of a customer are linked at once")
def all_linked(desk):
    buyer = held(desk, metadata={})
    more = [Buyer(customer=buyer.customer) for _ in range(3)]
    for other in more:
        desk.deliver(other.created(), answer="unmatched")
    desk.account(external_id=buyer.account,
                 stripe_customer_id=buyer.customer)
    for other in more:
        has(desk.subscription_of(other),
            account_id=desk.account_of(buyer)["id"])


@suite.case("an event about a held subscription is unmatched and still"
            " updates it")
def held_and_updated(desk):
    buyer = held(desk)
    desk.deliver(buyer.updated(at=60, quantity=6), answer="unmatched")
    has(desk.subscription_of(buyer), seat_limit=6)
    desk.account(external_id=buyer.account)
    desk.deliver(buyer.updated(at=90, quantity=7))
    has(desk.subscription_of(buyer), seat_limit=7)


@suite.case("a held subscription that has ended pays for nothing")
def ended_while_held(desk):
    buyer = held(desk)
    desk.deliver(buyer.deleted(), answer="unmatched")
    desk.account(external_id=buyer.account)
    has(desk.account_of(buyer), tier="free", subscription_status="canceled")


# ----------------------------------------------- paid first, signed up later

def address():
    return new_id("late") + "@example.com"


def payer(desk, email, make=lambda b: b.checkout(reference=None), **options):
    """A buyer who names no account, paying with that address."""
    buyer = Buyer(metadata={}, email=email, **options)
    desk.deliver(buyer.created(), make(buyer), answer="unmatched")
    return buyer


@suite.each("paid first, {how} later with the same verified address: linked"
            " and bound", [
                {"how": how, "make": make} for how, make in [
                    ("with a session", lambda b: b.checkout(reference=None)),
                    ("with an invoice",
                     lambda b: b.invoice_paid(customer_email=b.email))]])
def signed_up_later(desk, how, make):
    email = address()
    buyer = payer(desk, " %s " % email.upper(), make)
    has(desk.subscription_of(buyer), email=email, account_id=None)
    account = desk.account(email=email.title())
    has(desk.subscription_of(buyer), account_id=account["id"], email=None)
    has(stored(desk, account), stripe_customer_id=buyer.customer,
        tier="paid", subscription_status="active")
    same(desk.sql("SELECT customer, proof FROM billing.bindings "
                  "WHERE account_id = %s", account["id"]),
         [{"customer": buyer.customer, "proof": "e-mail"}])


@suite.case("an address links from when it is verified, or changed to, not"
            " before")
def verified_later(desk):
    email = address()
    buyer = payer(desk, email)
    account = desk.account(email=email, email_verified=False)
    has(desk.subscription_of(buyer), account_id=None)
    desk.sql("UPDATE billing.accounts SET email_verified = true "
             "WHERE id = %s", account["id"])
    has(desk.subscription_of(buyer), account_id=account["id"])
    other, moved = payer(desk, address()), desk.account()
    desk.sql("UPDATE billing.accounts SET email = %s WHERE id = %s",
             other.email.upper(), moved["id"])
    has(desk.subscription_of(other), account_id=moved["id"])


@suite.case("an address that two accounts have, one of them bound or unproven,"
            " links nothing at sign-up")
def signed_up_twice(desk):
    for columns in ({"stripe_customer_id": new_id("cus")},
                    {"email_verified": False}):
        email = address()
        buyer = Buyer(metadata={}, email=email)
        desk.account(email=email, **columns)
        desk.deliver(buyer.created(), buyer.checkout(reference=None),
                     answer="unmatched")
        desk.account(email=email)
        has(desk.subscription_of(buyer), account_id=None)


@suite.case("the newest address counts, in whatever order the events come")
def newest_address(desk):
    old, new = address(), address()
    for order in (1, -1):
        buyer = Buyer(metadata={}, email=old)
        events = [buyer.checkout(at=1, reference=None)]
        buyer.email = new
        events.append(buyer.invoice_paid(at=2, customer_email=new))
        desk.deliver(*events[::order], answer="unmatched")
        has(desk.subscription_of(buyer), email=new)


@suite.case("what a customer object says is access to claim at sign-up, and"
            " binds nobody; who has an account already gets nothing by it")
def customer_address(desk):
    buyer = Buyer(metadata={}, email=address())
    desk.deliver(buyer.created(), answer="unmatched")
    there = desk.account()
    desk.deliver(buyer.customer_event("updated", email=there["email"]),
                 buyer.updated(at=5), answer="unmatched")
    desk.sql("SELECT billing.orphans_adopt()")
    same(stored(desk, there), there)
    has(desk.subscription_of(buyer), account_id=None, email=there["email"])
    email = address()
    desk.deliver(buyer.customer_event("updated", at=700, email=email),
                 answer="unmatched")
    late = desk.account(email=email)
    has(desk.subscription_of(buyer), account_id=late["id"])
    has(stored(desk, late), stripe_customer_id=None, tier="paid")


@suite.case("an account and a payment that saw nothing of each other are"
            " brought together by the address as well")
def missed_by_address(desk):
    email = address()
    buyer = payer(desk, email)
    desk.sql("ALTER TABLE billing.accounts DISABLE TRIGGER account_created")
    account = desk.account(email=email)
    desk.sql("ALTER TABLE billing.accounts ENABLE TRIGGER account_created")
    has(desk.subscription_of(buyer), account_id=None)
    same(desk.value("SELECT billing.orphans_adopt()"), 1)
    has(stored(desk, account), stripe_customer_id=buyer.customer,
        tier="paid")


# ---------------------------------------------------------------- customers

@suite.case("an erased account leaves its subscriptions, with nobody's name")
def erased(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    desk.sql("DELETE FROM billing.accounts WHERE external_id = %s",
             buyer.account)
    has(desk.subscription_of(buyer), account_id=None, status="active")
    desk.deliver(buyer.updated(at=60, quantity=2), answer="unmatched")
    has(desk.subscription_of(buyer), account_id=None, seat_limit=2)
    same(desk.account_of(buyer), None)


@suite.case("customer.updated changes no money matter")
def customer_updated(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    before = desk.subscription_of(buyer)
    event = buyer.customer_event("updated", email="other@example.com")
    desk.deliver(event)
    same(desk.subscription_of(buyer), before)
    has(desk.account_of(buyer), tier="paid",
        stripe_customer_id=buyer.customer)
    has(desk.ledger(event), stripe_customer_id=buyer.customer)


@suite.case("customer.deleted ends all of its subscriptions")
def customer_deleted(desk):
    buyer = desk.buyer()
    second = Buyer(buyer.account, customer=buyer.customer)
    desk.deliver(buyer.created(), second.created(status="trialing"))
    desk.deliver(buyer.customer_event("deleted"))
    has(desk.subscription_of(buyer), status="canceled")
    has(desk.subscription_of(second), status="canceled")
    has(desk.account_of(buyer), tier="free", subscription_status="canceled")


@suite.case("after customer.deleted the account can buy as a new customer")
def new_customer(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(), buyer.customer_event("deleted"))
    again = Buyer(buyer.account)
    desk.deliver(again.created(at=7200))
    has(desk.account_of(buyer), tier="paid",
        stripe_customer_id=again.customer)


@suite.case("customer.deleted of a stranger is unmatched")
def stranger_deleted(desk):
    desk.deliver(Buyer().customer_event("deleted"), answer="unmatched")


suite.main()
