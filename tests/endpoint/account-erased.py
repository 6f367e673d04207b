#!/usr/bin/python3 -B
"""After account erase: what others' events, late ones and those under way say of
the person is not kept, takes effect all the same, and binds nobody."""

import contextlib
import hashlib
import hmac
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import gumroad, stripe
from harness.desk import wait_until
from harness.gumroad import Shop
from harness.person import Person, dump, erase, export, traces
from harness.stripe import Buyer
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(durable=False, programs=[
    "stripe-webhook", "gumroad-webhook", "license", "fake-stripe"]))

NO_PRODUCT = {"product_id": "none==", "permalink": "none",
              "short_product_id": "NONE"}


def charge(buyer, at=700, **fields):
    """A charge of the buyer's, refunded."""
    return buyer.event("charge.refunded", {
        "id": stripe.new_id("ch"), "object": "charge", "amount": 1000,
        "customer": buyer.customer, "metadata": {}, **fields}, at)


def escaped(text):
    """Text as a JSON string in which every letter is an escape."""
    return '"%s"' % "".join("\\u%04x" % ord(c) for c in text)


# ------------------------------------------------ in what is somebody else's

@suite.each("another customer's payload that names the person under {key} is "
            "emptied, and what it did stands", [
                {"key": "receipt_email"}, {"key": "unheard_of"},
                {"key": "a list"}, {"key": "a text"}, {"key": "a key"},
                {"key": "a link"}, {"key": "other case"}, {"key": "escapes"}])
def elsewhere(shop, key):
    person, other = Person(shop).live().leave(), Person(shop).live()
    email = person.email
    fields = {
        "receipt_email": {"receipt_email": email},
        "unheard_of": {"x": {"y": {"unheard_of": email}}},
        "a list": {"x": ["", email]},
        "a text": {"description": "For %s, with thanks." % email},
        "a key": {"x": {email: 1}},
        "a link": {"url": "https://a.example/?m=" + email.replace(
            "%", "%25").replace("@", "%40")},
        "other case": {"x": " %s " % email.upper()},
        "escapes": {"x": "ESCAPES"}}[key]
    event = other.buyer.updated(at=900, quantity=3, **fields)
    body = json.dumps(event).replace('"ESCAPES"', escaped(email))
    same(shop.post_event(body.encode()).status, 200)
    held = export(shop, person.id)
    same([n["id"] for n in held["named_in"]], [event["id"]])
    true(other.buyer.customer not in json.dumps(held), "the other's payload")
    same(len([e for e in export(shop, other.id)["stripe_events"]
              if e["event_id"] == event["id"]]), 1)
    erase(shop, "--yes", person.id)
    has(shop.ledger(event), payload=None, outcome="applied",
        stripe_customer_id=other.buyer.customer)
    has(shop.subscription_of(other.buyer), seat_limit=3,
        account_ref=other.id, account_id=other.row["id"])
    same(traces(shop, person), {})


@suite.case("an address that only begins or ends like the person's is another "
            "one's, and its payload stays")
def affix(shop):
    person = Person(shop).live().leave()
    other = shop.buyer()
    events = [charge(other, receipt_email=address) for address in (
        "x" + person.email, person.email + ".au", person.email + "x")]
    shop.deliver(*events)
    erase(shop, "--yes", person.id)
    late = charge(other, receipt_email="x" + person.email)
    shop.deliver(late)
    for event in events + [late]:
        true(shop.ledger(event)["payload"], "it was emptied")


@suite.case("a customer whom no account knows does not become the person's by "
            "a receipt that went to their address")
def receipt(shop):
    person = Person(shop).live().leave()
    other = Buyer(email=stripe.new_id("o") + "@example.com")
    shop.deliver(other.customer_event("updated"), answer="unmatched")
    shop.deliver(charge(other, receipt_email=person.email),
                 answer="ignored")
    held = export(shop, person.id)
    true(other.customer not in json.dumps(held), "exported")
    erase(shop, "--yes", person.id)
    same(shop.count("erased_customers WHERE stripe_customer_id = '%s'"
                    % other.customer), 0)


@suite.case("an id that may be anything counts where ids of accounts stand; "
            "one that is nothing else counts under any key")
def ids(shop):
    short, long = Person(shop, "4242").live().leave(), Person(shop).live()
    other = shop.buyer()
    kept = charge(other, payment_method_details={"card": {"last4": "4242"}})
    named = [charge(other, metadata={"user_id": "4242"}),
             charge(other, metadata={"seen_with": long.id})]
    shop.deliver(kept, *named)
    erase(shop, "--yes", short.id)
    long.leave()
    erase(shop, "--yes", long.id)
    true(shop.ledger(kept)["payload"], "a card's digits are no account")
    for event in named:
        same(shop.ledger(event)["payload"], None)


