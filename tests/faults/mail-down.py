#!/usr/bin/python3 -B
"""Mail or database down, workers and deliverers killed: every sale ends in a
licence and a mail that arrives, once unless nobody can know."""

import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.client import Client
from harness.desk import in_threads, wait_until
from harness.gumroad import Shop, sale
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(workers=4))


def lease_over(shop):
    """As if the time of whoever had claimed a mail were over."""
    shop.sql("UPDATE billing.emails SET next_attempt_at = now() "
             "WHERE status = 'queued'")


def kill_workers(shop):
    for pid in shop.worker_pids("gumroad-webhook"):
        os.kill(pid, signal.SIGKILL)


def nobody_mints(shop):
    """A connection that blocks all minting until it is closed."""
    connection = shop.connect()
    connection.cursor().execute("LOCK TABLE billing.licenses IN SHARE MODE")
    return connection


@suite.case("while mail is down sales are minted, and all mails arrive once "
            "when it is back")
def down(shop):
    shop.postmark.answer("503")
    rows = [shop.sell(status="minted-email-failed") for _ in range(20)]
    shop.postmark.answer("503", "429", "ok")
    for _ in range(3):
        shop.tool("gumroad-webhook", "deliver", "--now")
    for row in rows:
        same(len(shop.postmark.messages(row["email"])), 1)
        same(shop.mails(row)[0]["status"], "sent")


@suite.case("five deliverers at the same time send every mail once")
def together(shop):
    shop.postmark.answer("503")
    rows = [shop.sell(status="minted-email-failed") for _ in range(40)]
    shop.postmark.answer("ok")
    lease_over(shop)
    in_threads(5, lambda i: shop.deliver_mail())
    for row in rows:
        same(len(shop.postmark.messages(row["email"])), 1)
        has(shop.mails(row)[0], status="sent", attempts=2)


@suite.case("a worker killed between commit and mail: the mail is sent later, "
            "and says that it may come twice")
def killed(shop):
    shop.workers_may_change = True
    shop.postmark.answer("slow", "ok")
    fields = sale()

    def post():
        same(shop.post_form(fields, client=Client(shop.port)).status, 503)

    def kill():
        wait_until(lambda: shop.postmark.messages(fields["email"]), 5,
                   "the message at Postmark")
        kill_workers(shop)

    in_threads(2, lambda i: (post, kill)[i]())
    wait_until(lambda: len(shop.worker_pids("gumroad-webhook")) == 4, 10,
               "new workers")
    row = shop.license(fields)
    has(shop.mails(row)[0], status="queued", attempts=0)
    shop.ping(fields, status="duplicate", license_key=row["license_key"])
    lease_over(shop)
    shop.deliver_mail()
    mail = shop.mails(row)[0]
    has(mail, status="sent", unsure=True)
    true("may arrive twice" in mail["error"], mail["error"])
    messages = shop.postmark.messages(row["email"])
    same(len(messages), 2)
    same(len({h["Value"] for m in messages for h in m["Headers"]
              if h["Name"] == "Message-ID"}), 1, "Message-IDs")


@suite.case("a worker killed between the audit row and the mint: the job "
            "takes the delivery up")
def killed_early(shop):
    shop.workers_may_change = True
    fields = sale()
    shop.expect_log("terminating connection")
    before = shop.count("gumroad_events")

    def post():
        same(shop.post_form(fields, client=Client(shop.port)).status, 503)

    def kill():
        wait_until(lambda: shop.count("gumroad_events") > before, 5,
                   "the audit row")
        wait_until(lambda: blocked(), 5, "a blocked mint")
        kill_workers(shop)
        for row in blocked():
            cursor.execute("SELECT pg_terminate_backend(%s)", [row["pid"]])

    def blocked():
        """The sessions that would mint once they may."""
        cursor.execute("""SELECT pid FROM pg_stat_activity
                          WHERE wait_event_type = 'Lock'""")
        return cursor.fetchall()

    connection = shop.superuser()
    cursor = connection.cursor()
    with contextlib.closing(nobody_mints(shop)):
        in_threads(2, lambda i: (post, kill)[i]())
        wait_until(lambda: not blocked(), 5, "the end of its session")
    connection.close()
    has(shop.last_audit(), processed=False, error=None)
    same(shop.license(fields), None)
    shop.sql("UPDATE billing.gumroad_events SET retry_at = now() "
             "WHERE NOT processed")
    shop.postmark.answer("ok")
    shop.deliver_mail()
    row = shop.license(fields)
    has(row, status="active")
    same(len(shop.postmark.messages(row["email"])), 1)


@suite.case("a lock that is not released costs less than 4 s and a 503")
def locked(shop):
    fields = sale()
    shop.expect_log("canceling statement due to")
    began = time.monotonic()
    with contextlib.closing(nobody_mints(shop)):
        same(shop.post_form(fields).status, 503)
    true(time.monotonic() - began < 4, time.monotonic() - began)
    shop.ping(fields, status="ok")


@suite.case("a stopped worker costs less than 4 s and a 503")
def stopped(shop):
    pids = shop.worker_pids("gumroad-webhook")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        reply = shop.post_form(sale())
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    true(time.monotonic() - began < 4, time.monotonic() - began)
    same((reply.status, reply.json["error"]), (503, "unavailable"))
    same(reply.headers["retry-after"], "5")


@suite.case("the database down is a 503, and the next delivery is minted")
def database(shop):
    shop.expect_log("terminating connection", "the database system is",
                    "no database|recorded, not applied", "outbox waits")
    fields = sale()
    shop.stop_postgres()
    reply = shop.post_form(fields)
    same((reply.status, reply.headers["retry-after"]), (503, "5"))
    shop.start_postgres()
    shop.ping(fields, status="ok")


suite.main()
