#!/usr/bin/python3 -B
"""A worker is the victim of a real deadlock: the event is tried again."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import Desk, wait_until
from harness.payment import Payment
from harness.tap import Suite, has, same, true



def quick_desk():
    """Workers look for deadlocks after 100 ms instead of 1 s."""
    desk = Desk(programs=["stripe-webhook"])
    desk.alter_system("deadlock_timeout = '100ms'")
    return desk


suite = Suite(quick_desk)


class Rival:
    """A session that holds a buyer's account and then wants the subscription,
    while a worker holds the subscription and wants the account.

    It never looks for deadlocks itself, so that the worker is the victim.
    """

    def __init__(self, desk, buyer):
        self.desk = desk
        self.buyer = buyer
        self.connection = desk.superuser()
        self.cursor = self.connection.cursor()
        self.run("SET deadlock_timeout = '1h'")
        self.pid = self.connection.get_backend_pid()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def run(self, statement, *args):
        self.cursor.execute(statement, args or None)

    def hold_account(self):
        self.run("BEGIN")
        self.run("SELECT FROM billing.accounts WHERE external_id = %s "
                 "FOR UPDATE", self.buyer.account)

    def want_subscription(self):
        """Returns when the worker's transaction is gone."""
        self.run("SAVEPOINT wanted")
        self.run("SELECT FROM billing.subscriptions "
                 "WHERE stripe_subscription_id = %s FOR UPDATE",
                 self.buyer.subscription)

    def let_go(self):
        self.run("ROLLBACK TO wanted")

    def blocks(self):
        return self.desk.value("SELECT count(*) FROM pg_stat_activity "
                               "WHERE %s = ANY(pg_blocking_pids(pid))",
                               self.pid)

    def wait_for_victim(self):
        wait_until(self.blocks, 10, "a worker that waits for the account")


class Delivery:
    """An event posted from another thread."""

    def __init__(self, desk, event):
        self.reply = None

        def post():
            self.reply = desk.post_event(event)

        self.thread = threading.Thread(target=post)
        self.thread.start()

    def result(self):
        self.thread.join(30)
        return self.reply


def deadlocks(desk):
    return desk.log("postgresql").count("deadlock detected")


def subscribed(desk):
    """A buyer in the books, and an event that changes both of their rows."""
    buyer = desk.buyer()
    desk.deliver(buyer.created())
    return buyer, buyer.updated(at=60, status="past_due", quantity=5)


@suite.case("a deadlock that the worker loses is retried, and the event is"
            " applied once")
def retried(desk):
    desk.expect_log("deadlock detected")
    buyer, event = subscribed(desk)
    before = deadlocks(desk)
    with Rival(desk, buyer) as rival:
        rival.hold_account()
        delivery = Delivery(desk, event)
        rival.wait_for_victim()
        rival.want_subscription()
        rival.run("COMMIT")
        reply = delivery.result()
    same((reply.status, reply.json["status"]), (200, "applied"))
    has(desk.subscription_of(buyer), status="past_due", seat_limit=5)
    has(desk.ledger(event), outcome="applied", deliveries=1, error=None)
    same(desk.failures(event), [])
    same(deadlocks(desk) - before, 1, "deadlocks that PostgreSQL saw")


@suite.case("when every retry loses too it is 503 with Retry-After and no"
            " ledger row, and the resend is applied")
def given_up(desk):
    desk.expect_log("deadlock detected")
    buyer, event = subscribed(desk)
    before = deadlocks(desk)
    with Rival(desk, buyer) as rival:
        rival.hold_account()
        delivery = Delivery(desk, event)
        while delivery.thread.is_alive():
            wait_until(lambda: rival.blocks()
                       or not delivery.thread.is_alive(), 10,
                       "another attempt, or the reply")
            if delivery.thread.is_alive():
                rival.want_subscription()
                rival.let_go()
    reply = delivery.result()
    same(reply.status, 503, "status of %r" % reply)
    true(int(reply.headers["retry-after"]) > 0, "no Retry-After")
    true(2 <= deadlocks(desk) - before <= 10, "the number of attempts")
    same(desk.ledger(event), None)
    same([f["sqlstate"] for f in desk.failures(event)], ["40P01"])
    has(desk.subscription_of(buyer), status="active", seat_limit=1)
    desk.deliver(event)
    has(desk.subscription_of(buyer), status="past_due", seat_limit=5)


class Pair:
    """A session that holds two accounts, the one with the lower id first."""

    def __init__(self, desk, *accounts):
        self.desk = desk
        self.lower, self.higher = sorted(a["id"] for a in accounts)
        self.connection = desk.superuser()
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET deadlock_timeout = '1h'")
        self.pid = self.connection.get_backend_pid()

    def hold(self, id):
        self.cursor.execute("SELECT FROM billing.accounts WHERE id = %s "
                            "FOR NO KEY UPDATE", (id,))

    def meet(self, event):
        """The reply to EVENT, which wants both of them, too."""
        self.cursor.execute("BEGIN")
        self.hold(self.lower)
        delivery = Delivery(self.desk, event)
        wait_until(lambda: self.desk.value(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE %s = ANY(pg_blocking_pids(pid))", self.pid), 10,
            "a worker that waits for the lower one")
        self.hold(self.higher)
        self.cursor.execute("COMMIT")
        self.connection.close()
        return delivery.result()


@suite.each("who was referred and the {who} are locked in the order of their"
            " ids, when money {comes}", [
    {"who": "younger referrer", "comes": "comes", "younger": True},
    {"who": "older referrer", "comes": "comes", "younger": False},
    {"who": "younger referrer", "comes": "is given back", "younger": True},
    {"who": "older referrer", "comes": "is given back", "younger": False}])
def in_order(desk, who, comes, younger):
    if younger:
        buyer, referrer = desk.buyer(), desk.account()
    else:
        referrer, buyer = desk.account(), desk.buyer()
    account = desk.account_of(buyer)
    same(account["id"] < referrer["id"], younger)
    desk.sql("INSERT INTO billing.referrals (code, referrer_account_id,"
             " referred_account_id) VALUES (%s, %s, %s)",
             referrer["referral_code"], referrer["id"], account["id"])
    payment = Payment(buyer)
    first, *rest = payment.paid()
    desk.deliver(buyer.created())
    event = first
    if comes != "comes":
        desk.deliver(first, *rest)
        event = payment.refunded()
    before = deadlocks(desk)
    reply = Pair(desk, account, referrer).meet(event)
    same((reply.status, reply.json["status"]), (200, "applied"))
    same(deadlocks(desk) - before, 0, "deadlocks that PostgreSQL saw")
    same(desk.value("SELECT count(converted_at) FROM billing.referrals WHERE "
                    "referred_account_id = %s", account["id"]),
         1 if comes == "comes" else 0)


@suite.case("a lock that is never released ends in 503, not in a hang")
def lock_held(desk):
    desk.expect_log("canceling statement due to")
    buyer, event = subscribed(desk)
    with Rival(desk, buyer) as rival:
        rival.hold_account()
        reply = desk.post_event(event)
    same(reply.status, 503)
    same(desk.ledger(event), None)
    desk.deliver(event)


suite.main()