@suite.case("an address that two accounts have proven ties nothing to one of "
            "them; one that is not proven goes, and its account stays")
def twins(shop):
    person = Person(shop).live()
    twin = shop.account(email=person.email.upper())
    same(export(shop, twin["external_id"])["licenses"], [])
    shop.sql("UPDATE billing.accounts SET email_verified = false"
             " WHERE id = %s", twin["id"])
    same(len(export(shop, "--email", person.email)["licenses"]), 1)
    person.leave()
    erase(shop, "--yes", person.id)
    has(shop.row("SELECT * FROM billing.accounts WHERE id = %s", twin["id"]),
        email=None, external_id=twin["external_id"])


@suite.case("another buyer's delivery of Gumroad that names the person is "
            "emptied, and their licence stays")
def elsewhere_gumroad(shop):
    person = Person(shop).live().leave()
    fields = gumroad.sale(**{"custom_fields[friend]": person.email})
    before = shop.sell(fields)
    held = export(shop, person.id)
    same([n["source"] for n in held["named_in"]], ["gumroad"])
    true(fields["email"] not in json.dumps(held), "the other's payload")
    erase(shop, "--yes", person.id)
    same(shop.license(fields), before)
    same([e["payload"] for e in shop.audit(fields["sale_id"])], [None])
    late = gumroad.sale(**{"custom_fields[friend]": person.email})
    same(shop.sell(late)["email"], late["email"])
    same([e["payload"] for e in shop.audit(late["sale_id"])], [None])
    same(traces(shop, person), {})


@suite.case("the address of who pays and has no account is found by it, and"
            " erased")
def held_address(shop):
    email = stripe.new_id("held") + "@Zwetschge.example"
    buyer = Buyer(metadata={}, email=email)
    shop.deliver(buyer.created(), buyer.invoice_paid(customer_email=email),
                 buyer.deleted(), answer="unmatched")
    has(shop.subscription_of(buyer), email=email.lower())
    held = export(shop, "--email", email)
    same([s["stripe_subscription_id"] for s in held["subscriptions"]],
         [buyer.subscription])
    erase(shop, "--yes", "--email", email)
    has(shop.subscription_of(buyer), email=None)
    shop.deliver(buyer.customer_event("updated", at=7200, email=email),
                 answer="unmatched")
    has(shop.subscription_of(buyer), email=None)


# ------------------------------------------------------------ column by column

ROWS = {"accounts": "id = %(account)s",
        "checkout_sessions": "account_id = %(account)s",
        "credits": "account_id = %(account)s",
        "drift": "subscription = %(subscription)s",
        "emails": "license_id = %(license)s",
        "grants": "account_id = %(account)s",
        "gumroad_events": "license_id = %(license)s",
        "invoices": "stripe_subscription_id = %(subscription)s",
        "licenses": "id = %(license)s",
        "purchases": "account_id = %(account)s",
        "referrals": "referrer_account_id = %(account)s",
        "resend_requests": "address_hash = %(hash)s",
        "stripe_events": "stripe_customer_id = %(customer)s",
        "subscriptions": "stripe_subscription_id = %(subscription)s",
        "webhook_failures": "id = %(failed)s"}

# Their own contents find the rows, or mark them: traces() looks for those.
UNMARKED = {"address_hash", "external_id", "email", "to_email"}


@suite.case("every personal column of every table is empty afterwards")
def columns(shop):
    person = Person(shop).live().leave()
    keys = {"account": person.row["id"], "license": person.license["id"],
            "customer": person.buyer.customer, "failed": person.events[0],
            "subscription": person.buyer.subscription,
            "hash": hashlib.sha256(person.email.lower().encode()).digest()}
    rules = {r["relation"]: r["personal"].split() for r in shop.sql(
        "SELECT * FROM billing.person_columns() WHERE personal <> ''")}
    same(sorted(rules), sorted(ROWS))
    shop.sql("UPDATE billing.licenses SET operator_status = 'revoked',"
             " status = 'revoked' WHERE id = %s", person.license["id"])
    for table, personal in rules.items():
        where = ROWS[table] % {
            k: "'\\x%s'" % v.hex() if isinstance(v, bytes) else "'%s'" % v
            for k, v in keys.items()}
        true(shop.count("%s WHERE %s" % (table, where)), "no row: " + table)
        for column in personal:
            if column not in UNMARKED:
                shop.sql("UPDATE billing.%s SET %s = %%s WHERE %s%s" % (
                    table, column, where, " AND processed_at IS NULL" if (
                        table, column) == ("stripe_events", "error") else ""),
                    "the marker zwieback")
                true(shop.count("%s WHERE %s LIKE '%%zwieback'" % (
                    table, column)), "no marker: %s.%s" % (table, column))
    erase(shop, "--yes", person.id)
    left = [(table, column) for table, personal in rules.items()
            for column in personal if shop.count(
                "%s t WHERE %s::text LIKE '%%zwieback%%'" % (table, column))]
    same(left, [])
    same(traces(shop, person), {})


