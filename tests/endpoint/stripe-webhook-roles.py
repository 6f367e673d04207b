#!/usr/bin/python3 -B
"""The program's database role may do what it needs and nothing else."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2

from harness.desk import Desk
from harness.tap import Suite, same, true

ROLE = "paydesk_stripe_webhook"
DENIED = "42501"

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


def as_role(desk, statement, *args):
    """Run a statement as the program's role and roll it back; SQLSTATE."""
    connection = desk.connect(user=ROLE)
    with contextlib.closing(connection), connection.cursor() as cursor:
        try:
            cursor.execute(statement, args or None)
            return "00000"
        except psycopg2.Error as error:
            return error.pgcode


def tables(desk):
    return [r["name"] for r in desk.sql(
        """SELECT relname AS name FROM pg_class
           WHERE relnamespace = 'billing'::regnamespace AND relkind = 'r'
           ORDER BY 1""")]


def columns(desk, table):
    return [r["name"] for r in desk.sql(
        """SELECT attname AS name FROM pg_attribute
           WHERE attrelid = ('billing.' || %s)::regclass AND attnum > 0
           AND NOT attisdropped ORDER BY attnum""", table)]


def expect_denials(desk):
    desk.expect_log("ERROR:  permission denied", "ERROR:  must be owner")


@suite.each("the role cannot {verb} any table{but}", [
    {"verb": "INSERT into", "but": " but the failures",
     "allowed": ["webhook_failures"]},
    {"verb": "UPDATE", "but": "", "allowed": []},
    {"verb": "DELETE from", "but": "", "allowed": []},
    {"verb": "TRUNCATE", "but": "", "allowed": []}])
def writes(desk, verb, but, allowed):
    expect_denials(desk)
    for table in set(tables(desk)) - set(allowed):
        name = "billing." + table
        statement = {
            "INSERT into": "INSERT INTO %s DEFAULT VALUES" % name,
            "UPDATE": "UPDATE %s SET %s = DEFAULT" % (
                name, columns(desk, table)[-1]),
            "DELETE from": "DELETE FROM " + name,
            "TRUNCATE": "TRUNCATE " + name,
        }[verb]
        same(as_role(desk, statement), DENIED, statement)


@suite.each("the role cannot read {table}", [
    "accounts", "referrals", "webhook_failures"])
def personal(desk, table):
    expect_denials(desk)
    for column in columns(desk, table):
        same(as_role(desk, "SELECT %s FROM billing.%s" % (column, table)),
             DENIED, column)


@suite.case("of the tables of other programs the role reads none")
def foreign(desk):
    expect_denials(desk)
    foreign_tables = {"gumroad_events", "licenses", "emails"}
    same(foreign_tables - set(tables(desk)), set(), "tables that are gone")
    for table in foreign_tables:
        same(as_role(desk, "SELECT * FROM billing." + table), DENIED, table)


@suite.each("the role cannot run: {statement}", [
    "CREATE TABLE billing.mine (x int)", "CREATE TABLE public.mine (x int)",
    "CREATE SCHEMA mine", "DROP TABLE billing.accounts",
    "ALTER TABLE billing.accounts ADD x int", "CREATE ROLE mine",
    "SET ROLE paydesk",
    "SELECT pg_read_file('/etc/hostname')",
    "UPDATE billing.schema_version SET version = 1"])
def denied(desk, statement):
    desk.expect_log("ERROR:")
    same(as_role(desk, statement), DENIED)


@suite.case("the role has no attribute beyond logging in")
def attributes(desk):
    row = desk.row("""SELECT rolsuper, rolcreaterole, rolcreatedb,
                   rolreplication, rolbypassrls, rolcanlogin
                   FROM pg_roles WHERE rolname = %s""", ROLE)
    same(row, {"rolsuper": False, "rolcreaterole": False,
               "rolcreatedb": False, "rolreplication": False,
               "rolbypassrls": False, "rolcanlogin": True})
    same(desk.value("""SELECT count(*) FROM pg_auth_members
                    WHERE member = %s::regrole""", ROLE), 0)


@suite.case("a role with no grant can do nothing in the schema")
def nobody(desk):
    expect_denials(desk)
    same(desk.value("SELECT has_schema_privilege('pg_monitor', 'billing', "
                    "'USAGE')"), False)
    same(desk.sql("""SELECT oid::regprocedure::text AS name FROM pg_proc
                  WHERE pronamespace = 'billing'::regnamespace
                  AND has_function_privilege('pg_monitor', oid, 'EXECUTE')
                  """), [])


@suite.case("functions that act for their owner pin the search path")
def definers(desk):
    same(desk.sql("""SELECT oid::regprocedure::text AS name FROM pg_proc
                  WHERE pronamespace = 'billing'::regnamespace
                  AND prosecdef AND NOT coalesce(proconfig::text, '')
                      LIKE '%%search_path=%%'"""), [])


@suite.case("the running workers are logged in as that role")
def workers(desk):
    desk.deliver(*[desk.buyer().created() for _ in range(4)])
    users = {r["usename"] for r in desk.sql(
        """SELECT usename FROM pg_stat_activity
           WHERE datname = current_database()
           AND pid <> pg_backend_pid()""")}
    same({u for u in users if not u.startswith("paydesk_")}, set())
    true(ROLE in users, "the role is not logged in")


suite.main()
