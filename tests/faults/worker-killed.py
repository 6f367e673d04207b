#!/usr/bin/python3 -B
"""kill -9 of workers at random moments under load; the provider sends again;
the books equal the model's."""

import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes
from harness.desk import Desk, wait_until
from harness.model import Books, Load, redeliver, taken_or_later
from harness.tap import Suite, same

WORKERS = 4
BUYERS = 60
KILLS = 40
OLD_ENOUGH_MS = 250     # multiwatch gives up on a child that dies too young

suite = Suite(lambda: Desk(workers=WORKERS, programs=["stripe-webhook"]))


def kill_workers(desk, chance):
    """Kill one worker after another, each at a random moment."""
    killed = 0
    while killed < KILLS:
        old = [pid for pid in desk.worker_pids()
               if processes.age_ms(pid) > OLD_ENOUGH_MS]
        if old:
            os.kill(chance.choice(old), signal.SIGKILL)
            killed += 1
        time.sleep(chance.uniform(0, 0.1))


@suite.case("%d workers are killed under load; after redelivery every row is"
            " as the model says, every event counted once" % KILLS)
def killed(desk):
    desk.workers_may_change = True
    desk.expect_log(r"\[error\] .* upstream")
    chance = random.Random(os.urandom(8))
    books = Books(desk, BUYERS, chance)
    load = Load(desk, books.events, threads=2 * WORKERS)
    posting = threading.Thread(target=load.run, args=(taken_or_later,))
    posting.start()
    try:
        kill_workers(desk, chance)
    finally:
        load.stopping = True
        posting.join()
    same(load.bad, [])
    same(set(load.seen()), {200, 503}, "answers")
    wait_until(lambda: len(desk.worker_pids()) == WORKERS, 10,
               "the last worker's successor")
    redeliver(desk, books.events)
    books.check()


@suite.case("the workers that came after serve as ever")
def successors(desk):
    for _ in range(4 * WORKERS):
        desk.deliver(desk.buyer().created())


suite.main()
