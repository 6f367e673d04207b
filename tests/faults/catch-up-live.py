#!/usr/bin/python3 -B
"""catch-up beside live deliveries of the same events, killed at random, and
after an outage: every event takes effect once, the books are as the model's."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads, wait_until
from harness.model import Books, Load, redeliver, taken_or_later
from harness.tap import Suite, same, true

WORKERS = 4
BUYERS = 60
KILLS = 12

suite = Suite(lambda: Desk(
    workers=WORKERS, durable=False,
    programs=["stripe-webhook", "catch-up", "fake-stripe"]))


def at_stripe(desk, events):
    in_threads(4, lambda i: [desk.stripe.put(e) for e in events[i::4]])


def start(desk, *options):
    return desk.begin("catch-up", "--since", "3d", *options,
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    said = process.communicate(timeout=120)
    same(process.returncode, 0, repr(said))


def new_books(desk):
    """Of this case alone."""
    desk.stripe.reset()
    for table in ("stripe_events", "subscriptions", "accounts", "catch_up"):
        desk.sql("DELETE FROM billing." + table)
    books = Books(desk, BUYERS, random.Random(os.urandom(8)))
    at_stripe(desk, books.events)
    return books


@suite.case("two runs of catch-up beside live deliveries of the same events")
def beside(desk):
    books = new_books(desk)
    load = Load(desk, books.events, threads=WORKERS)
    posting = threading.Thread(target=load.run, args=(taken_or_later,))
    posting.start()
    for runs in (start(desk), start(desk)), (start(desk),):
        for run in runs:
            finish(run)
    load.stopping = True
    posting.join()
    same(load.bad, [])
    redeliver(desk, books.events)
    books.check()


@suite.case("kill -9 of catch-up, %d times, then one run to the end: each "
            "event was taken up once" % KILLS)
def killed(desk):
    books = new_books(desk)
    chance = random.Random(os.urandom(8))
    cut = 0
    for _ in range(KILLS):
        run = start(desk)
        time.sleep(chance.uniform(0.02, 0.35))
        run.kill()
        run.communicate()
        cut += run.returncode == -signal.SIGKILL
    true(cut > 2, "only %d runs were cut" % cut)
    finish(start(desk))
    books.check()
    same(desk.sql("SELECT event_id FROM billing.stripe_events "
                  "WHERE deliveries > 1"), [])


@suite.case("the host was down while Stripe sent: after the start it heals "
            "by itself")
def outage(desk):
    books = new_books(desk)
    desk.deliver(*sorted(books.events[:100], key=lambda e: e["created"]),
                 answer=None)
    desk.restart()
    wait_until(lambda: desk.value("SELECT count(*) FROM billing.catch_up"),
               60, "the first pass of the job")
    books.check()


suite.main()
