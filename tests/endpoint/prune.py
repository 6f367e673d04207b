#!/usr/bin/python3 -B
"""prune empties what is old, and nothing that anybody still needs."""

import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2

from harness import gumroad, stripe
from harness.gumroad import Shop
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(durable=False, programs=[
    "stripe-webhook", "gumroad-webhook", "fake-stripe"]))

AGE = {"stripe_events": ("event_id", "received_at"),
       "gumroad_events": ("id", "received_at"),
       "emails": ("id", "created_at"),
       "webhook_failures": ("failure_id", "at"),
       "checkout_sessions": ("id", "created_at")}


def age(shop, table, key, days):
    """Make a row as old as that."""
    column, stamp = AGE[table]
    shop.sql("UPDATE billing.%s SET %s = now() - make_interval(days => %%s) "
             "WHERE %s = %%s" % (table, stamp, column), days, key)


def prune(shop, *options, program="stripe-webhook", status=0, **settings):
    """Run prune; its rows by name, as (rows, oldest)."""
    done = shop.tool(program, "prune", "--json", *options, **settings)
    same(done.returncode, status, done.stderr.decode())
    return {row["what"]: int(row["rows"]) for row in json.loads(done.stdout)}


def old_event(shop, days=100, **fields):
    event = shop.buyer().created(**fields)
    shop.deliver(event, answer=None if fields else "applied")
    age(shop, "stripe_events", event["id"], days)
    return event


# ---------------------------------------------------------------- Stripe

@suite.case("the payload of an old event goes, all else of its row stays, a "
            "young one is left")
def payloads(shop):
    old, young = old_event(shop, 91), old_event(shop, 89)
    before = shop.ledger(old), shop.ledger(young)
    true(before[0]["payload"], "it had no payload")
    same(prune(shop)["event payloads"], 1)
    same(shop.ledger(old), {**before[0], "payload": None})
    same(shop.ledger(young), before[1])
    same(prune(shop)["event payloads"], 0, "the second time")


@suite.case("--days and PAYLOAD_KEEP_DAYS say how old")
def how_old(shop):
    prune(shop, "--days", "21")
    event = old_event(shop, 20)
    same(prune(shop, "--days", "21")["event payloads"], 0)
    same(prune(shop, PAYLOAD_KEEP_DAYS="21")["event payloads"], 0)
    true(shop.ledger(event)["payload"], "pruned too early")
    same(prune(shop, PAYLOAD_KEEP_DAYS="19")["event payloads"], 1)
    same(shop.ledger(event)["payload"], None)


@suite.case("a pruned event that is sent again is a duplicate")
def duplicate(shop):
    event = old_event(shop)
    prune(shop)
    shop.deliver(event, answer="duplicate")
    has(shop.ledger(event), payload=None, deliveries=2, outcome="applied")


@suite.case("an event that could not be applied keeps its payload and its "
            "failure, until it was replayed")
def unprocessed(shop):
    event = shop.buyer().created()
    with shop.failing("23514", times=1):
        shop.deliver(event, answer="handler_error")
    age(shop, "stripe_events", event["id"], 400)
    age(shop, "webhook_failures", shop.failures(event)[0]["failure_id"], 400)
    has(prune(shop), **{"event payloads": 0, "failed attempts": 0})
    same(len(shop.failures(event)), 1, "failures")
    same(shop.run("events", "replay", event["id"]).returncode, 0)
    has(shop.ledger(event), outcome="applied")
    has(prune(shop), **{"event payloads": 1, "failed attempts": 1})
    same(shop.failures(event), [])


@suite.case("a replay of a pruned event asks Stripe for it, or says that it "
            "was emptied")
def replay(shop):
    event = old_event(shop)
    prune(shop)
    shop.stripe.put(event)
    done = shop.run("events", "replay", "--json", event["id"])
    same(done.returncode, 0, done.stderr)
    has(json.loads(done.stdout)[0], outcome="duplicate")
    same(shop.ledger(event)["payload"], None)
    done = shop.run("events", "replay", "--json", event["id"],
                    environment={"STRIPE_API_KEY": None})
    same(done.returncode, 1)
    true("emptied since; set STRIPE_API_KEY"
         in json.loads(done.stdout)[0]["error"], done.stdout)


@suite.case("what was cut at the cap still says so after it was emptied, and "
            "what was only emptied does not")
def truncated(shop):
    whole = old_event(shop)
    cut = old_event(shop, metadata={"note": "x" * 20000})
    prune(shop)
    has(shop.ledger(whole), payload=None, payload_truncated=False)
    has(shop.ledger(cut), payload=None, payload_truncated=True)


