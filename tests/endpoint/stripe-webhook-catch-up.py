#!/usr/bin/python3 -B
"""catch-up: what Stripe lists and the ledger does not have is applied."""

import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import Desk, wait_until, when
from harness.stripe import DAY
from harness.tap import Suite, has, same, true

HOUR = 3600
USAGE, NO_DATABASE, SETTINGS = 64, 69, 78

suite = Suite(lambda: Desk(
    environment={"STRIPE_PAYLOAD_STORE_MAX": "4000"},
    programs=["stripe-webhook", "catch-up", "fake-stripe"]))


def at_stripe(desk, *events):
    """Events that Stripe has and never delivered."""
    for event in events:
        desk.stripe.put(event)
    return events


def catch_up(desk, *options, status=0):
    result = desk.run("catch-up", "--json", *options)
    same(result.returncode, status, result.stderr.decode())
    return json.loads(result.stdout)[0] if result.stdout else None


def pages(desk):
    return [r["path"] for r in desk.stripe.requests()
            if r["path"].startswith("/v1/events")]


def seen_until(desk):
    return desk.value("SELECT seen_until FROM billing.catch_up")


def life(desk, **options):
    """An account's buyer and a few events of theirs, oldest first."""
    buyer = desk.buyer(**options)
    return buyer, [buyer.created(0, status="incomplete"),
                   buyer.updated(60, quantity=3), buyer.invoice_paid(61),
                   buyer.updated(120, quantity=5)]


# -------------------------------------------------------------- what it does

@suite.case("the job that bootstrap runs has made a first pass by itself")
def first_pass(desk):
    wait_until(lambda: desk.count("catch_up") == 1, 10, "a pass")
    same(seen_until(desk), None, "with nothing there")


@suite.case("events that were never delivered are applied as if they had been")
def applied(desk):
    buyer, events = life(desk)
    at_stripe(desk, *events)
    has(catch_up(desk), seen="4", already_there="0", applied="4", failed="0")
    has(desk.subscription_of(buyer), status="active", seat_limit=5,
        current_period_end=when(buyer.end))
    has(desk.account_of(buyer), tier="paid")
    for event in events:
        has(desk.ledger(event), outcome="applied", deliveries=1,
            type=event["type"], created_at=when(event["created"]),
            api_version=event["api_version"])
    true(json.loads(desk.ledger(events[0])["payload"]) == events[0],
         "the payload is not the event")


@suite.case("an account and its event that saw nothing of each other are joined")
def joined(desk):
    buyer = stripe.Buyer(stripe.new_id("user"))
    with desk.connect() as connection:
        connection.cursor().execute(
            "INSERT INTO billing.accounts (external_id) VALUES (%s)",
            [buyer.account])
        desk.deliver(*at_stripe(desk, buyer.created()), answer="unmatched")
    same(desk.subscription_of(buyer)["account_id"], None)
    catch_up(desk)
    account = desk.account_of(buyer)
    has(account, tier="paid", stripe_customer_id=buyer.customer,
        subscription_status="active")
    same(desk.subscription_of(buyer)["account_id"], account["id"])


@suite.case("the oldest is applied first")
def oldest_first(desk):
    _, events = life(desk)
    at_stripe(desk, *events)
    catch_up(desk)
    order = desk.sql("SELECT event_id FROM billing.stripe_events "
                     "WHERE event_id = ANY(%s) ORDER BY received_at",
                     [e["id"] for e in events])
    same([r["event_id"] for r in order], [e["id"] for e in events])


@suite.case("a second run finds all of it there, and writes nothing but when")
def idempotent(desk):
    _, events = life(desk)
    at_stripe(desk, *events)
    catch_up(desk)
    with desk.nothing_stored():
        again = catch_up(desk)
    has(again, applied="0", failed="0")
    same(again["seen"], again["already_there"])


@suite.case("what was delivered is not delivered again, nor counted")
def delivered(desk):
    buyer, events = life(desk)
    at_stripe(desk, *events)
    desk.deliver(*events[:2])
    has(catch_up(desk), applied="2")
    same([desk.ledger(e)["deliveries"] for e in events], [1, 1, 1, 1])
    desk.deliver(*events, answer="duplicate")


@suite.case("what could not be applied before is left to replay")
def failed_before(desk):
    buyer = desk.buyer()
    bad = buyer.created(quantity=-1)
    at_stripe(desk, bad)
    desk.deliver(bad, answer="handler_error")
    with desk.nothing_stored():
        has(catch_up(desk), failed="0")


@suite.case("what cannot be applied is counted, named by events list, exit 1")
def bad_event(desk):
    bad = desk.buyer().created(quantity=-1)
    good = desk.buyer().created()
    at_stripe(desk, bad, good)
    result = desk.run("catch-up")
    same(result.returncode, 1)
    true(b"1 could not be applied" in result.stderr, result.stderr)
    has(desk.ledger(bad), outcome="handler_error", processed_at=None)
    has(desk.ledger(good), outcome="applied")
    same(len(desk.failures(bad)), 1)


