#!/usr/bin/python3 -B
"""PostgreSQL restarts under load: 503 with Retry-After, then all applied."""

import contextlib
import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, wait_until
from harness.model import Books, Load, redeliver, taken_or_later
from harness.tap import Suite, same

WORKERS = 4
BUYERS = 60

suite = Suite(lambda: Desk(workers=WORKERS))


@suite.each("restarted {how} under load: 200 or 503 with Retry-After, then"
            " every event is applied exactly once", [
    {"how": "fast", "mode": "fast"},
    {"how": "at once, as after a crash", "mode": "immediate"}])
def restarted(desk, how, mode):
    desk.expect_log("level=error msg=\"not applied and not noted",
                    "level=warn msg=\"postgresql: terminating connection",
                    "FATAL:", "WARNING:  terminating")
    desk.sql("TRUNCATE billing.subscriptions, billing.stripe_events")
    books = Books(desk, BUYERS, random.Random(os.urandom(8)))
    load = Load(desk, books.events)
    posting = threading.Thread(target=load.run, args=(taken_or_later,))
    posting.start()
    try:
        wait_until(lambda: load.seen().get(200, 0) > 50, 20,
                   "some events applied")
        desk.stop_postgres(mode)
        wait_until(lambda: load.seen().get(503, 0) > 50, 20, "some 503")
        desk.start_postgres()
        before = load.seen().get(200, 0)
        wait_until(lambda: load.seen().get(200, 0) > before + 200, 20,
                   "events applied after the restart")
    finally:
        load.stopping = True
        posting.join()
    same(load.bad[:5], [])
    same(set(load.seen()), {200, 503}, "answers")
    redeliver(desk, books.events)
    books.check()


@suite.case("when the database is back, the next event is applied at once")
def next_event(desk):
    desk.restart_postgres()
    for _ in range(2 * WORKERS):
        desk.deliver(desk.buyer().created())


suite.main()
