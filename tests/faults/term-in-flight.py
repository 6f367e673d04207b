#!/usr/bin/python3 -B
"""SIGTERM to workers under load: each finishes what it has, another takes
the rest, and nobody outside notices."""

import os
import random
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes, stripe
from harness.desk import SECRET, WEBHOOK, Desk, wait_until
from harness.model import Books, Load, redeliver, taken_or_later
from harness.tap import Suite, same, true
from harness.worker import Worker

WORKERS = 4
BUYERS = 30
TERMS = 24
WATCHDOG_S = 30
OLD_ENOUGH_MS = 250     # multiwatch gives up on a child that ends too young

suite = Suite(lambda: Desk(
    workers=WORKERS, programs=["stripe-webhook", "fake-stripe"]))


def end_workers(desk):
    ended = 0
    while ended < TERMS:
        old = [pid for pid in desk.worker_pids()
               if processes.age_ms(pid) > OLD_ENOUGH_MS]
        if old:
            os.kill(random.choice(old), signal.SIGTERM)
            ended += 1
        time.sleep(random.uniform(0, 0.1))


@suite.case("%d workers are ended one by one under load: every answer is a"
            " 200, and the books are right" % TERMS)
def under_load(desk):
    desk.workers_may_change = True
    books = Books(desk, BUYERS, random.Random(os.urandom(8)))
    load = Load(desk, books.events)
    posting = threading.Thread(target=load.run, args=(taken_or_later,))
    posting.start()
    try:
        end_workers(desk)
    finally:
        load.stopping = True
        posting.join()
    same(load.bad, [])
    same(set(load.seen()), {200}, "answers")
    redeliver(desk, books.events)
    books.check()


@suite.case("an idle worker ends at once, with status 0")
def idle(desk):
    with Worker(desk.program(), desk.command_environment()) as worker:
        same(worker.request("GET", "/nowhere").status, 404)
        started = time.monotonic()
        same(worker.stop(), 0, "exit status")
        true(time.monotonic() - started < 1, "it took its time")


@suite.case("a worker in the middle of a request answers first")
def busy(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(quantity=3))
    path = "/v1/subscriptions/" + buyer.subscription
    desk.stripe.next("GET " + path, {"delay_ms": 1000})
    replies = []
    posting = threading.Thread(target=lambda: replies.append(
        desk.post_event(buyer.checkout())))
    posting.start()
    wait_until(lambda: any(r["path"].startswith(path)
                           for r in desk.stripe.requests()), 10,
               "the question to Stripe")
    for pid in desk.worker_pids():
        os.kill(pid, signal.SIGTERM)
    posting.join()
    same((replies[0].status, replies[0].json["status"]), (200, "applied"))
    same(desk.subscription_of(buyer)["seat_limit"], 3)


@suite.case("a worker ends after the request in hand, however many wait")
def others_wait(desk):
    buyer = desk.buyer(bound=False)
    desk.stripe.put(buyer.snapshot(quantity=3))
    path = "/v1/subscriptions/" + buyer.subscription
    desk.stripe.next("GET " + path, {"delay_ms": 1000})
    body = stripe.encode(buyer.checkout())
    replies = []
    with Worker(desk.program(), desk.command_environment()) as worker:
        posting = threading.Thread(target=lambda: replies.append(
            worker.request("POST", WEBHOOK, body, {
                "Stripe-Signature": stripe.sign(body, SECRET)})))
        posting.start()
        wait_until(lambda: any(r["path"].startswith(path)
                               for r in desk.stripe.requests()), 10,
                   "the question to Stripe")
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for link in waiting:
            link.connect(worker.path)
        same(worker.stop(), 0, "exit status")
        posting.join()
        same(replies[0].status, 200)
        same(worker.log().count("status="), 1, "requests it has taken")
        for link in waiting:
            link.close()


@suite.case("a request that does not end takes its worker with it after 30 s")
def watchdog(desk):
    with Worker(desk.program(), desk.command_environment()) as worker:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(worker.path)
            link.sendall(b"\1\1")  # of a record's head, and no more
            same(worker.process.wait(WATCHDOG_S + 10), 1, "exit status")
        true("a request took over 30 s; the worker ends" in worker.log(),
             worker.log())


suite.main()
