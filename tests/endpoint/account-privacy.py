#!/usr/bin/python3 -B
"""account export shows all that is held on a person; after account erase a
dump of the whole database names them nowhere, and the books still balance."""

import base64
import json
import os
import sys
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import gumroad, stripe
from harness.gumroad import Shop
from harness.person import Person, account, dump, erase, export, traces
from harness.stripe import Buyer
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(durable=False, programs=[
    "stripe-webhook", "gumroad-webhook", "license", "fake-stripe"]))

PARTS = ["account", "subscriptions", "stripe_events", "webhook_failures",
         "drift", "grants", "credits", "purchases", "invoices", "bindings",
         "checkout_sessions", "referrals", "licenses", "gumroad_events", "emails", "named_in"]


def rows_of(text):
    """A dump without its commands and the state of its sequences."""
    return sorted(line for line in text.splitlines()
                  if line[:1] != "\\" and "setval" not in line)


# ---------------------------------------------------------------- export

@suite.case("export: one JSON document, its parts in one order, with all "
            "that the tables hold")
def export_all(shop):
    person = Person(shop).live()
    held = export(shop, person.id)
    same(list(held), ["exported_at"] + PARTS)
    has(held["account"], external_id=person.id, email=person.email)
    same([s["stripe_subscription_id"] for s in held["subscriptions"]],
         [person.buyer.subscription])
    stored = {e["event_id"]: e for e in held["stripe_events"]}
    same(len(stored), 12, "events: %r" % [e["type"] for e in stored.values()])
    same(stored[person.events[0]]["payload"]["id"], person.events[0])
    same([f["id"] for f in held["webhook_failures"]], person.events)
    same(len(held["checkout_sessions"]), 1)
    same(held["referrals"]["referred_by"]["code"], "OTHERCODE")
    same([r["code"] for r in held["referrals"]["referred"]],
         [person.row["referral_code"]])
    has(held["licenses"][0], license_key=person.license["license_key"],
        name=person.name, email=person.email)
    same([g["outcome"] for g in held["gumroad_events"]],
         ["ok", "logged-no-mint"])
    same([m["kind"] for m in held["emails"]], ["license", "resend"])
    true(held["exported_at"].endswith("+00:00") and
         "T" in held["stripe_events"][0]["received_at"], "times")


@suite.case("export: nothing of anybody else is in it")
def export_only(shop):
    one, other = Person(shop).live(), Person(shop).live()
    text = json.dumps(export(shop, one.id))
    for needle in (other.id, other.email, other.buyer.customer,
                   other.license["license_key"]):
        true(needle not in text, needle)


@suite.case("export --email: by the address of an account, or of licences "
            "alone")
def export_by_email(shop):
    person = Person(shop)
    same(export(shop, "--email", person.email.upper())["account"]["id"],
         person.row["id"])
    fields = gumroad.sale()
    shop.sell(fields)
    held = export(shop, "--email", fields["email"])
    same((held["account"], held["subscriptions"]), (None, []))
    same(len(held["licenses"]), 1)
    same(len(held["gumroad_events"]), 1)


@suite.case("export and erase --email: a customer of Stripe whom no account "
            "knows, and whoever bought nothing at Gumroad")
