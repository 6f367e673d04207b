#!/usr/bin/python3 -B
"""account export shows all that is held on a person; after account erase a
dump of the whole database names them nowhere, and the books still balance."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import gumroad, stripe
from harness.gumroad import Shop
from harness.stripe import Buyer
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(durable=False, programs=[
    "stripe-webhook", "gumroad-webhook", "license", "fake-stripe"]))

DIGITS = str.maketrans("0123456789_", "ghijklmnopq")
PARTS = ["account", "subscriptions", "stripe_events", "webhook_failures",
         "drift", "grants", "bindings", "checkout_sessions", "referrals", "licenses",
         "gumroad_events", "emails", "named_in"]


class Person:
    """Somebody of whom every table knows something."""

    def __init__(self, shop, id=None):
        self.id = id or stripe.new_id("zid")
        self.email = stripe.new_id("w") + ".Wilma+Z'%_@Zwetschge.example"
        self.name = "Wilhelmina %s" % self.email.split(".")[0].translate(
            DIGITS)
        self.shop = shop
        self.sale = gumroad.sale(email=self.email, full_name=self.name)
        self.row = shop.account(external_id=self.id, email=self.email)
        self.buyer = Buyer(self.id, self.email)

    def live(self):
        """Buy a subscription and a licence, and do what leaves traces."""
        shop, buyer = self.shop, self.buyer
        shop.deliver(buyer.checkout(customer_details={
            "email": self.email, "name": self.name}))
        shop.deliver(buyer.created(), buyer.invoice_paid(
            customer_email=self.email, customer_name=self.name))
        failing = buyer.updated(quantity=-1, description=self.name)
        shop.deliver(failing, answer="handler_error")
        self.events = [failing["id"]]
        for event in buyer.audit_events():
            event["data"]["object"]["evidence"] = {
                "customer_email_address": self.email, "customer_name": self.name}
            shop.deliver(event)
        shop.deliver(buyer.event("checkout.session.expired", stripe.session(
            None, reference=self.id, customer_details={"name": self.name})))
        self.license = shop.sell(self.sale)
        shop.ping({**gumroad.sale(
            email=self.email, full_name=self.name, product_id="none==",
            permalink="none", short_product_id="NONE")},
            status="logged-no-mint")
        shop.sql("INSERT INTO billing.grants (account_id, plan, reason)"
                 " VALUES (%s, 'pro', %s)", self.row["id"],
                 "a present for " + self.email)
        shop.sql("""INSERT INTO billing.checkout_sessions
                 (account_id, request, facts, url) VALUES (%s, 'monthly', %s,
                 'https://checkout.example/x')""", self.row["id"],
                 self.email + " t")
        for role, other in (("referrer", "referred"), ("referred",
                                                       "referrer")):
            shop.sql("""INSERT INTO billing.referrals (code,
                     {0}_account_id, {1}_account_id) VALUES (%s, %s, %s)
                     """.format(role, other), self.row["referral_code"]
                     if role == "referrer" else "OTHERCODE", self.row["id"],
                     shop.account()["id"])
        shop.sql("""WITH run AS (INSERT INTO billing.reconciliations (fix)
                     VALUES (false) RETURNING id)
                 INSERT INTO billing.drift SELECT id, %s, 'account', NULL, %s
                 FROM run""", buyer.subscription, self.id)
        shop.sql("""UPDATE billing.webhook_failures SET error = %s
                 WHERE id = %s""", "no such plan for " + self.email,
                 failing["id"])
        shop.request("POST", "/license/resend",
                     json.dumps({"email": self.email}),
                     {"Content-Type": "application/json"})
        return self

    def leave(self):
        self.shop.deliver(self.buyer.deleted())
        return self

    def needles(self):
        """The person, in every form in which they might still stand."""
        plain = [self.id, self.email, self.name, self.row["referral_code"]]
        return plain + [quote(text, safe="~") for text in plain] + [
            hashlib.sha256(self.email.lower().encode()).hexdigest()]


def account(shop, *arguments, user="paydesk_operator"):
    return shop.run(*arguments, program="account", environment={
        "DATABASE_URL": shop.conninfo if user is None else
        shop.program_conninfo(user=user)})


def export(shop, *arguments):
    done = account(shop, "export", *arguments)
    same(done.returncode, 0, done.stderr.decode())
    return json.loads(done.stdout)


def erase(shop, *arguments, status=0):
    done = account(shop, "erase", "--json", *arguments)
    same(done.returncode, status, done.stderr.decode())
    if status:
        return done.stderr.decode()
    return {row["what"]: row for row in json.loads(done.stdout)}


def dump(shop):
    done = subprocess.run(
        ["pg_dump", "--data-only", "-d", shop.conninfo],
        stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.decode()


def rows_of(text):
    """A dump without its commands and the state of its sequences."""
    return sorted(line for line in text.splitlines()
                  if line[:1] != "\\" and "setval" not in line)


def traces(shop, person):
    """The lines of a dump that name the person, by table."""
    needles = [n.lower() for n in person.needles()]
    table, found = None, {}
    for line in dump(shop).lower().splitlines():
        if line.startswith("copy billing."):
            table = line.split(".")[1].split()[0]
        if any(n in line for n in needles):
            found.setdefault(table, []).append(line[:150])
    return found


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
    same(len(stored), 11, "events: %r" % [e["type"] for e in stored.values()])
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


# ---------------------------------------------------------- late events

@suite.case("late events of an erased customer are applied to the account "
            "without a name, and nothing of the person comes back")
def late(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    buyer = person.buyer
    events = [
        buyer.customer_event("updated", at=9000, description=person.name),
        buyer.invoice_event("paid", at=9001, customer_email=person.email),
        buyer.updated(at=9002, status="canceled", quantity=7),
        buyer.event("charge.refunded", {
            "id": stripe.new_id("ch"), "object": "charge", "metadata": {},
            "customer": buyer.customer, "billing_details": {
                "email": person.email, "name": person.name}}, 9003)]
    for event in events:
        shop.deliver(event, answer=None)
        has(shop.ledger(event), payload=None, error=None)
    malformed = buyer.updated(at=9004, quantity=-1, description=person.name)
    shop.deliver(malformed, answer="handler_error")
    has(shop.ledger(malformed), payload=None)
    has(shop.subscription_of(buyer), account_id=person.row["id"],
        account_ref=None)
    same(traces(shop, person), {})


@suite.case("a late dispute, which names no customer, is kept without payload")
def late_dispute(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    event = person.buyer.audit_events(at=9000)[1]
    event["data"]["object"]["evidence"] = {
        "customer_email_address": person.email, "customer_name": person.name}
    shop.deliver(event)
    has(shop.ledger(event), payload=None, outcome="applied")
    same(traces(shop, person), {})


@suite.case("a late refund at Gumroad revokes the licence and names nobody")
def late_refund(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    shop.ping(gumroad.later(person.sale, "refund", refunded=True),
              status="revoked")
    shop.ping(gumroad.later(person.sale, "dispute_won", disputed=False))
    shop.ping(person.sale, status="duplicate")
    same(shop.license(person.sale)["status"], "revoked")
    same(traces(shop, person), {})


@suite.case("a licence without a buyer is written to nobody")
def no_mail(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    shop.deliver_mail()
    count = shop.postmark.count()
    done = shop.tool("license", "resend", person.license["license_key"],
                     owner=True)
    same(done.returncode, 1)
    true(b"nobody to write to" in done.stderr, done.stderr)
    shop.sql("UPDATE billing.emails SET status = 'failed' "
             "WHERE license_id = %s", person.license["id"])
    shop.ping(gumroad.later(person.sale, "dispute", disputed=True),
              status="revoked")
    shop.ping(gumroad.later(person.sale, "dispute_won", dispute_won=True),
              status="restored")
    shop.deliver_mail("--failed")
    same(shop.postmark.count(), count, "mails sent")
    same(traces(shop, person), {})


@suite.case("an event that is being applied while the person is erased "
            "leaves nothing behind either")
def in_flight(shop):
    for delay_ms in (0, 2, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80):
        person = Person(shop).live().leave()
        events = [person.buyer.customer_event(
            "updated", at=9000 + i, description=person.name) for i in range(120)]
        posted = threading.Event()

        def deliver():
            for event in events:
                shop.deliver(event, answer=None)
                posted.set()

        thread = threading.Thread(target=deliver)
        thread.start()
        posted.wait(10)
        time.sleep(delay_ms / 1000)
        erase(shop, "--yes", person.id)
        thread.join()
        same(traces(shop, person), {}, "after %d ms" % delay_ms)


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
    same(functions, ["account_erase", "account_export", "account_grant",
                     "account_make", "catalog_apply", "catalog_follow",
                     "catalog_list", "grant_revoke"])


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
