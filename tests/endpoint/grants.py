#!/usr/bin/python3 -B
"""What a person gives an account, beside what it pays."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.customers import Customer, Shop
from harness.stripe import CATALOG, TEAM_MONTHLY
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(programs=["account", "stripe-webhook"], catalog={
    **CATALOG, "plans": {
        "pro": {**CATALOG["plans"]["pro"], "features": {"projects": 10}},
        "team": {**CATALOG["plans"]["team"], "features": {"projects": 99}}},
    "free": {"features": {"projects": 1}}}))


def run(shop, *arguments, status=0):
    ran = shop.run(*arguments, program="account",
                   environment={"DATABASE_URL": shop.conninfo})
    said = (ran.stdout + ran.stderr).decode()
    same(ran.returncode, status, said)
    return said


def grant(shop, customer, *arguments):
    """Its number."""
    said = run(shop, "grant", customer.id, "--reason", "a present",
               *arguments)
    return said.split(":")[0].split()[1]


@suite.case("an account can be made by hand, once")
def made(shop):
    customer = shop.stranger()
    run(shop, "make", "--email", "hand@example.com", customer.id)
    has(customer.show().json, access=False)
    has(customer.row(), email="hand@example.com", email_verified=True)
    true("already" in run(shop, "make", customer.id, status=1), "not said")
    true("no e-mail" in run(shop, "make", "--email", "x", "y", status=64),
         "not said")


@suite.case("a grant gives its plan until it is taken back")
def given(shop):
    customer = shop.customer()
    number = grant(shop, customer, "--plan", "team", "--seats", "3")
    has(customer.show().json, access=True, reason="grant", plan="team",
        until=None, seat_limit=3, features={"projects": 99}, period=None)
    true("taken back" in run(shop, "revoke-grant", number), "not said")
    has(customer.show().json, access=False, reason="none",
        features={"projects": 1})
    run(shop, "revoke-grant", number, status=1)


@suite.case("without a plan it is the default one, with --days it ends by"
            " itself")
def for_days(shop):
    customer = shop.customer()
    grant(shop, customer, "--days", "3")
    has(customer.show().json, access=True, plan="pro", reason="grant")
    shop.sql("UPDATE billing.grants SET until = now() WHERE account_id = %s",
             customer.row()["id"])
    has(customer.show().json, access=False)


@suite.case("no event touches a grant; the higher rank leads, and of one rank"
            " the subscription")
def beside(shop):
    buyer = shop.buyer()
    customer = Customer(shop, buyer.account)
    grant(shop, customer, "--plan", "pro")
    shop.deliver(buyer.created(price=TEAM_MONTHLY))
    has(customer.show().json, reason="subscription", plan="team")
    shop.deliver(buyer.updated(at=100))
    has(customer.show().json, reason="subscription", plan="pro")
    shop.deliver(buyer.updated(at=200, status="past_due"))
    has(customer.show().json, reason="grant", plan="pro")
    shop.deliver(buyer.deleted())
    has(customer.show().json, reason="grant", plan="pro", access=True)


@suite.case("a grant by SQL counts as well, with features of its own")
def by_sql(shop):
    customer = shop.customer()
    shop.sql("INSERT INTO billing.grants (account_id, plan, features, reason)"
             " VALUES (%s, 'pro', %s, 'beta')", customer.row()["id"],
             '{"beta": true}')
    has(customer.show().json, reason="grant",
        features={"projects": 10, "beta": True})


@suite.each("{what} is refused: {sentence}", [
    {"what": "nobody's account", "arguments": ["nobody", "--reason", "x"],
     "status": 1, "sentence": "there is no account"},
    {"what": "a plan that is none",
     "arguments": [None, "--reason", "x", "--plan", "gold"], "status": 1,
     "sentence": "the catalog has no plan"},
    {"what": "no reason", "arguments": [None], "status": 64,
     "sentence": "--reason"},
    {"what": "days and a time", "status": 64, "sentence": "not both",
     "arguments": [None, "--reason", "x", "--days", "1", "--until",
                   "2099-01-01T00:00:00Z"]},
    {"what": "a time that is over", "status": 1, "sentence": "is over",
     "arguments": [None, "--reason", "x", "--until",
                   "2020-01-01T00:00:00Z"]},
])
def refused(shop, what, arguments, status, sentence):
    arguments = [shop.customer().id if a is None else a for a in arguments]
    true(sentence in run(shop, "grant", *arguments, status=status), sentence)


def days_left(customer):
    return customer.show().json["credit_days_remaining"]


@suite.case("days of credit give access, add up, and are kept with their"
            " reason")
def credit(shop):
    customer = shop.customer()
    true("has credit until" in run(shop, "credit", customer.id, "30",
                                   "--reason", "a bad week"), "not said")
    has(customer.show().json, access=True, reason="credit",
        credit_days_remaining=30)
    run(shop, "credit", customer.id, "5", "--reason", "another")
    same(days_left(customer), 35)
    rows = shop.sql("SELECT * FROM billing.credits WHERE account_id = %s "
                    "ORDER BY id", customer.row()["id"])
    same([(r["days"], r["reason"]) for r in rows],
         [(30, "a bad week"), (5, "another")])
    has(rows[1], given_by="paydesk",
        until=customer.row()["credit_until"])


@suite.case("days are taken back, as far as there are any, never before now")
def credit_back(shop):
    customer = shop.customer()
    run(shop, "credit", customer.id, "10", "--reason", "x")
    run(shop, "credit", customer.id, "-4", "--reason", "y")
    same(days_left(customer), 6)
    run(shop, "credit", customer.id, "-400", "--reason", "y")
    has(customer.show().json, access=False)
    same(shop.value("SELECT credit_until > now() - interval '1 minute' FROM "
                    "billing.accounts WHERE external_id = %s", customer.id),
         True)
    true("no credit" in run(shop, "credit", customer.id, "-1", "--reason",
                            "y", status=1), "not said")


@suite.case("credit that is over counts from now on")
def credit_again(shop):
    customer = shop.customer()
    shop.sql("UPDATE billing.accounts SET credit_until = now() - interval "
             "'9 days' WHERE external_id = %s", customer.id)
    run(shop, "credit", customer.id, "3", "--reason", "x")
    same(days_left(customer), 3)


@suite.each("credit of {what} is refused", [
    {"what": "nobody's", "arguments": ["nobody", "3", "--reason", "x"],
     "status": 1},
    {"what": "no days", "arguments": [None, "0", "--reason", "x"],
     "status": 64},
    {"what": "words", "arguments": [None, "3d", "--reason", "x"],
     "status": 64},
    {"what": "too many days", "arguments": [None, "36501", "--reason", "x"],
     "status": 64},
    {"what": "no reason", "arguments": [None, "3"], "status": 64},
])
def credit_refused(shop, what, arguments, status):
    arguments = [shop.customer().id if a is None else a for a in arguments]
    with shop.nothing_stored():
        run(shop, "credit", *arguments, status=status)


suite.main()
