#!/usr/bin/python3 -B
"""The cluster is lost: last night's dump in a fresh desk, and catch-up, make
the books what they were."""

import datetime
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads, wait_until
from harness.model import Books
from harness.tap import Suite, same, true

BUYERS = 40
CREDIT_SLACK = datetime.timedelta(hours=1)

PROGRAMS = ["stripe-webhook", "catch-up", "fake-stripe"]

suite = Suite(lambda: Desk(durable=False, programs=PROGRAMS))


def command(*words, **options):
    done = subprocess.run(words, stderr=subprocess.PIPE, timeout=120,
                          **options)
    same(done.returncode, 0, done.stderr.decode())


def dump(desk, path):
    command("pg_dump", "--schema=billing", "--format=custom", "--file=" + path,
            desk.conninfo)


def restore(desk, path, stripe):
    """Into a desk where nothing happens; then it starts, and meets Stripe."""
    command("pg_restore", "--clean", "--if-exists", "--exit-on-error",
            "--single-transaction", "--dbname=" + desk.conninfo, path)
    desk.settings["STRIPE_API_BASE"] = stripe.url
    desk.restart()


def live(desk, events):
    """Stripe makes the events and delivers them, in the order of time."""
    in_threads(4, lambda i: [desk.stripe.put(e) for e in events[i::4]])
    for event in events:
        same(desk.post_event(event).status, 200)


def accounts(desk):
    rows = desk.sql("SELECT external_id, email, stripe_customer_id, tier, "
                    "subscription_status, trial_end, referral_code, "
                    "first_paid_at IS NOT NULL AS has_paid, credit_until "
                    "FROM billing.accounts ORDER BY external_id")
    return [r.pop("credit_until") for r in rows], rows


def subscriptions(desk):
    return desk.sql("""
        SELECT stripe_subscription_id, a.external_id, s.stripe_customer_id,
            account_ref, plan, period, price_id, status,
            snapshot_status, previous, was_active, seat_limit,
            current_period_start, current_period_end, s.trial_end,
            cancel_at_period_end, cancel_at, last_event_at, last_event_rank,
            payment_failed_at, payment_paid_at, checkout_unpaid,
            checkout_paid_at, invoice_paid
        FROM billing.subscriptions s
        LEFT JOIN billing.accounts a ON a.id = s.account_id ORDER BY 1""")


def ledger(desk):
    rows = desk.sql("SELECT event_id, type, created_at, outcome, error, "
                    "processed_at IS NOT NULL AS processed, payload, "
                    "stripe_customer_id, stripe_subscription_id "
                    "FROM billing.stripe_events ORDER BY event_id")
    for row in rows:
        row["payload"] = json.loads(row["payload"])
    return rows


def referrals(desk):
    return desk.sql("SELECT code, converted_at IS NOT NULL AS converted "
                    "FROM billing.referrals ORDER BY code")


def alike(rows, originals):
    """The same rows; a failure shows the first that is not."""
    same(len(rows), len(originals))
    for row, original in zip(rows, originals):
        same(row, original)


def refer(desk, buyers):
    """The first has brought the others; some pay only after the dump."""
    for buyer in buyers[1:]:
        desk.sql("INSERT INTO billing.referrals (code, referrer_account_id, "
                 "referred_account_id) SELECT a.referral_code, a.id, b.id "
                 "FROM billing.accounts a, billing.accounts b "
                 "WHERE a.external_id = %s AND b.external_id = %s",
                 buyers[0].account, buyer.account)


@suite.case("a dump, more events, the loss; the dump restored elsewhere and "
            "started: accounts, subscriptions and ledger are the original's")
def restored(desk):
    books = Books(desk, BUYERS, random.Random(os.urandom(8)))
    refer(desk, list(books.lives)[:6])
    stranger = desk.buyer(bound=False, metadata={})
    events = sorted([
        *books.events, stranger.customer_event("updated"),
        *stranger.audit_events(), desk.buyer().created(quantity=-1)],
        key=lambda e: e["created"])
    half = len(events) // 2
    live(desk, events[:half])
    path = os.path.join(desk.directory, "billing.dump")
    dump(desk, path)
    lost = desk.count("stripe_events")
    live(desk, events[half:])
    same(desk.count("stripe_events"), len(events))
    true(lost < len(events), "nothing came after the dump")

    with Desk(durable=False, programs=PROGRAMS) as other:
        restore(other, path, desk.stripe)
        wait_until(lambda: other.count("stripe_events") == len(events), 60,
                   "what came after the dump")
        same(other.run("catch-up").returncode, 0)
        alike(ledger(other), ledger(desk))
        alike(subscriptions(other), subscriptions(desk))
        alike(referrals(other), referrals(desk))
        credits, rows = accounts(other)
        credits_then, rows_then = accounts(desk)
        alike(rows, rows_then)
        for credit, then in zip(credits, credits_then):
            same(credit is None, then is None)
            true(credit is None or abs(credit - then) < CREDIT_SLACK,
                 "credit until %s, was %s" % (credit, then))
        other.deliver(other.buyer().created())


suite.main()
