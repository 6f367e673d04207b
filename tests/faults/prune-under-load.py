#!/usr/bin/python3 -B
"""prune beside live deliveries: each gets its 200, and the books balance,
also when prune is killed and run again."""

import os
import random
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, wait_until
from harness.model import Books, Load
from harness.tap import Suite, same, true

OLD = 20000
SLOWEST_MS = 2000   # a lock that is waited for in vain takes 3 s

suite = Suite(lambda: Desk(
    workers=4, durable=False, programs=["stripe-webhook"]))


def fill(desk):
    """A ledger of old events with bodies of a usual size."""
    desk.sql("""INSERT INTO billing.stripe_events (event_id, type,
                 received_at, processed_at, outcome, payload)
             SELECT 'evt_old' || i, 'invoice.paid',
                    now() - interval '100 days' + i * interval '1 second',
                    now(), 'applied',
                    '{"id": "evt_old' || i || '", "x": "'
                    || (SELECT string_agg(md5(i::text || j), '')
                        FROM generate_series(1, 60) j) || '"}'
             FROM generate_series(1, %s) i""", OLD)


def left(desk, where="event_id LIKE 'evt_old%%'"):
    return desk.value("SELECT count(payload) FROM billing.stripe_events "
                      "WHERE " + where)


def start_prune(desk):
    return desk.begin("prune", stdout=subprocess.DEVNULL,
                      stderr=subprocess.PIPE)


def finish(process):
    _, said = process.communicate(timeout=60)
    same(process.returncode, 0, said)


def must_be_taken(reply):
    return None if reply.status == 200 else "not a 200"


def milliseconds(desk):
    return [float(ms) for ms in re.findall(
        r" method=POST .*status=200 .* ms=([0-9.]+)",
        desk.log("stripe-webhook"))]


@suite.case("while %d payloads are emptied, every delivery is taken at once; "
            "a prune that was killed goes on where it was" % OLD)
def beside_deliveries(desk):
    fill(desk)
    books = Books(desk, 60, random.Random(5))
    load = Load(desk, books.events)
    thread = threading.Thread(target=load.run, args=(must_be_taken,))
    thread.start()
    try:
        first = start_prune(desk)
        wait_until(lambda: left(desk) < OLD, 20, "the first batch")
        first.kill()
        first.communicate()
        remaining = left(desk)
        true(0 < remaining < OLD, "killed too late: %d left" % remaining)
        finish(start_prune(desk))
        same(left(desk), 0, "payloads left")
        # what is sent again right now may be pruned, too
        wait_until(lambda: all(load.answers.values()), 60, "a whole round")
        desk.sql("UPDATE billing.stripe_events "
                 "SET received_at = now() - interval '100 days'")
        finish(start_prune(desk))
        same(left(desk, "processed_at IS NOT NULL"), 0, "payloads left")
        sent = sum(map(len, load.answers.values()))
        wait_until(lambda: sum(map(len, load.answers.values()))
                   > sent + 100, 20, "duplicates of what was pruned")
    finally:
        load.stopping = True
        thread.join()
    same(load.bad, [])
    same(set(load.seen()), {200}, "answers")
    slowest = max(milliseconds(desk))
    print("# %d deliveries, the slowest took %.0f ms" % (
        sum(map(len, load.answers.values())), slowest))
    true(slowest < SLOWEST_MS, "a delivery took %.0f ms" % slowest)
    desk.sql("DELETE FROM billing.stripe_events "
             "WHERE event_id LIKE 'evt_old%%'")
    books.check()


suite.main()
