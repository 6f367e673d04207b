#!/usr/bin/python3 -B
"""The roles of checkout, portal and account can do what their program needs."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2

from harness.customers import Shop
from harness.tap import Suite, same

MAY_READ = {
    "paydesk_account": {"schema_version": "*"},
    "paydesk_checkout": {"schema_version": "*"},
    "paydesk_portal": {"schema_version": "*", "accounts": {
        "external_id", "stripe_customer_id", "customer_gone_at"}},
}
MAY_RUN = {
    "paydesk_account": {"account_has", "account_refer", "account_show",
                        "catalog_findings", "plans_show"},
    "paydesk_checkout": {"catalog_checkout", "catalog_prices",
                         "checkout_begin", "checkout_opened",
                         "checkout_closed", "checkout_rivals",
                         "customer_gone", "price_learned"},
    "paydesk_portal": {"catalog_checkout", "customer_gone",
                       "portal_subscription"},
}

suite = Suite(lambda: Shop(programs=["account"]))


def columns(desk):
    return [(r["relname"], r["attname"]) for r in desk.sql(
        """SELECT relname, attname FROM pg_attribute
           JOIN pg_class c ON c.oid = attrelid
           WHERE relnamespace = 'billing'::regnamespace
           AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped""")]


@suite.each("{role} reads its columns and no others", list(MAY_READ))
def reads(desk, role):
    for table, column in columns(desk):
        allowed = MAY_READ[role].get(table, set())
        same(desk.value("SELECT has_column_privilege(%s, 'billing.' || %s,"
                        " %s, 'SELECT')", role, table, column),
             allowed == "*" or column in allowed, "%s.%s" % (table, column))


@suite.each("{role} writes no table itself", list(MAY_READ))
def writes(desk, role):
    for table, column in columns(desk):
        same(desk.value(
            """SELECT has_any_column_privilege(%s, 'billing.' || %s,
               'INSERT, UPDATE') OR has_table_privilege(%s,
               'billing.' || %s, 'DELETE, TRUNCATE, TRIGGER')""",
            role, table, role, table), False, table)


@suite.each("{role} runs its functions and no others", list(MAY_RUN))
def functions(desk, role):
    same({r["proname"] for r in desk.sql(
        """SELECT proname FROM pg_proc
           WHERE pronamespace = 'billing'::regnamespace
           AND has_function_privilege(%s, oid, 'EXECUTE')""", role)},
         MAY_RUN[role])


@suite.each("{role} has no attribute beyond logging in", list(MAY_READ))
def attributes(desk, role):
    same(desk.row("""SELECT rolsuper OR rolcreaterole OR rolcreatedb
                  OR rolreplication OR rolbypassrls AS more, rolcanlogin
                  FROM pg_roles WHERE rolname = %s""", role),
         {"more": False, "rolcanlogin": True})


@suite.each("{role} is refused when it tries: {statement}", [
    {"role": role, "statement": statement} for role in MAY_READ
    for statement in ("SELECT email FROM billing.accounts",
                      "SELECT * FROM billing.access",
                      "DELETE FROM billing.checkout_sessions",
                      "CREATE TABLE billing.mine (x int)")])
def refused(desk, role, statement):
    desk.expect_log("ERROR:  permission denied")
    with contextlib.closing(desk.connect(user=role)) as connection:
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                code = "00000"
            except psycopg2.Error as error:
                code = error.pgcode
    same(code, "42501")


suite.main()