@suite.case("a session makes it ask nothing: the subscription's own events are "
            "on the list, and were true in their time")
def session(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(status="canceled"))
    at_stripe(desk, buyer.checkout(0), buyer.created(1),
              buyer.deleted())
    has(catch_up(desk), applied="3", stale="0")
    same([r["path"] for r in desk.stripe.requests()
          if buyer.subscription in r["path"]], [])
    has(desk.subscription_of(buyer), status="canceled", was_active=True)
    has(desk.account_of(buyer), stripe_customer_id=buyer.customer,
        tier="free")


@suite.case("events that are only recorded are caught up too")
def recorded(desk):
    buyer = desk.buyer()
    events = at_stripe(desk, *buyer.audit_events())
    has(catch_up(desk), applied=str(len(events)))
    for event in events:
        true(desk.ledger(event)["processed_at"], "it is in the ledger")


@suite.case("Stripe is asked for the types that are handled, 20 at most a list")
def types(desk):
    before = len(pages(desk))
    at_stripe(desk, stripe.event("charge.captured", {"id": "ch_1"}))
    seen = catch_up(desk)["seen"]
    lists = pages(desk)[before:]
    for path in lists:
        true(0 < path.count("types%5B") <= 20, path)
        true("limit=100" in path and "created%5Bgte%5D=" in path, path)
    asked = re.findall(r"types%5B\d+%5D=([\w.]+)", " ".join(lists))
    same(len(asked), len(set(asked)), "no type is asked for twice")
    same([t for t in asked if t.startswith("paydesk.")], [])
    for type in ("invoice.paid", "customer.deleted", "charge.refunded",
                 "checkout.session.expired"):
        true(type in asked, type)
    same(seen, str(desk.value(
        "SELECT count(*) FROM billing.stripe_events WHERE created_at >= "
        "(SELECT seen_until - interval '1 hour' FROM billing.catch_up)")))


@suite.case("more than a page: all of it, the oldest first")
def many(desk):
    buyer = desk.buyer(start=int(time.time()) - DAY)
    events = at_stripe(desk, buyer.created(0), *[
        buyer.updated(i, quantity=i) for i in range(1, 250)])
    desk.deliver(*events[100:240])
    has(catch_up(desk, "--since", "25h"), applied="10",
        stale="100", failed="0")
    has(desk.subscription_of(buyer), seat_limit=249)
    same(desk.value("SELECT count(*) FROM billing.stripe_events WHERE "
                    "stripe_subscription_id = %s", buyer.subscription), 250)


# --------------------------------------------------------- where it goes on

@suite.case("the next run begins an hour before the newest that was seen")
def goes_on(desk):
    newest = desk.buyer(start=int(time.time()) - 60).created()
    at_stripe(desk, newest)
    catch_up(desk)
    same(seen_until(desk), when(newest["created"]))
    has(catch_up(desk), since=when(newest["created"] - HOUR).strftime(
        "%Y-%m-%dT%H:%M:%SZ"))


@suite.case("an event that is listed late, within the hour, is not lost")
def listed_late(desk):
    now = int(time.time())
    at_stripe(desk, desk.buyer(start=now - 10).created())
    catch_up(desk)
    late = desk.buyer(start=now - 50 * 60).created()
    at_stripe(desk, late)
    catch_up(desk)
    has(desk.ledger(late), outcome="applied")


@suite.each("--since {since} reaches back as far", [
    {"since": "3h"}, {"since": "{unix}"}, {"since": "{rfc}"}])
def since_forms(desk, since):
    moment = int(time.time()) - 3 * HOUR
    older = desk.buyer(start=moment - 30).created()
    newer = desk.buyer(start=moment + 30).created()
    at_stripe(desk, older, newer)
    catch_up(desk, "--since", since.format(
        unix=moment, rfc=when(moment).strftime("%Y-%m-%dT%H:%M:%S+00:00")))
    same(desk.ledger(older), None)
    has(desk.ledger(newer), outcome="applied")
    catch_up(desk, "--since", "1d")
    has(desk.ledger(older), outcome="applied")


@suite.case("a run that leaves a gap does not move where the next one begins")
def gap(desk):
    desk.sql("UPDATE billing.catch_up SET seen_until = now() - "
             "interval '10 days'")
    noted = seen_until(desk)
    catch_up(desk, "--since", "1h")
    same(seen_until(desk), noted)
    catch_up(desk, "--since", "11d")
    true(seen_until(desk) > noted, "it has not moved")


