#!/usr/bin/python3 -B
"""The database refuses at the last moment, or goes at the worst: what was not
committed is not acknowledged, and only what may help is tried again."""

import contextlib
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from psycopg2.extensions import parse_dsn

from harness import stripe
from harness.desk import SECRET, WEBHOOK, Desk, wait_until
from harness.gumroad import Shop
from harness.pgproxy import TO_CLIENT, TO_SERVER, Cut, Proxy
from harness.tap import Suite, same, true
from harness.worker import Worker

ATTEMPTS = 5            # DB_ATTEMPTS in base/db.h

suite = Suite(lambda: Shop(programs=["stripe-webhook", "gumroad-webhook",
                                     "license"], workers=1))


@contextlib.contextmanager
def refused_at_commit(desk, sqlstate):
    """Every commit that touched a subscription fails with SQLSTATE; how often
    that was."""
    desk.expect_log("refused at commit", "level=error", "level=warn")
    desk.sql("""
        CREATE SEQUENCE billing.test_commits;
        CREATE FUNCTION billing.test_refuse() RETURNS trigger
        LANGUAGE plpgsql AS $$ BEGIN
            PERFORM nextval('billing.test_commits');
            RAISE EXCEPTION 'refused at commit' USING ERRCODE = '%s';
        END $$;
        GRANT USAGE ON billing.test_commits TO PUBLIC;
        GRANT EXECUTE ON FUNCTION billing.test_refuse() TO PUBLIC;
        CREATE CONSTRAINT TRIGGER test_refuse AFTER INSERT
            ON billing.subscriptions DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION billing.test_refuse()""" % sqlstate)
    try:
        yield lambda: desk.value("SELECT CASE WHEN is_called THEN last_value "
                                 "ELSE 0 END FROM billing.test_commits")
    finally:
        desk.sql("""
            DROP TRIGGER test_refuse ON billing.subscriptions;
            DROP FUNCTION billing.test_refuse();
            DROP SEQUENCE billing.test_commits""")


@suite.each("a commit that fails with {sqlstate} after its result: {status}, "
            "{attempts} attempts", [
    {"sqlstate": "P0001", "status": 200, "attempts": 1},
    {"sqlstate": "23514", "status": 200, "attempts": 1},
    {"sqlstate": "40001", "status": 503, "attempts": ATTEMPTS},
    {"sqlstate": "40P01", "status": 503, "attempts": ATTEMPTS},
    {"sqlstate": "55P03", "status": 503, "attempts": 1},
    {"sqlstate": "53100", "status": 503, "attempts": 1},
    {"sqlstate": "57014", "status": 503, "attempts": 1},
    {"sqlstate": "42501", "status": 503, "attempts": 1},
    {"sqlstate": "XX000", "status": 503, "attempts": 1}])
def at_commit(desk, sqlstate, status, attempts):
    buyer = desk.buyer()
    event = buyer.created()
    with refused_at_commit(desk, sqlstate) as count:
        reply = desk.post_event(event)
        same(count(), attempts, "attempts")
    same(reply.status, status, repr(reply.body))
    same(desk.subscription_of(buyer), None)
    if status == 200:
        same(reply.json["status"], "handler_error")
        same(desk.ledger(event)["processed_at"], None)
    else:
        true(int(reply.headers["retry-after"]) > 0, "no Retry-After")
        same(desk.ledger(event), None)
    same(desk.post_event(event).json["status"], "applied")


def waiting(desk):
    """The session of stripe-webhook that waits for a lock."""
    with contextlib.closing(desk.superuser()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE usename = "
                       "'paydesk_stripe_webhook' AND wait_event_type = 'Lock'")
        row = cursor.fetchone()
        return row and row["pid"]


@suite.case("a backend that is told to end at work: the event is applied by "
            "the next one, at once")