def unmatched(shop):
    buyer = Buyer(email=stripe.new_id("u") + "@example.com")
    shop.deliver(buyer.customer_event("updated"), buyer.created(),
                 answer="unmatched")
    other = Buyer(email=stripe.new_id("o") + "@example.com")
    shop.deliver(other.customer_event("updated", at=500), other.customer_event(
        "updated", metadata={"friend": buyer.email}), answer="unmatched")
    shop.ping(gumroad.sale(email=buyer.email, product_id="none==",
                           permalink="none", short_product_id="NONE"),
              status="logged-no-mint")
    held = export(shop, "--email", buyer.email)
    same([e["stripe_customer_id"] for e in held["stripe_events"]],
         [buyer.customer] * 2)
    same([s["stripe_subscription_id"] for s in held["subscriptions"]],
         [buyer.subscription])
    same(len(held["gumroad_events"]), 1)
    same([(n["source"], n["type"]) for n in held["named_in"]],
         [("stripe", "customer.updated")])
    true(other.customer not in json.dumps(held), "another customer's payload")
    true("cancel it at Stripe" in erase(shop, "--yes", "--email", buyer.email,
                                        status=1), "it lives")
    shop.deliver(buyer.deleted(), answer="unmatched")
    erase(shop, "--yes", "--email", buyer.email)
    shop.deliver(buyer.customer_event("updated", at=999), answer="unmatched")
    text = dump(shop)
    true(quote(buyer.email) not in text, "Gumroad's payload")
    same([line[:200] for line in text.splitlines() if buyer.email in line], [])
    same(export(shop, "--email", other.email)["subscriptions"], [])


@suite.case("export: an address that begins or ends like another is another "
            "one")
def export_affix(shop):
    for email in ("granada@example.net", "ada@example.net.au",
                  "ada@example.net"):
        shop.sell(gumroad.sale(email=email))
        shop.ping(gumroad.sale(email=email, product_id="none==",
                               permalink="none", short_product_id="NONE"),
                  status="logged-no-mint")
    held = export(shop, "--email", "ada@example.net")
    same(len(held["licenses"]), 1)
    same(len(held["gumroad_events"]), 2)


# ----------------------------------------------------------------- erase

@suite.case("of every column of text the rules say whether it may name a person")
def every_column(shop):
    said = [(r["relation"], column) for r in shop.sql(
        "SELECT * FROM billing.person_columns()")
        for column in (r["personal"] + " " + r["other"]).split()]
    there = [(r["relname"], r["attname"]) for r in shop.sql(
        """SELECT relname, attname FROM pg_class c
           JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
           JOIN pg_type t ON t.oid = atttypid
           WHERE relkind IN ('r', 'p', 'm') AND NOT attisdropped
             AND relnamespace = 'billing'::regnamespace
             AND typcategory IN ('S', 'U', 'A', 'C', 'X', 'I')
             AND typname NOT IN ('uuid')""")]
    same(sorted(set(there) ^ set(said)), [], "columns that are on one side alone")
    same(len(said), len(set(said)), "columns that are named twice")


def personal(shop):
    """The columns that may name a person, by table."""
    return {r["relation"]: r["personal"].split() for r in shop.sql(
        "SELECT * FROM billing.person_columns() WHERE personal <> ''")}


@suite.case("erase: a dump of the database and the logs name the person "
            "nowhere any more")
def erase_all(shop):
    person = Person(shop).live().leave()
    same(set(traces(shop, person)), set(personal(shop)),
         "tables that name the person")
    before = shop.license(person.sale)
    rows = erase(shop, "--yes", person.id)
    same([part for part in rows if int(rows[part]["rows"]) == 0], [])
    same(traces(shop, person), {})
    name = rows["account"]["becomes"]
    true(name.startswith("erased-"), name)
    for path in shop.log_files():
        with open(path, errors="replace") as file:
            text = file.read()
        for needle in person.needles():
            true(needle not in text, "%s in %s" % (needle, path))
    # what accounting needs is there still
    has(shop.row("SELECT * FROM billing.accounts WHERE external_id = %s",
                 name), id=person.row["id"], email=None,
        stripe_customer_id=person.buyer.customer, tier="free")
    has(shop.subscription_of(person.buyer), account_id=person.row["id"],
        status="canceled", account_ref=None, plan="pro")
    same(shop.license(person.sale), {
        **before, "email": None, "name": None, "blob": None,
        "updated_at": shop.license(person.sale)["updated_at"]})
    same(shop.row("SELECT erased_by FROM billing.erasures WHERE account_id "
                  "= %s", person.row["id"]), {
        "erased_by": "paydesk_operator"})


