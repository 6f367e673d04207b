#!/usr/bin/python3 -B
"""A program is stopped, replaced and started again under load, as the units
of nginx/systemd do it: the socket outlives the workers, and every request gets
its 200."""

import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, wait_until
from harness.service import WORKERS, under_load
from harness.tap import Suite, same, true

ROUNDS = 4

suite = Suite(lambda: Desk(workers=1, programs=["stripe-webhook"]))


@suite.case("%d times stopped by SIGTERM and started again, every second time"
            " as another copy: requests wait in the socket, each gets a 200 and"
            " is in the ledger once" % ROUNDS)
def restarted(desk):
    with under_load(desk) as (service, load):
        for i in range(ROUNDS):
            service.stop()
            if i % 2:
                service.upgrade()
            true(select.select([service.socket], [], [], 10)[0],
                 "no request came while nothing ran")
            service.start()
            load.await_answers()
            same(len(service.workers()), WORKERS, "workers of the new copy")


@suite.case("%d times reloaded as another copy, one worker after the other:"
            " each request gets a 200 and is in the ledger once" % ROUNDS)
def reloaded(desk):
    with under_load(desk) as (service, load):
        for _ in range(ROUNDS):
            service.upgrade()
            service.reload()
            wait_until(lambda: len(service.workers()) == WORKERS, 20,
                       "%d workers of the new copy" % WORKERS)
            load.await_answers()


suite.main()
