#!/usr/bin/python3 -B
"""The roles of gumroad-webhook and license may do what they need, no more."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2

from harness.gumroad import Shop
from harness.tap import Suite, same

DENIED, DONE = "42501", "00000"
WEBHOOK, LICENSE = "paydesk_gumroad_webhook", "paydesk_license"

suite = Suite(lambda: Shop(durable=False))


def as_role(shop, role, statement):
    """Run a statement as that role and roll it back; SQLSTATE."""
    shop.expect_log("permission denied")
    with contextlib.closing(shop.connect(user=role)) as connection:
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                return DONE
            except psycopg2.Error as error:
                return error.pgcode


def tables(shop):
    return [r["name"] for r in shop.sql(
        """SELECT relname AS name FROM pg_class
           WHERE relnamespace = 'billing'::regnamespace AND relkind = 'r'""")]


READABLE = {
    WEBHOOK: {"schema_version", "gumroad_events", "gumroad_products"},
    LICENSE: {"schema_version", "license_keys"},
}


@suite.each("{role} reads its tables and no others", list(READABLE))
def reads(shop, role):
    for table in tables(shop):
        same(as_role(shop, role, "SELECT * FROM billing." + table),
             DONE if table in READABLE[role] else DENIED, table)


@suite.each("{role} writes no table directly, but for the audit table",
            list(READABLE))
def writes(shop, role):
    for table in set(tables(shop)) - {"gumroad_events"}:
        for statement in ("INSERT INTO billing.%s DEFAULT VALUES",
                          "DELETE FROM billing.%s", "TRUNCATE billing.%s"):
            same(as_role(shop, role, statement % table), DENIED,
                 statement % table)


@suite.case("the webhook may add a payload to the audit table and nothing "
            "else")
def audit(shop):
    same(as_role(shop, WEBHOOK, "INSERT INTO billing.gumroad_events "
                 "(payload) VALUES ('a=b')"), DONE)
    same(as_role(shop, WEBHOOK, "INSERT INTO billing.gumroad_events "
                 "(payload, processed) VALUES ('a=b', true)"), DENIED)
    same(as_role(shop, WEBHOOK,
                 "UPDATE billing.gumroad_events SET payload = ''"), DENIED)


@suite.case("license sees of licences what it answers, and no address")
def columns(shop):
    same(as_role(shop, LICENSE, "SELECT license_key, status, tier "
                 "FROM billing.licenses"), DONE)
    for column in ("email", "name", "blob", "source_order_id"):
        same(as_role(shop, LICENSE, "SELECT %s FROM billing.licenses"
                     % column), DENIED, column)


def executable(shop, role, function):
    """Whether the role may call it: asked of the grants, for the tables would
    deny what it does in any case."""
    return shop.value(
        """SELECT bool_or(has_function_privilege(%s, oid, 'EXECUTE'))
           FROM pg_proc WHERE pronamespace = 'billing'::regnamespace
           AND proname = %s""", role, function)


@suite.each("{role} may not override a licence", list(READABLE))
def override(shop, role):
    same(executable(shop, role, "license_override"), False)


@suite.case("license may neither mint nor take mails")
def functions(shop):
    for function in ("outbox_claim", "outbox_hurry", "outbox_mark",
                     "license_settle", "outbox_add", "gumroad_apply"):
        same(executable(shop, LICENSE, function), False, function)


suite.main()