@suite.case("an error that quotes the address goes, whatever it is about, and "
            "none that does is kept afterwards")
def quoted(shop):
    person = Person(shop).live().leave()
    note = "INSERT INTO billing.webhook_failures (source, id, error)" \
        " VALUES ('stripe', 'evt_other', %s) RETURNING failure_id"
    says = 'invalid input: "%s" is no date' % person.email
    before = shop.value(note, says)
    beside = shop.value(note, says.replace(person.email, "x" + person.email))
    erase(shop, "--yes", person.id)
    after = shop.value(note, says.upper())
    for number, kept in ((before, False), (after, False), (beside, True)):
        same(shop.value("SELECT error <> 'erased' FROM "
                        "billing.webhook_failures WHERE failure_id = %s",
                        number), kept)
    same(shop.value("SELECT billing.stripe_failed('evt_q', 't', NULL, NULL,"
                    " now(), '{}', false, NULL, NULL, %s, '22000')", says),
         "handler_error")
    has(shop.ledger({"id": "evt_q"}), error="erased", payload="{}")
    shop.sql("DELETE FROM billing.webhook_failures WHERE failure_id = %s",
             beside)
    shop.sql("DELETE FROM billing.stripe_events WHERE event_id = 'evt_q'")
    same(traces(shop, person), {})


# -------------------------------------------------------------- what is kept

@suite.case("of the address an HMAC is kept, under a key of the database's own, "
            "and nothing else")
def kept(shop):
    person = Person(shop).live().leave()
    before = shop.count("erased_addresses")
    erase(shop, "--yes", person.id)
    pads = shop.row("SELECT * FROM billing.erasure_key")
    key = bytes(byte ^ 0x36 for byte in bytes(pads["inner_pad"]))
    same(bytes(byte ^ 0x5c for byte in bytes(pads["outer_pad"])), key)
    same((key[32:], len(set(key[:32])) > 16), (bytes(32), True))
    same(shop.count("erased_addresses") - before, 2)
    for text in (person.email.lower(), "id " + person.id):
        same(shop.value("SELECT count(*) FROM billing.erased_addresses "
                        "WHERE hmac = %s", hmac.new(
                            key, text.encode(), "sha256").digest()), 1)


@suite.case("by the id of an account whose address is unproven no address is "
            "noted as erased")
def unproven(shop):
    victim = Person(shop).live()
    thief = shop.account(email=victim.email, email_verified=False)
    erase(shop, "--yes", thief["external_id"])
    event = victim.buyer.customer_event("updated", at=900)
    shop.deliver(event)
    true(shop.ledger(event)["payload"], "the victim's payload was emptied")
    same(shop.license(victim.sale)["email"], victim.email)


@suite.case("a late event of an unknown customer that has the address or the id "
            "binds nobody and names nobody")