def ended_at_work(desk):
    buyer = desk.buyer()
    desk.deliver(buyer.created(at=0))
    replies = []
    with contextlib.closing(desk.connect()) as rival:
        rival.autocommit = False
        rival.cursor().execute(
            "SELECT FROM billing.subscriptions WHERE stripe_subscription_id "
            "= %s FOR UPDATE", [buyer.subscription])
        thread = threading.Thread(target=lambda: replies.append(
            desk.post_event(buyer.updated(at=5, quantity=7))))
        thread.start()
        wait_until(lambda: waiting(desk), 5, "the wait for the row")
        with contextlib.closing(desk.superuser()) as superuser:
            superuser.cursor().execute("SELECT pg_terminate_backend(%s)",
                                       [waiting(desk)])
        rival.rollback()
    thread.join()
    same((replies[0].status, replies[0].json["status"]), (200, "applied"))
    same(desk.subscription_of(buyer)["seat_limit"], 7)


def end_idle(desk):
    """Ends the sessions of stripe-webhook, and waits until they have gone."""
    with contextlib.closing(desk.superuser()) as superuser:
        cursor = superuser.cursor()
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) AS gone FROM "
                       "pg_stat_activity WHERE usename = "
                       "'paydesk_stripe_webhook'")
        rows = cursor.fetchall()
        true(rows and all(row["gone"] for row in rows), "sessions: %r" % rows)


class Behind:
    """A worker whose link to the database goes through a proxy."""

    def __init__(self, desk, program, role):
        host = parse_dsn(desk.conninfo)["host"]
        self.proxy = Proxy(os.path.join(host, ".s.PGSQL.5432"))
        self.worker = Worker(desk.program(program), desk.command_environment({
            "DATABASE_URL": desk.program_conninfo(
                program, host=self.proxy.directory, port=5432)}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()
        self.proxy.close()


def post(worker, event):
    body = stripe.encode(event)
    return worker.request("POST", WEBHOOK, body, {
        "Stripe-Signature": stripe.sign(body, SECRET)})


@suite.case("a link that was closed while idle is noticed before it is used")
def idle(desk):
    with Behind(desk, "stripe-webhook", None) as behind:
        same(post(behind.worker, desk.buyer().created()).status, 200)
        for _ in range(3):
            end_idle(desk)
            reply = post(behind.worker, desk.buyer().created())
            same((reply.status, reply.json["status"]), (200, "applied"))


def resend(worker, address):
    return worker.request("POST", "/license/resend",
                          b'{"email":"%s"}' % address.encode())


@suite.each("resend, a transaction of several statements, cut at each message "
            "{way}: never accepted unless it is committed", [
    {"way": "to the server", "direction": TO_SERVER},
    {"way": "from the server", "direction": TO_CLIENT}])
def several_statements(desk, way, direction):
    desk.expect_log("unexpected EOF on client connection", "level=warn",
                    "could not receive data from client",
                    "connection to client lost")

    def queued(row):
        return [m for m in desk.mails(row) if m["kind"] == "resend"]

    with Behind(desk, "license", None) as behind:
        row = desk.sell()
        behind.proxy.arm(None)
        same(resend(behind.worker, row["email"]).status, 202)
        behind.proxy.arm(None)
        row = desk.sell()
        same(resend(behind.worker, row["email"]).status, 202)
        messages = behind.proxy.messages(direction)
        same(len(queued(row)), 1)
        true(len(messages) > 8, "messages: %r" % messages)
        for number in range(1, len(messages) + 1):
            row = desk.sell()
            behind.proxy.arm(None)
            resend(behind.worker, "nobody@example.org")     # connects
            cut = Cut(direction, number)
            behind.proxy.arm(cut)
            reply = resend(behind.worker, row["email"])
            true(cut.fired.wait(5), "the cut was not reached")
            wait_until(lambda: not desk.value(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)",
                behind.proxy.cut_backends()), 10, "the end of the session")
            if reply.status == 202:
                same(len(queued(row)), 1, "message %d" % number)
            else:
                same(reply.status, 503, "message %d" % number)
            if number == len(messages):
                same(reply.status, 202 if direction == TO_SERVER and
                     messages[-1] == "X" else 503,
                     "the answer to COMMIT was cut")


suite.main()