@suite.case("--dry-run says what would go and since when, and touches nothing")
def dry_run(shop):
    event = old_event(shop, 200)
    with shop.nothing_stored():
        same(prune(shop, "--dry-run")["event payloads"], 1)
    done = shop.tool("stripe-webhook", "prune", "--dry-run")
    same(done.returncode, 0)
    line = done.stdout.decode().splitlines()[1]
    oldest = shop.value("SELECT to_char(received_at AT TIME ZONE 'UTC', "
                        "'YYYY-MM-DD') FROM billing.stripe_events "
                        "WHERE event_id = %s", event["id"])
    true(line.startswith("event payloads") and oldest in line, line)
    prune(shop)


@suite.each("{arguments!r} is refused with a sentence", [
    ["--days", "0"], ["--days", "-1"], ["--days", "x"], ["--days"],
    ["--days", "99999999999999999999"], ["all"], ["--all"]])
def refused(shop, arguments):
    done = shop.tool("stripe-webhook", "prune", *arguments)
    same((done.returncode, done.stdout), (64, b""))
    true(b"stripe-webhook: prune: " in done.stderr, done.stderr)


@suite.case("PAYLOAD_KEEP_DAYS=0 stops the program at start with a sentence")
def zero(shop):
    done = shop.tool("stripe-webhook", "check", PAYLOAD_KEEP_DAYS="0")
    same((done.returncode, done.stderr.decode()),
         (78, "stripe-webhook: PAYLOAD_KEEP_DAYS must be a whole number of "
              "days, from 1 to 36500\n"))


@suite.case("more than fits into a batch goes too, whatever its age says")
def batches(shop):
    shop.sql("""INSERT INTO billing.stripe_events
             (event_id, type, received_at, processed_at, outcome, payload)
             SELECT 'evt_batch' || i, 'x', now() - interval '100 days'
                    - (i / 700) * interval '1 hour', now(), 'ignored', '{}'
             FROM generate_series(1, 1701) i""")
    same(prune(shop)["event payloads"], 1701)
    same(shop.value("""SELECT count(*) FROM billing.stripe_events
                    WHERE event_id LIKE 'evt_batch%%'
                    AND payload IS NULL"""), 1701)


@suite.case("a row that somebody holds is not waited for, and goes the next "
            "time")
def locked(shop):
    held, free = old_event(shop, 100), old_event(shop, 99)
    with contextlib.closing(shop.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT FROM billing.stripe_events WHERE event_id = %s "
                       "FOR UPDATE", (held["id"],))
        same(prune(shop)["event payloads"], 1)
        same(shop.ledger(free)["payload"], None)
        true(shop.ledger(held)["payload"], "the held one")
        connection.rollback()
    same(prune(shop)["event payloads"], 1)


@suite.case("old failures and expired checkout sessions go, open ones stay")
def others(shop):
    shop.sql("""INSERT INTO billing.webhook_failures (source, id, at, error)
             VALUES ('stripe', 'evt_nowhere', now() - interval '91 days', 'e'),
                    ('stripe', 'evt_nowhere', now() - interval '89 days', 'e')
             """)
    account = shop.account()["id"]
    shop.sql("""INSERT INTO billing.checkout_sessions
             (account_id, request, facts, created_at, expires_at)
             VALUES (%s, 'r', 'a@example.com', now() - interval '91 days',
                     now() - interval '90 days'),
                    (%s, 'r', 'a@example.com', now() - interval '91 days',
                     now() + interval '1 day'),
                    (%s, 'r', 'a@example.com', now() - interval '1 day', NULL)
             """, account, account, account)
    has(prune(shop), **{"failed attempts": 1, "expired checkouts": 1})
    same(shop.count("checkout_sessions WHERE account_id = %d" % account), 2)
    same(shop.count("webhook_failures WHERE id = 'evt_nowhere'"), 1)


@suite.case("each batch finds its rows by an index that holds only what can "
            "be emptied")