def binds_nobody(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    stranger = Buyer(email=person.email)
    named = Buyer(person.id)
    for event in (stranger.customer_event("updated"), stranger.checkout(),
                  stranger.created(), named.created()):
        shop.deliver(event, answer="unmatched")
    true(shop.ledger(event)["payload"] is None, "the id is in a payload")
    same(shop.subscription_of(named)["account_ref"], None)
    same(traces(shop, person), {})


@suite.case("64 strings with an @ are looked at, of a payload that is cut as well")
def sixty_four(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    other = shop.buyer()
    for before, keeps in ((63, False), (64, True)):
        event = charge(other, x=["a%d@example.org" % n for n in range(before)]
                       + [person.email])
        shop.deliver(event)
        same(shop.ledger(event)["payload"] is not None, keeps,
             "after %d others" % before)
    cut = json.dumps({"email": person.email})[:-2]
    same(shop.value("SELECT billing.event_names_erased(%s)", cut), True)


@suite.case("who has proven the address again in a new account came back: their "
            "payloads are kept")
def back(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    again = shop.account(external_id=person.id, email=person.email)
    buyer = Buyer(person.id, person.email)
    event = buyer.checkout()
    shop.deliver(event)
    has(shop.ledger(event), outcome="applied")
    true(shop.ledger(event)["payload"], "emptied")
    same(shop.subscription_of(buyer)["account_id"], again["id"])
    shop.deliver(buyer.created(), buyer.deleted())
    erase(shop, "--yes", person.id)
    same(traces(shop, person), {})


# ------------------------------------------------------------ late deliveries

@suite.case("whoever was erased and buys again gets a licence and its mail; the "
            "delivery is kept without payload")
def buys_again(shop):
    person = Person(shop).live().leave()
    erase(shop, "--yes", person.id)
    fields = gumroad.sale(email=person.email, full_name=person.name)
    has(shop.sell(fields), email=person.email, name=person.name)
    same(len(shop.mails(shop.license(fields))), 1)
    same([e["payload"] for e in shop.audit(fields["sale_id"])], [None])
    waits = gumroad.sale(email=person.email, **NO_PRODUCT)
    shop.ping(waits, status="logged-no-mint")
    true(shop.audit(waits["sale_id"])[0]["payload"], "nothing to replay")
    erase(shop, "--yes", "--email", person.email)
    same(traces(shop, person), {})


@suite.case("a resend of a sale that was erased, minted or not, mints nothing and "
            "names nobody; nor does what is about no licence")
def resent(shop):
    person = Person(shop).live().leave()
    refused = gumroad.sale(email=person.email, **NO_PRODUCT)
    shop.ping(refused, status="logged-no-mint")
    erase(shop, "--yes", person.id)
    licences = shop.count("licenses")
    mended = {**refused, **{name: person.sale[name] for name in NO_PRODUCT}}
    for fields in (person.sale, refused, mended):
        shop.ping(fields, status="duplicate")
    same(shop.count("licenses"), licences)
    unknown = gumroad.sale(email=person.email)
    shop.ping(gumroad.later(unknown, "refund", refunded=True))
    shop.ping(gumroad.subscription(gumroad.membership(email=person.email),
                                   "subscription_updated"))
    shop.ping({**unknown, "resource_name": "never_heard_of"})
    same(traces(shop, person), {})


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
    shop.deliver(event, answer="ignored")
    has(shop.ledger(event), payload=None, outcome="ignored")
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
    for delay_ms in (0, 4, 8, 15, 30, 60):
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


# ----------------------------------------------------------------- under way

@contextlib.contextmanager
def erasing(shop, person, until):
    """Erases on another thread; goes on when that waits for UNTIL, a lock."""
    done = []
    thread = threading.Thread(target=lambda: done.append(
        erase(shop, "--yes", person.id)))
    thread.start()
    wait_until(lambda: shop.value(
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND %s AND datname = current_database()" % until),
        what="the erasure that waits")
    yield
    thread.join(30)
    true(done, "it did not erase")


@suite.case("another customer's event in an open transaction, which names the "
            "person, is emptied as well")
def open_event(shop):
    person, other = Person(shop).live().leave(), shop.buyer()
    event = charge(other, receipt_email=person.email)
    with contextlib.closing(shop.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT billing.stripe_apply(%s, 'charge.refunded', NULL, false,"
            " now(), %s, false, 'record', '{}')",
            (event["id"], json.dumps(event)))
        with erasing(shop, person,
                     "relation = 'billing.erased_addresses'::regclass"):
            connection.commit()
    same(shop.ledger(event)["payload"], None)
    same(traces(shop, person), {})


@suite.case("a mail that is being queued for the person's licence goes as well")
def open_mail(shop):
    person = Person(shop).live().leave()
    with contextlib.closing(shop.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT billing.license_mail(%s, %s, %s, %s)", (
            person.license["id"], "s", person.name, person.email))
        with erasing(shop, person, "locktype = 'transactionid'"):
            connection.commit()
    same(traces(shop, person), {})


@suite.case("while a dump reads, nobody is erased, it is said why, and deliveries "
            "go on", limit_s=60)
def while_dumped(shop):
    person = Person(shop).live().leave()
    before = shop.count("erasures")
    with contextlib.closing(shop.connect()) as connection:
        connection.cursor().execute(
            "LOCK TABLE billing.erased_addresses IN ACCESS SHARE MODE")
        said = []
        thread = threading.Thread(target=lambda: said.append(
            erase(shop, "--yes", person.id, status=1)))
        thread.start()
        for at in range(900, 905):
            shop.deliver(person.buyer.customer_event("updated", at=at))
        thread.join(30)
    true("try again later" in said[0], said)
    same(shop.count("erasures"), before)
    erase(shop, "--yes", person.id)
    same(traces(shop, person), {})


suite.main()