@suite.case("what is older than Stripe keeps is said, and clipped")
def clipped(desk):
    desk.sql("UPDATE billing.catch_up SET seen_until = now() - "
             "interval '40 days'")
    result = desk.run("catch-up", "--json")
    same(result.returncode, 0)
    true(b"30 days" in result.stderr and b"reconcile" in result.stderr,
         result.stderr)
    begin = json.loads(result.stdout)[0]["since"]
    same(begin[:10], when(time.time() - 30 * DAY).strftime("%Y-%m-%d"))
    true(seen_until(desk) > when(time.time() - 30 * DAY), "it has not moved")


@suite.case("where it goes on is not moved by a run that failed")
def page_fails(desk):
    desk.sql("UPDATE billing.catch_up SET seen_until = now() - "
             "interval '2 days'")
    noted = seen_until(desk)
    event = desk.buyer().created()
    at_stripe(desk, event)
    desk.stripe.next("GET /v1/events?", {"status": 401})
    result = desk.run("catch-up")
    same(result.returncode, 1)
    true(b"Stripe did not give its events" in result.stderr, result.stderr)
    same((seen_until(desk), desk.ledger(event)), (noted, None))
    catch_up(desk)
    has(desk.ledger(event), outcome="applied")


# ------------------------------------------------------------ Stripe's limits

@suite.each("Stripe answers {how}: it waits and asks again", [
    {"how": "429", "answer": {"status": 429}},
    {"how": "429 with Retry-After", "answer": {
        "status": 429, "headers": {"Retry-After": "2"}}},
    {"how": "500", "answer": {"status": 500}},
    {"how": "an answer that breaks off", "answer": {"cut": True}}])
def asks_again(desk, how, answer):
    event = desk.buyer().created()
    at_stripe(desk, event)
    desk.stripe.next("GET /v1/events?", answer)
    started = time.monotonic()
    catch_up(desk, "--since", "2d")
    took = time.monotonic() - started
    has(desk.ledger(event), outcome="applied")
    true(took >= (2 if "Retry" in how else 0.5), "after %.1f s" % took)


@suite.case("no more than ten lists a second are asked for")
def throttled(desk):
    buyer = desk.buyer()
    at_stripe(desk, *[buyer.updated(i) for i in range(350)])
    catch_up(desk, "--since", "2d")
    before = len(pages(desk))
    started = time.monotonic()
    catch_up(desk, "--since", "2d")
    took, asked = time.monotonic() - started, len(pages(desk)) - before
    true(asked >= 5 and took >= (asked - 1) * 0.1,
         "%d lists in %.2f s" % (asked, took))


# ------------------------------------------------------------------- --watch

@suite.case("--watch makes its passes until SIGTERM; when Stripe does not "
            "answer it warns and goes on")
def watch(desk):
    desk.sql("UPDATE billing.catch_up SET seen_until = now() - "
             "interval '2 days'")
    event = desk.buyer().created()
    at_stripe(desk, event)
    desk.stripe.next("GET /v1/events?", {"status": 401})
    job = desk.begin("catch-up", "--watch", stderr=subprocess.PIPE)
    said = ""
    while "1 events, 0 failed" not in said:
        line = job.stderr.readline().decode()
        true(line, "it has ended: " + said)
        said += line
    has(desk.ledger(event), outcome="applied")
    true("catch-up waits: Stripe did not give" in said, said)
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=10)


# ----------------------------------------------------------------- mistakes

@suite.each("'{words}' is a usage error", [
    "catch-up now", "catch-up --since", "catch-up --since yesterday",
    "catch-up --since 2026-13-01", "catch-up --all"])
def usage(desk, words):
    result = desk.run(*words.split())
    same(result.returncode, USAGE, result.stderr)
    true(b"stripe-webhook catch-up [--since T]" in result.stderr
         or b"a time is" in result.stderr, result.stderr)


@suite.each("{what}: it says so and exits {status}", [
    {"what": "no API key", "status": SETTINGS, "says": "STRIPE_API_KEY",
     "environment": {"STRIPE_API_KEY": None}},
    {"what": "a key of the other mode", "status": SETTINGS,
     "says": "STRIPE_LIVEMODE", "environment": {"STRIPE_LIVEMODE": "true"}},
    {"what": "no database", "status": NO_DATABASE, "says": "database",
     "environment": {"DATABASE_URL": "host=/nonexistent"}}])
def not_ready(desk, what, status, says, environment):
    result = desk.run("catch-up", environment=environment)
    same(result.returncode, status, result.stderr)
    true(says in result.stderr.decode(), result.stderr)
    true(b"sk_" not in result.stderr, "the key is shown")


@suite.case("for people it is a table")
def table(desk):
    result = desk.run("catch-up")
    lines = result.stdout.decode().splitlines()
    same(lines[0].split(), ["since", "seen", "already_there", "applied",
                            "stale", "unmatched", "ignored", "failed"])
    same(len(lines), 2)


suite.main()
