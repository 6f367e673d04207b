#!/usr/bin/python3 -B
"""reconcile --fix beside live events, and killed at random: what Stripe says
last is what stands."""

import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, in_threads
from harness.stripe import DAY
from harness.tap import Suite, has, same, true

WORKERS = 4
BUYERS = 24
SECONDS = 8
MANY = 1000     # ten pages, of which a tenth of a second reads one at most
KILLED = 500    # no more kills from there: the last run must have a rest to do

suite = Suite(lambda: Desk(
    workers=WORKERS, durable=False,
    programs=["stripe-webhook", "fake-stripe"]))


def start(desk, *options):
    return desk.begin("reconcile", *options, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE)


def finish(process):
    out, said = process.communicate(timeout=120)
    true(process.returncode in (0, 1), said)
    return process.returncode, out, said.decode()


def next_second():
    time.sleep(1.02 - time.time() % 1)
    return int(time.time())


def live(desk, buyer, chance, stop, last):
    """A change a second at Stripe; its event comes late, or twice.  The last
    one comes when no reconcile runs any more."""
    late = []
    while True:
        over = stop.is_set()
        now = next_second()
        last[buyer] = chance.randrange(1, 1000)
        desk.stripe.put(buyer.snapshot(quantity=last[buyer]))
        late.append(buyer.updated(now - buyer.start, quantity=last[buyer]))
        if over or chance.random() < 0.5:
            desk.deliver(*late, answer=None)
            late = late[-1:]
        if over:
            return


@suite.case("what changes at Stripe while reconcile --fix runs ends as Stripe "
            "has it, whichever came first")
def racing(desk):
    buyers = [desk.buyer() for _ in range(BUYERS)]
    for buyer in buyers:
        desk.stripe.put(buyer.snapshot())
        desk.deliver(buyer.created())
    stop, last, runs = threading.Event(), {}, []

    def work(i):
        if i < BUYERS:
            live(desk, buyers[i], random.Random(os.urandom(8)), stop, last)
            return
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            runs.append(finish(start(desk, "--fix"))[0])
        stop.set()

    in_threads(BUYERS + 1, work)
    true(len(runs) > 3, "only %d runs" % len(runs))
    true(desk.value("SELECT count(*) FROM billing.stripe_events WHERE type "
                    "= 'paydesk.reconcile' AND outcome = 'applied'") > 5,
         "nothing was fixed meanwhile")
    same({b: desk.subscription_of(b)["seat_limit"] for b in buyers}, last)
    same(finish(start(desk))[0], 0, "drift that is left")


@suite.case("kill -9 of reconcile --fix, again and again: it goes on, the report "
            "is of the whole, all is fixed once")
def killed(desk):
    desk.stripe.reset()
    desk.sql("DELETE FROM billing.subscriptions")
    desk.sql("DELETE FROM billing.reconciliations")
    buyers = [desk.buyer(start=int(time.time()) - DAY - i)
              for i in range(MANY)]
    in_threads(4, lambda i: [desk.stripe.put(b.snapshot(quantity=3))
                             for b in buyers[i::4]])
    chance = random.Random(os.urandom(8))
    kills = 0
    while (desk.value("SELECT max(checked) FROM billing.reconciliations")
           or 0) < KILLED:
        run = start(desk, "--fix")
        time.sleep(chance.uniform(0.05, 0.3) + kills * 0.01)
        run.kill()
        run.communicate()
        kills += 1
    true(kills > 1, "it was killed only once")
    status, out, said = finish(start(desk, "--fix", "--json"))
    same(status, 0, said)
    rows = json.loads(out)
    same(sorted(r["subscription"] for r in rows),
         sorted(b.subscription for b in buyers))
    same({r["result"] for r in rows}, {"fixed"})
    same(desk.value("SELECT count(*) FROM billing.subscriptions WHERE "
                    "status = 'active' AND seat_limit = 3 "
                    "AND account_id IS NOT NULL"), MANY)
    same(desk.value("SELECT count(*) FROM billing.accounts "
                    "WHERE tier = 'free'"), 0)
    has(desk.row("SELECT * FROM billing.reconciliations"), checked=MANY,
        drift=MANY, fixed=MANY)


suite.main()