def index(shop):
    with contextlib.closing(shop.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("""EXPLAIN SELECT ctid FROM billing.stripe_events
                       WHERE payload IS NOT NULL AND processed_at IS NOT NULL
                       AND received_at < now() ORDER BY received_at LIMIT 5
                       FOR UPDATE SKIP LOCKED""")
        plan = str(cursor.fetchall())
    true("stripe_events_payload" in plan and "Sort" not in plan, plan)


# --------------------------------------------------------------- Gumroad

@suite.case("Gumroad: the payload of an old delivery goes, and a refund "
            "afterwards still finds the licence")
def deliveries(shop):
    fields = gumroad.sale()
    shop.sell(fields)
    row = shop.audit(fields["sale_id"])[0]
    age(shop, "gumroad_events", row["id"], 100)
    before = shop.audit(fields["sale_id"])[0]
    same(prune(shop, program="gumroad-webhook")["delivery payloads"], 1)
    same(shop.audit(fields["sale_id"])[0], {**before, "payload": None})
    shop.ping(fields, status="duplicate")
    shop.ping(gumroad.later(fields, "refund", refunded=True),
              status="revoked")
    done = shop.tool("gumroad-webhook", "replay", "--json", str(row["id"]))
    same(done.returncode, 1)
    true("emptied since" in json.loads(done.stdout)[0]["error"], done.stdout)


@suite.case("Gumroad: a delivery that minted nothing keeps its payload")
def unminted(shop):
    fields = gumroad.sale(product_id="unknown==", permalink="unknown",
                          short_product_id="UNKN")
    shop.ping(fields, status="logged-no-mint")
    row = shop.last_audit()
    age(shop, "gumroad_events", row["id"], 400)
    same(prune(shop, program="gumroad-webhook")["delivery payloads"], 0)
    true(shop.last_audit()["payload"], "the payload is gone")


@suite.case("Gumroad: the failed attempts of a delivery that still waits stay,"
            " those of one that was applied go")
def failures_that_wait(shop):
    sale, other = gumroad.sale(), gumroad.sale()
    shop.ping(sale)
    shop.sql("""INSERT INTO billing.gumroad_events (order_id, payload, error)
             VALUES (%s, 'x=y', 'e')""", other["sale_id"])
    for order in (sale["sale_id"], other["sale_id"], "nowhere"):
        shop.sql("""INSERT INTO billing.webhook_failures (source, id, at, error)
                 VALUES ('gumroad', %s, now() - interval '100 days', 'e')""",
                 order)
    same(prune(shop, program="gumroad-webhook")["failed attempts"], 2)
    same(shop.column("SELECT id FROM billing.webhook_failures "
                     "WHERE source = 'gumroad'"), [other["sale_id"]])
    shop.sql("DELETE FROM billing.gumroad_events WHERE order_id = %s",
             other["sale_id"])


@suite.case("the words of an old mail go, one that still waits keeps them, "
            "and what was emptied is never sent again")
def mails(shop):
    sent = shop.mails(shop.sell())[0]
    failed = shop.mails(shop.sell())[0]
    shop.postmark.answer("503")
    queued = shop.mails(shop.sell(status="minted-email-failed"))[0]
    shop.postmark.answer("ok")
    shop.sql("UPDATE billing.emails SET status = 'failed' WHERE id = %s",
             failed["id"])
    for mail in (sent, failed, queued):
        age(shop, "emails", mail["id"], 100)
    same(prune(shop, program="gumroad-webhook")["mail bodies"], 2)
    rows = {r["id"]: r for r in shop.sql("SELECT * FROM billing.emails")}
    for mail in (sent, failed):
        has(rows[mail["id"]], subject=None, body_text=None, body_html=None,
            to_email=mail["to_email"])
    has(rows[queued["id"]], body_text=queued["body_text"], status="queued")
    count = shop.postmark.count()
    shop.deliver_mail("--failed")
    same(shop.postmark.count(), count + 1, "mails sent")
    has(shop.row("SELECT * FROM billing.emails WHERE id = %s", failed["id"]),
        status="failed")


# ----------------------------------------------------------------- roles

@suite.each("the role of {program} may prune its own and nothing else", [
    {"program": "stripe_webhook", "own": "stripe", "other": "gumroad"},
    {"program": "gumroad_webhook", "own": "gumroad", "other": "stripe"}])
def roles(shop, program, own, other):
    shop.expect_log("permission denied")
    with contextlib.closing(shop.connect(user="paydesk_" + program)) as c:
        c.autocommit = True
        cursor = c.cursor()
        cursor.execute("SELECT * FROM billing.%s_prune_due(90)" % own)
        for call in ("%s_prune_due(90)" % other,
                     "%s_prune('failed attempts', 90, NULL, 1)" % other,
                     "prune('%s-webhook', 'failed attempts', 90, NULL, 1)"
                     % own, "prune_due('stripe-webhook', 90)"):
            try:
                cursor.execute("SELECT * FROM billing." + call)
            except psycopg2.errors.InsufficientPrivilege:
                continue
            raise AssertionError(call + " was allowed")


suite.main()
