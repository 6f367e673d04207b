#!/usr/bin/python3 -B
"""What is sold decides what may be used: the catalog in the database, and what it
makes of the prices, products and metadata of subscriptions."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.customers import Customer, Shop
from harness.stripe import TEAM_MONTHLY, Buyer, item
from harness.tap import Suite, has, same, true

CATALOG = {
    "default_plan": "pro",
    "plans": {
        "pro": {"monthly": {"price": "price_pro_monthly"},
                "annual": {"price": "price_pro_annual"},
                "prices": [{"price": "price_pro_old", "period": "monthly",
                            "sold": False}],
                "products": ["prod_pro"],
                "features": {"projects": 10, "export": False}},
        "team": {"monthly": {"price": TEAM_MONTHLY},
                 "annual": {"price": "price_team_annual"},
                 "features": {"projects": 100, "export": True}},
        "more": {"addon": True, "per_seat": True,
                 "monthly": {"price": "price_more"},
                 "features": {"projects": 5, "support": True}},
    },
    "free": {"features": {"projects": 1}},
}
OTHER = "price_of_another_product"

suite = Suite(lambda: Shop(catalog=CATALOG, programs=[
    "account", "checkout", "fake-stripe", "stripe-webhook"]))


def answer(shop, buyer):
    reply = Customer(shop, buyer.account).show()
    same(reply.status, 200)
    return reply.json


def another(buyer):
    """Another subscription of the same customer."""
    return Buyer(buyer.account, customer=buyer.customer)


def changed(**plans):
    return {**CATALOG, "plans": {**CATALOG["plans"], **plans}}


# ------------------------------------------------------- which plan it is

@suite.case("a switch in the portal leaves metadata as they were: the price"
            " counts, there and back")
def portal_switch(shop):
    buyer = shop.buyer()
    said = {"account": buyer.account, "plan": "pro", "period": "monthly"}
    shop.deliver(buyer.created(metadata=said))
    has(answer(shop, buyer), plan="pro", period="monthly")
    shop.deliver(buyer.updated(metadata=said, price="price_team_annual",
                               interval="year"))
    has(answer(shop, buyer), plan="team", period="annual",
        features={"projects": 100, "export": True})
    shop.deliver(buyer.updated(at=200, metadata=said))
    has(answer(shop, buyer), plan="pro", period="monthly")


@suite.each("a price that is {what} is plan {plan}, {period}", [
    {"what": "not sold any more", "plan": "pro", "period": "monthly",
     "items": [{"id": "price_pro_old"}]},
    {"what": "not listed, of a product that is", "plan": "pro",
     "period": "annual", "items": [{
         "id": "price_new", "product": "prod_pro",
         "recurring": {"interval": "year", "interval_count": 1}}]},
    {"what": "charged every three months", "plan": "pro",
     "period": "quarterly", "items": [{
         "id": "price_new", "product": {"id": "prod_pro"},
         "recurring": {"interval": "month", "interval_count": 3}}]},
    {"what": "charged every five months", "plan": "pro", "period": None,
     "items": [{"id": "price_new", "product": "prod_pro",
                "recurring": {"interval": "month", "interval_count": 5}}]},
])
def by_product(shop, what, plan, period, items):
    buyer = shop.buyer()
    shop.deliver(buyer.created(items=[
        {"id": "si_1", "quantity": 2, "price": price} for price in items]))
    has(answer(shop, buyer), access=True, plan=plan, period=period,
        seat_limit=2)


@suite.case("a metered price has no seats")
def metered(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(items=[{"quantity": 7, "price": {
        "id": "price_pro_monthly",
        "recurring": {"interval": "month", "usage_type": "metered"}}}]))
    has(answer(shop, buyer), access=True, seat_limit=None)


@suite.case("metadata under another application's keys name nobody")
def foreign_keys(shop):
    account = shop.account()
    for key in ("user_id", "uid", "account_id", "external_id"):
        shop.deliver(Buyer(metadata={key: account["external_id"]}).created(),
                     answer="unmatched")
    has(Customer(shop, account["external_id"]).show().json, access=False)


# --------------------------------------------------- what is not sold here

@suite.case("another product of the same Stripe account gives nothing, masks"
            " nothing and lets its customer buy")
def another_product(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(price=OTHER), answer="ignored")
    has(answer(shop, buyer), access=False, plan=None, tier="free",
        features={"projects": 1})
    same(Customer(shop, buyer.account).checkout().status, 200)
    has(shop.subscription_of(buyer), plan="unknown", price_id=OTHER,
        period=None)

    team = another(buyer)
    shop.deliver(team.created(price=TEAM_MONTHLY))
    shop.deliver(buyer.updated(price=OTHER), answer="ignored")
    has(answer(shop, buyer), access=True, plan="team")


@suite.case("whoever moves to a price that somebody forgot to list keeps the"
            " plan, in either order")
def forgotten_price(shop):
    for order in (1, -1):
        buyer = shop.buyer()
        events = [buyer.created(price=TEAM_MONTHLY),
                  buyer.updated(price="price_forgotten")]
        for event in events[::order]:
            same(shop.post_event(event).status, 200)
        has(answer(shop, buyer), access=True, plan="team")
        same(shop.value("SELECT price_known FROM billing.subscriptions WHERE "
                        "stripe_subscription_id = %s", buyer.subscription),
             False)


@suite.case("check names the prices that nobody has listed")
def check_unknown(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(price=TEAM_MONTHLY),
                 buyer.updated(price="price_unlisted"))
    ran = shop.run("check", "--offline", program="account", environment={
        "DATABASE_URL": shop.program_conninfo("account")})
    said = ran.stdout.decode()
    true("price_unlisted is not in it, and 1 live subscription has that price"
         in said, said)


@suite.case("metadata name the plan of a price that nobody knows, when the"
            " catalog has it")
def by_metadata(shop):
    for plan, access in (("team", True), ("gold", False)):
        buyer = shop.buyer()
        shop.deliver(buyer.created(price=OTHER, metadata={
            "account": buyer.account, "plan": plan}),
                     answer="applied" if access else "ignored")
        has(answer(shop, buyer), access=access,
            plan=plan if access else None)


# --------------------------------------------------------------- add-ons

@suite.each("base and add-on as {how}: the features of both, the base's seats",
            ["two items", "two items, the add-on first",
             "two subscriptions"])
def addon(shop, how):
    buyer = shop.buyer()
    base = item("price_pro_monthly", quantity=1)
    more = item("price_more", quantity=3)
    if how == "two subscriptions":
        shop.deliver(buyer.created(items=[base]),
                     another(buyer).created(items=[more]))
    else:
        shop.deliver(buyer.created(
            items=[base, more][::-1 if "first" in how else 1]))
    has(answer(shop, buyer), plan="pro", seat_limit=1, features={
        "projects": 25, "export": False, "support": True})


@suite.case("an add-on without a base gives nothing and blocks nothing")
def addon_alone(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(price="price_more"),
                 buyer.updated(at=60, price="price_more", status="past_due"),
                 buyer.updated(at=120, price="price_more"))
    has(answer(shop, buyer), access=False, tier="free",
        features={"projects": 1})
    same(Customer(shop, buyer.account).checkout().status, 200)


@suite.case("of two plans the higher rank leads, though the other lasts longer")
def rank(shop):
    buyer = shop.buyer()
    team = another(buyer)
    shop.deliver(buyer.created(price="price_pro_annual",
                               end=buyer.start + 400 * 86400),
                 team.created(price=TEAM_MONTHLY))
    has(answer(shop, buyer), plan="team")


# ------------------------------------------------------------ the commands

@suite.case("apply shows what changes for whom, and rows follow it")
def apply_follows(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(price="price_later"), answer="ignored")
    with_later = changed(later={"monthly": {"price": "price_later"}})
    said = shop.apply(with_later, "--dry-run")
    true("unknown" in said and "later" in said and "nothing was" in said,
         said)
    has(answer(shop, buyer), access=False)
    said = shop.apply(with_later)
    true("is applied" in said, said)
    has(answer(shop, buyer), access=True, plan="later", tier="paid")


@suite.case("a price that the catalog forgets ends nobody's access: whoever"
            " has it keeps the plan")
def forgets(shop):
    buyer = shop.buyer()
    soon = changed(soon={"monthly": {"price": "price_soon"}})
    shop.apply(soon)
    shop.deliver(buyer.created(price="price_soon"))
    shop.apply(CATALOG)
    has(answer(shop, buyer), access=True, plan="soon", tier="paid")
    shop.deliver(buyer.updated(price="price_soon"))
    has(answer(shop, buyer), access=True, plan="soon")


@suite.case("a catalog that ends somebody's access is refused, unless the"
            " number is said; going back gives it again")
def no_accident(shop):
    buyer = shop.buyer()
    paid = {**CATALOG, "other_prices": "paid"}
    shop.apply(paid)
    shop.deliver(buyer.created(price="price_of_nobody"))
    has(answer(shop, buyer), access=True, plan="unknown")
    losing = shop.value("SELECT count(*) FROM billing.access "
                        "WHERE plan = 'unknown' AND access")
    said = shop.apply(CATALOG, "--allow-loss", str(losing - 1), status=1)
    true("ends the access of %d account" % losing in said, said)
    has(answer(shop, buyer), access=True, plan="unknown")
    shop.apply(CATALOG, "--allow-loss", str(losing))
    has(answer(shop, buyer), access=False, tier="free")
    shop.apply(paid)
    has(answer(shop, buyer), access=True, tier="paid")
    shop.apply(CATALOG, "--allow-loss", "99")


@suite.case("features and days are read from the catalog: an apply touches no"
            " row")
def joined(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created())
    before = shop.subscription_of(buyer)
    plan = {**CATALOG["plans"]["pro"], "features": {"projects": 11,
                                                    "export": False}}
    shop.apply(changed(pro=plan), "--allow-loss", "99")
    has(answer(shop, buyer), features={"projects": 11, "export": False})
    same(shop.subscription_of(buyer), before)


@suite.case("a paused collection stops access when the catalog says so")
def paused_stops(shop):
    buyer = shop.buyer()
    shop.deliver(buyer.created(pause_collection={"behavior": "void"}))
    has(answer(shop, buyer), access=True)
    shop.apply({**CATALOG, "policy": {"pause_collection": "stop"}},
          "--allow-loss", "99")
    has(answer(shop, buyer), access=False)
    shop.apply(CATALOG, "--allow-loss", "99")
    has(answer(shop, buyer), access=True)


@suite.case("show prints the newest byte for byte, --list all of them")
def show(shop):
    text = '{\n  "default_plan": "pro",\t"plans": %s}\n' % json.dumps(
        CATALOG["plans"])
    shop.apply(text, "--allow-loss", "99")
    environment = {"DATABASE_URL": shop.conninfo}
    ran = shop.run("catalog", "show", program="account",
                   environment=environment)
    same(ran.stdout.decode(), text)
    ran = shop.run("catalog", "show", "--list", program="account",
                   environment=environment)
    true(len(ran.stdout.decode().splitlines()) > 2, ran.stdout)


def command(shop, *arguments, status=0):
    ran = shop.run("catalog", *arguments, program="account",
                   environment={"DATABASE_URL": shop.conninfo})
    same(ran.returncode, status, ran.stdout + ran.stderr)
    return (ran.stdout + ran.stderr).decode()


@suite.case("diff says what a file would change, a line a word, and exits 1")
def diff(shop):
    shop.apply(CATALOG, "--allow-loss", "99")
    path = os.path.join(shop.directory, "other.json")

    def differs(catalog, *lines):
        with open(path, "w") as file:
            json.dump(catalog, file, indent=3)
        said = command(shop, "diff", path, status=1 if lines else 0)
        same(said.splitlines(), list(lines))

    differs(CATALOG)
    pro = {**CATALOG["plans"]["pro"], "monthly": {"price": "price_dear"},
           "prices": [{"price": "price_pro_monthly", "period": "monthly",
                       "sold": False},
                      {"price": "price_pro_old", "period": "monthly",
                       "sold": False}]}
    differs({**changed(pro=pro), "policy": {"dispute": "keep"}},
            '-plans.pro.monthly.price "price_pro_monthly"',
            '+plans.pro.monthly.price "price_dear"',
            '+plans.pro.prices[price_pro_monthly] {"price":'
            '"price_pro_monthly","period":"monthly","sold":false}',
            '+policy {"dispute":"keep"}')
    plans = CATALOG["plans"]
    differs({**CATALOG, "plans": {
        "team": plans["team"], "pro": plans["pro"], "more": plans["more"]}},
            '-order of plans ["pro","team","more"]',
            '+order of plans ["team","pro","more"]')
    differs({**CATALOG, "_\u001b": "\u001b[2J"}, '+_? "\\u001b[2J"')
    with open(path, "w") as file:
        file.write('{"plans": 1}')
    said = command(shop, "diff", path, status=78)
    true("plans must be" in said, said)


@suite.case("apply --id goes back to a catalog that was applied")
def go_back(shop):
    shop.apply(CATALOG, "--allow-loss", "99")
    first = command(shop, "show", "--list").splitlines()[1].split()[0]
    text = command(shop, "show")
    shop.apply(changed(pro={"monthly": {"price": "price_dear"}}),
               "--allow-loss", "99")
    same(command(shop, "show", "--id", first), text)
    said = command(shop, "apply", "--allow-loss", "99", "--id", first)
    true("catalog %s is applied" % first in said, said)
    same(command(shop, "show"), text)
    same(shop.value("SELECT count(*) FROM billing.prices "
                    "WHERE price_id = 'price_dear'"), 0)
    said = command(shop, "apply", "--id", "999999", status=1)
    true("no catalog 999999 was" in said, said)
    command(shop, "apply", status=64)
    command(shop, "apply", "--id", first, "/dev/null", status=64)


@suite.each("a catalog with {what} is refused with its place", [
    {"what": "a price in two plans", "place": "plans.b.monthly.price", "plans":
     {"a": {"monthly": {"price": "p"}}, "b": {"monthly": {"price": "p"}}}},
    {"what": "a product in two plans", "place": "plans.b.products", "plans":
     {"a": {"products": ["x"]}, "b": {"products": ["x"]}}},
    {"what": "a feature of two types", "place": "plans.a.features.n", "plans":
     {"a": {"features": {"n": 1}}, "b": {"features": {"n": True}}}},
    {"what": "two prices sold for one period",
     "place": "plans.a.prices[0].price", "plans": {"a": {
         "monthly": {"price": "p"},
         "prices": [{"price": "q", "period": "monthly"}]}}},
    {"what": "prices that are no list", "place": "plans.a.prices", "plans":
     {"a": {"prices": {"price": "q"}}}},
    {"what": "a price without a period", "place": "plans.a.prices[0].period",
     "plans": {"a": {"prices": [{"price": "q"}]}}},
    {"what": "a rank that is no number", "place": "plans.a.rank", "plans":
     {"a": {"rank": "high"}}},
    {"what": "an add-on that is neither", "place": "plans.a.addon", "plans":
     {"a": {"addon": "yes"}}},
])
def refused(shop, what, place, plans):
    said = shop.apply({"plans": plans}, status=78)
    true(".json: " + place in said, said)


CATALOGS = {
    "no JSON": ("{", None),
    "a list": ("[]", None),
    "plans that are a list": ('{"plans": []}', "plans"),
    "a default plan that is not there":
        ('{"default_plan": "gold", "plans": {}}', "default_plan"),
    "a plan that is a string": ('{"plans": {"pro": "x"}}', "pro"),
    "a cadence without a price": ('{"plans": {"pro": {"monthly": {}}}}',
                                  "monthly"),
    "a price that is a number":
        ('{"plans": {"pro": {"monthly": {"price": 5}}}}', "monthly"),
    "trial days that are negative":
        ('{"plans": {"pro": {"annual": {"price": "price_1", '
         '"trial_days": -1}}}}', "trial_days"),
    "one price for two plans":
        ('{"plans": {"a": {"monthly": {"price": "price_1"}}, '
         '"b": {"monthly": {"price": "price_1"}}}}', "plans.b.monthly"),
}


@suite.each("a catalog with {what} is refused with the place of the error", [
    {"what": what, "text": text, "place": place}
    for what, (text, place) in CATALOGS.items()])
def wrong_catalog(shop, what, text, place):
    said = shop.apply(text, status=78)
    true("applied.json" in said and (place or "JSON") in said, said)


@suite.each("the wrong word {place} is refused, with those that are known", [
    {"place": place, "words": words} for place, words in (
        ("other_prices", ("ignore", "paid")),
        ("client_reference", ("trust", "claim")),
        ("policy.pause_collection", ("keep", "stop")),
        ("policy.refund_subscription", ("keep", "end")),
        ("policy.refund_purchase", ("end", "keep")),
        ("policy.dispute", ("suspend", "keep")),
        ("policy.dispute_lost", ("end", "keep")),
        ("policy.fraud_warning", ("note", "suspend")),
        ("referral.convert_on", ("payment", "trial")),
        ("subscription.proration", ("always_invoice", "none")))])
def wrong_word(shop, place, words):
    for value in ("sometimes", 1, True, []):
        catalog = value
        for name in reversed(place.split(".")):
            catalog = {name: catalog}
        said = shop.apply(catalog, status=78)
        true(".json: %s must be \"%s\" or \"%s\"" % (place, *words) in said,
             said)


suite.main()
