#!/usr/bin/python3 -B
"""GET /healthz: well, without a database, beside another schema."""

import contextlib
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2

from harness.customers import refused
from harness.desk import Desk, wait_until
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Desk(programs=["health"]))


def ask(desk):
    return desk.request("GET", "/healthz")


@contextlib.contextmanager
def another_schema(desk, compatible_from):
    """As if a later release had migrated; programs fit from a schema on."""
    desk.sql("INSERT INTO billing.schema_version (version, name, "
             "compatible_from) VALUES (9999, 'tomorrow', %s)", compatible_from)
    try:
        yield
    finally:
        desk.sql("DELETE FROM billing.schema_version WHERE version = 9999")


@suite.case("all is well: 200 with the schema's version")
def well(desk):
    reply = ask(desk)
    same(reply.status, 200, repr(reply.body))
    same(reply.json, {"status": "ok", "schema": desk.value(
        "SELECT max(version) FROM billing.schema_version")})


@suite.case("a schema that the programs do not fit is 503, and its name;"
            " metrics go on")
def schema(desk):
    with another_schema(desk, 9999):
        refused(ask(desk), 503, "schema_mismatch")
        reply = desk.request("GET", "/metrics")
        same(reply.status, 200)
        true(b"\npaydesk_database_up 0\n" in reply.body, "database_up")
    same(ask(desk).status, 200)


@suite.case("a harmless migration is no trouble")
def harmless(desk):
    with another_schema(desk, 1):
        same(ask(desk).status, 200)


@suite.case("its workers start beside a schema that does not fit, and say so")
def starts(desk):
    desk.expect_log("no database yet", "terminated by signal")
    with another_schema(desk, 9999):
        desk.end_workers("health", signal.SIGKILL)
        refused(ask(desk), 503, "schema_mismatch")
    same(ask(desk).status, 200)


@suite.case("without a database it is 503; metrics go on; it comes back by"
            " itself")
def database_down(desk):
    desk.expect_log("database_unreachable", "starting up|shutting down",
                    "terminating connection", "PostgreSQL has ended",
                    "level=warn")
    desk.stop_postgres()
    reply = refused(ask(desk), 503, "database_unreachable")
    same(reply.headers["retry-after"], "5")
    true("/" not in reply.json["detail"], "no path: " + reply.json["detail"])
    metrics = desk.request("GET", "/metrics")
    same(metrics.status, 200)
    for line in (b"\npaydesk_database_up 0\n",
                 b'\npaydesk_http_requests_total{program="health",code="503"}'):
        true(line in metrics.body, line.decode())
    true(b"paydesk_failures_total" not in metrics.body, "facts of no database")
    desk.start_postgres()
    wait_until(lambda: ask(desk).status == 200, 20, "a healthy answer")


@suite.each("{method} /healthz is refused, 405", ["POST", "PUT"])
def methods(desk, method):
    reply = desk.request(method, "/healthz")
    same(reply.status, 405)
    has(reply.headers, allow="GET")


@suite.case("its role may call one function and read the schema's version")
def role(desk):
    readable = desk.sql(
        """SELECT relname FROM pg_attribute
           JOIN pg_class c ON c.oid = attrelid
           WHERE relnamespace = 'billing'::regnamespace AND attnum > 0
           AND has_column_privilege('paydesk_health', c.oid, attnum,
                                    'SELECT, INSERT, UPDATE')
           AND relkind IN ('r', 'v') GROUP BY relname""")
    same([r["relname"] for r in readable], ["schema_version"])
    same([r["proname"] for r in desk.sql(
        """SELECT proname FROM pg_proc
           WHERE pronamespace = 'billing'::regnamespace AND
           has_function_privilege('paydesk_health', oid, 'EXECUTE')
           ORDER BY 1""")],
        ["facts"])


@suite.each("its role is refused when it tries: {statement}", [
    "SELECT email FROM billing.accounts",
    "SELECT last_value FROM billing.webhook_failures_failure_id_seq"])
def role_refused(desk, statement):
    desk.expect_log("ERROR:  permission denied")
    with contextlib.closing(desk.connect(user="paydesk_health")) as link:
        with link.cursor() as cursor:
            try:
                cursor.execute(statement)
                code = "00000"
            except psycopg2.Error as error:
                code = error.pgcode
    same(code, "42501")


suite.main()