@suite.each("erase: an id such as {id!r} is only that text", [
    "a.*", "%", "_", "user|1", "x'); DROP TABLE y; --", 'q"uote', "back\\slash",
    "ümläut 名前", "(a", "[", "{2}", "^$"])
def odd_id(shop, id):
    person, other = Person(shop, id).live().leave(), Person(shop)
    same(export(shop, id)["account"]["id"], person.row["id"])
    erase(shop, "--yes", "--", id)
    same(shop.account_of(other.buyer)["email"], other.email)
    text = dump(shop)
    for needle in (person.email, quote(person.email), person.name):
        true(needle not in text, needle)
    same(shop.value("""SELECT count(*) FROM billing.stripe_events
                    WHERE position(%s in payload) > 0""",
                    json.dumps(id, ensure_ascii=False)), 0)


@suite.case("erase: the licence's key still verifies, and so does the signed "
            "licence that the buyer has")
def still_verifies(shop):
    person = Person(shop).live().leave()
    blob = person.license["blob"]
    payload = blob.split(":")[-1].split(".")[0]
    true(person.email in base64.urlsafe_b64decode(
        payload + "=" * (-len(payload) % 4)).decode(), "the blob's address")
    erase(shop, "--yes", person.id)
    true(payload not in dump(shop), "the signed licence is in the dump")
    for body in ({"license_key": person.license["license_key"]},
                 {"blob": blob}):
        has(shop.verify(**body), valid=True, status="active")


@suite.case("erase: why an operator has revoked the licence may name the person, "
            "too")
def operator_reason(shop):
    person = Person(shop).live().leave()
    key = person.license["license_key"]
    same(shop.tool("license", "revoke", key, "wish of " + person.email,
                   owner=True).returncode, 0)
    erase(shop, "--yes", person.id)
    same(traces(shop, person), {})
    has(shop.license(person.sale), status="revoked", revoke_reason="erased",
        operator_status="revoked", operator_reason="erased")


@suite.case("erase --dry-run shows what would be done and does nothing")
def dry_run(shop):
    person = Person(shop).live().leave()
    before = rows_of(dump(shop))
    same(int(erase(shop, "--dry-run", person.id)["licences"]["rows"]), 1)
    true(rows_of(dump(shop)) == before, "something has changed")


@suite.case("erase without --yes or --dry-run does nothing and says what to "
            "give")
def asks(shop):
    person = Person(shop)
    true("give --yes" in erase(shop, person.id, status=64), "the sentence")
    true(shop.account_of(person.buyer), "the account is gone")


@suite.case("erase is refused while a subscription lives, and says what to do")
def live(shop):
    person = Person(shop).live()
    said = erase(shop, "--yes", person.id, status=1)
    true(person.buyer.subscription in said and "cancel it at Stripe" in said,
         said)
    same(shop.account_of(person.buyer)["email"], person.email)
    person.leave()
    erase(shop, "--yes", person.id)


@suite.case("erase is refused while a membership runs at Gumroad")
def membership(shop):
    fields = gumroad.membership()
    shop.sell(fields)
    said = erase(shop, "--yes", "--email", fields["email"], status=1)
    true(fields["subscription_id"] in said and "Gumroad" in said, said)
    shop.ping(gumroad.subscription(
        fields, "subscription_ended", ended_at="2026-02-05T19:38:56Z",
        ended_reason="cancelled"), status="revoked")
    erase(shop, "--yes", "--email", fields["email"])
    true(quote(fields["email"]) not in dump(shop), "the address is left")


@suite.case("erase once more: by the new name it says so, by the old one "
            "nobody is found")
def again(shop):
    person = Person(shop).live().leave()
    name = erase(shop, "--yes", person.id)["account"]["becomes"]
    true("erased already" in erase(shop, "--yes", name, status=1), "new name")
    true("or it was erased" in erase(shop, "--yes", person.id, status=1),
         "old name")
    same(shop.count("erasures WHERE account_id = %d" % person.row["id"]), 1)


