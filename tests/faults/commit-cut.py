#!/usr/bin/python3 -B
"""The link to PostgreSQL dies between any two messages of a delivery, also
just before and just after the commit: all or nothing, and the resend puts it
right."""

import contextlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from psycopg2.extensions import parse_dsn

from harness import stripe
from harness.desk import SECRET, WEBHOOK, Desk, wait_until
from harness.pgproxy import TO_CLIENT, TO_SERVER, Cut, Proxy
from harness.tap import Suite, has, same, true
from harness.worker import Worker

HANG_DEADLINE_S = 12


class Link:
    """A desk, and beside it one worker whose database link is ours."""

    def __init__(self):
        self.desk = Desk(workers=1, programs=["stripe-webhook"])
        host = parse_dsn(self.desk.conninfo)["host"]
        self.proxy = Proxy(os.path.join(host, ".s.PGSQL.5432"))
        self.worker = Worker(
            self.desk.program(), self.desk.command_environment({
                "DATABASE_URL": self.desk.program_conninfo(
                    host=self.proxy.directory, port=5432)}))

    def close(self):
        log = self.worker.log()
        self.proxy.arm(None)
        same(self.worker.process.poll(), None, "the worker's exit status")
        status = self.worker.close()
        self.proxy.close()
        self.desk.close()
        same(status, 0, "exit status of the worker")
        true("Sanitizer" not in log and "runtime error" not in log, log)

    def diagnose(self):
        return self.worker.log().splitlines()[-5:]

    def post(self, event):
        body = stripe.encode(event)
        return self.worker.request("POST", WEBHOOK, body, {
            "Stripe-Signature": stripe.sign(body, SECRET)})

    def server_is_done(self):
        """Wait until PostgreSQL has ended every session of a cut link."""
        wait_until(lambda: not self.desk.value(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)",
            self.proxy.cut_backends()), 10, "the end of the cut session")


suite = Suite(Link)


def applied(desk):
    """A delivery that changes everything that one can change."""
    buyer = desk.buyer()
    referrer = desk.account()
    # a trial is enough: so one event does it all
    desk.sql("UPDATE billing.policy SET convert_on = 'trial'")
    desk.sql("""INSERT INTO billing.referrals
             (code, referrer_account_id, referred_account_id)
             VALUES (%s, %s, %s)""", referrer["referral_code"],
             referrer["id"], desk.account_of(buyer)["id"])
    return buyer, buyer.created(), "applied"


def malformed(desk):
    """A delivery whose only effect is its record as a failure."""
    buyer = desk.buyer()
    return buyer, buyer.created(quantity=-1), "handler_error"


def refused(desk):
    """A delivery that the database refuses before it is recorded."""
    buyer = desk.buyer()
    return buyer, buyer.created(metadata={"account": buyer.account,
                                          "plan": "refused"}), "handler_error"


KINDS = {"applied": applied, "handler_error of ours": malformed,
         "handler_error of the database": refused}


@contextlib.contextmanager
def plan_refused(desk):
    """What metadata says violates a constraint."""
    desk.expect_log("violates check constraint")
    desk.sql("ALTER TABLE billing.subscriptions "
             "ADD CONSTRAINT test_plan CHECK (said_plan <> 'refused')")
    try:
        yield
    finally:
        desk.sql("ALTER TABLE billing.subscriptions "
                 "DROP CONSTRAINT test_plan")


def conversation(link, kind):
    """The messages of an undisturbed delivery, in both directions."""
    _, event, answer = KINDS[kind](link.desk)
    link.post(link.desk.buyer().created())      # connects, if need be
    link.proxy.arm(None)
    same(link.post(event).json["status"], answer)
    return (link.proxy.messages(TO_SERVER), link.proxy.messages(TO_CLIENT))


def stored(desk, buyer, event):
    """Everything that belongs to the event; None when there is nothing."""
    row = desk.ledger(event)
    if row is None:
        same(desk.failures(event), [], "failures")
        same(desk.subscription_of(buyer), None, "subscription")
        same(desk.account_of(buyer)["credit_until"], None, "credit")
        return None
    if row["outcome"] == "applied":
        has(desk.subscription_of(buyer), status="active")
        has(desk.account_of(buyer), tier="paid")
        true(desk.account_of(buyer)["credit_until"], "no credit")
    else:
        true(desk.failures(event), "no failure row")
        same(desk.subscription_of(buyer), None, "subscription")
    return row["outcome"]


def cut_once(link, kind, cut, committed):
    """One delivery with one cut, and then its resend."""
    desk = link.desk
    buyer, event, answer = KINDS[kind](desk)
    link.post(desk.buyer().created())
    link.proxy.arm(cut)
    reply = link.post(event)
    true(cut.fired.wait(5), "the cut was not reached")
    if reply.status != 200:
        same(reply.status, 503, repr(reply))
        true(int(reply.headers["retry-after"]) > 0, "no Retry-After")
    link.server_is_done()
    after = stored(desk, buyer, event)
    if committed:
        same(reply.status, 503, "an outcome that nobody knows")
        same(after, answer, "what was committed")
    elif reply.status == 503:
        same(after, None, "what was not committed")
    else:
        same((reply.json["status"], after), (answer, answer))
    link.proxy.arm(None)
    again = link.post(event)
    same((again.status, again.json["status"]),
         (200, "duplicate" if after == "applied" else answer))
    same(stored(desk, buyer, event), answer, "after the resend")


def last_commit(sent):
    """How many messages must reach the server for the last commit."""
    return len(sent) - sent[::-1].index("S")


@suite.each("cut at every message to the server: {kind}", KINDS)
def to_the_server(link, kind):
    with plan_refused(link.desk):
        sent, _ = conversation(link, kind)
        true("S" in sent, "no Sync among %r" % sent)
        for number in range(1, len(sent) + 1):
            cut_once(link, kind, Cut(TO_SERVER, number), committed=False)


@suite.each("cut at every message from the server: {kind}", KINDS)
def to_the_worker(link, kind):
    with plan_refused(link.desk):
        sent, received = conversation(link, kind)
        ready = [n for n, m in enumerate(received, 1) if m == "Z"]
        before_last = ready[-2] if len(ready) > 1 else 0
        for number in range(1, len(received) + 1):
            cut_once(link, kind, Cut(TO_CLIENT, number),
                     committed=number > before_last)


@suite.each("a link that swallows {what} is given up in time", [
    {"what": "the request", "cut": (TO_SERVER, 1)},
    {"what": "the commit", "cut": (TO_SERVER, None)},
    {"what": "the answer", "cut": (TO_CLIENT, 1)}])
def swallowed(link, what, cut):
    desk = link.desk
    direction, number = cut
    sent, _ = conversation(link, "applied")
    buyer, event, answer = applied(desk)
    link.proxy.arm(Cut(direction, number or last_commit(sent), hang=True))
    started = time.monotonic()
    reply = link.post(event)
    took = time.monotonic() - started
    same(reply.status, 503, repr(reply))
    true(took < HANG_DEADLINE_S, "it took %.1f s" % took)
    link.proxy.arm(None)
    link.server_is_done()
    again = link.post(event)
    same(again.status, 200, repr(again))
    same(stored(desk, buyer, event), "applied", "after the resend")


suite.main()