@suite.case("erase --email refuses an address that several accounts have")
def ambiguous(shop):
    email = stripe.new_id("two") + "@example.com"
    shop.account(email=email)
    shop.account(email=email)
    true("several accounts" in erase(shop, "--yes", "--email", email,
                                     status=1), "the sentence")


@suite.case("erase leaves another person's rows alone, column by column")
def neighbour(shop):
    person, other = Person(shop).live().leave(), Person(shop).live()
    before = export(shop, other.id)
    erase(shop, "--yes", person.id)
    after = export(shop, other.id)
    same({**after, "exported_at": None}, {**before, "exported_at": None})


# ----------------------------------------------------------------- roles

@suite.each("{command} with the serving role is refused, and told which role "
            "to use", [{"command": ["export"]},
                       {"command": ["erase", "--yes"]}])
def serving_role(shop, command):
    shop.expect_log("permission denied")
    person = Person(shop)
    done = account(shop, *command, person.id, user="paydesk_account")
    same((done.returncode, done.stdout), (78, b""))
    true(b"paydesk_operator" in done.stderr, done.stderr)
    true(shop.account_of(person.buyer), "the account")


@suite.case("the schema's owner may do both")
def owner(shop):
    person = Person(shop)
    same(account(shop, "export", person.id, user=None).returncode, 0)
    same(account(shop, "erase", "--yes", person.id,
                 user=None).returncode, 0)


@suite.case("by the id of an account whose address is unproven nothing is found"
            " that only the address ties to it")
def unproven(shop):
    victim = Person(shop).live()
    thief = shop.account(email=victim.email, email_verified=False)
    ran = account(shop, "export", thief["external_id"])
    held = json.loads(ran.stdout)
    same((held["licenses"], held["gumroad_events"], held["emails"],
          held["stripe_events"]), ([], [], [], []))
    ran = account(shop, "erase", "--yes", thief["external_id"])
    same(ran.returncode, 0, ran.stderr)
    true(shop.value("SELECT count(*) FROM billing.licenses WHERE email = %s",
                    victim.email) == 1, "the victim's licence was wiped")


@suite.case("the operator's role may run these functions and read no "
            "table")
def operator_role(shop):
    shop.expect_log("permission denied")
    tables = [r["relname"] for r in shop.sql(
        """SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
           AND relnamespace = 'billing'::regnamespace
           AND has_table_privilege('paydesk_operator', oid, 'SELECT')""")]
    same(tables, ["schema_version"])
    functions = [r["proname"] for r in shop.sql(
        """SELECT proname FROM pg_proc
           WHERE pronamespace = 'billing'::regnamespace
           AND has_function_privilege('paydesk_operator', oid, 'EXECUTE')
           ORDER BY 1""")]
    same(functions, ["account_credit", "account_erase", "account_export",
                     "account_grant", "account_make", "catalog_apply",
                     "catalog_follow", "catalog_list", "catalog_text",
                     "grant_revoke", "utc"])


@suite.each("{arguments!r} is wrong usage", [
    ["export"], ["export", "a", "b"], ["export", "--yes", "a"],
    ["export", ""], ["erase"], ["erase", "--yes"],
    ["erase", "--yes", "--dry-run", "a"], ["erase", "--all", "a"]])
def usage(shop, arguments):
    same(account(shop, *arguments).returncode, 64)


@suite.case("an unknown id or address is nobody, and is not repeated")
def nobody(shop):
    for arguments in (["export", "nobody"], ["erase", "--yes", "nobody"],
                      ["export", "--email", "nobody@example.com"]):
        done = account(shop, *arguments)
        same((done.returncode, done.stdout), (1, b""), done.stderr)
        true(b"nobody" not in done.stderr, done.stderr)


suite.main()
