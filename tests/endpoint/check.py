#!/usr/bin/python3 -B
"""`check` of every program: settings, database, schema, role, rights."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import API_KEY, PROGRAMS, SECRET
from harness.gumroad import SECRETS, TOKEN, Shop
from harness.tap import Suite, same, true

FAILED, USAGE, UNAVAILABLE, CONFIG = 1, 64, 69, 78

suite = Suite(lambda: Shop(programs=["fake-stripe"], environment={
    "SITE_URL": "https://example.com"}))


def check(desk, *options, program="stripe-webhook", status=0, role=None,
          **changes):
    """The findings as `check --json` prints them."""
    done = desk.run("check", "--json", *options, program=program, environment={
        "DATABASE_URL": desk.program_conninfo(role or program), **changes})
    same(done.returncode, status, (done.stdout + done.stderr).decode())
    same(done.stderr, b"", "said besides")
    return json.loads(done.stdout)


def about(findings, subject):
    found = [f for f in findings if f["subject"] == subject]
    true(found, "nothing about %s in %r" % (subject, findings))
    return found


def one(findings, subject, result, words, advice=""):
    """The one finding about SUBJECT is a RESULT in these words."""
    finding, = about(findings, subject)
    same(finding["result"], result, repr(finding))
    true(words in finding["finding"], repr(finding))
    if result == "ok":
        same(finding["advice"], None, repr(finding))
    else:
        true(finding["advice"].endswith("."), repr(finding))
        true(advice in finding["advice"], repr(finding))
    return finding


def problems(findings):
    return [f["subject"] for f in findings if f["result"] == "problem"]


def role_of(program):
    return "paydesk_" + program.replace("-", "_")


@suite.each("{program}: with its own role in order, all is well", PROGRAMS)
def all_well(desk, program):
    found = check(desk, "--offline", program=program)
    same(problems(found), [])
    one(found, "database", "ok", "PostgreSQL")
    one(found, "schema", "ok", "version")
    one(found, "database role", "ok", role_of(program))
    one(found, "database rights", "ok", "all ")
    one(found, "clock of the database", "ok", "agrees")


# ------------------------------------------------------------------- output

@suite.case("for a person it prints aligned lines, and how many problems")
def for_people(desk):
    done = desk.run("check", "--offline")
    lines = done.stdout.decode().splitlines()
    same(lines[0].split(), ["result", "subject", "finding"])
    column = lines[0].index("finding")
    true(all(line[column - 1] == " " for line in lines if len(line) > column),
         "not aligned:\n" + "\n".join(lines))
    true("0 problems, " in lines[-1], lines[-1])


@suite.case("what to do stands below what is wrong")
def advice_below(desk):
    done = desk.run("check", "--offline",
                    environment={"DATABASE_URL": desk.conninfo})
    lines = done.stdout.decode().splitlines()
    number, = [i for i, line in enumerate(lines) if line.startswith("warning")
               and "database role" in line]
    same(lines[number + 1].strip(),
         "Name the role paydesk_stripe_webhook in DATABASE_URL.")
    same(lines[number + 1].index("Name"), lines[0].index("finding"))


@suite.each("'check {words}' is a usage error", [
    "now", "--offlin", "--json now"])
def usage_error(desk, words):
    done = desk.run("check", *words.split())
    same(done.returncode, USAGE, done.stderr)
    true(b"[--offline] [--json]" in done.stderr, done.stderr)


# ----------------------------------------------------------------- settings

@suite.case("each setting is listed with its origin, and none with its value")
def settings(desk):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(API_KEY)
        file.flush()
        found = check(desk, "--offline", STRIPE_API_KEY=None,
                      STRIPE_API_KEY_FILE=file.name)
        one(found, "STRIPE_API_KEY", "ok", "set, from " + file.name)
    one(found, "STRIPE_API_BASE", "ok", "set, from the environment")
    one(found, "STRIPE_LIVEMODE", "ok", "not set")
    one(found, "STRIPE_PAYLOAD_STORE_MAX", "ok", "not set, so it is 16384")


@suite.each("{program}: no secret is said, whatever is found", PROGRAMS)
def no_secret(desk, program):
    secret = {"AUTH_JWT_SECRET": "a-secret-of-32-characters-at-least"}
    done = desk.run("check", program=program, environment={
        "DATABASE_URL": desk.program_conninfo(program, password="pass-word"),
        "SMTP_URL": "smtp://user:pass-word@127.0.0.1:9", **secret})
    for value in (SECRET, API_KEY, TOKEN, *SECRETS, *secret.values(),
                  "pass-word"):
        true(value.encode() not in done.stdout + done.stderr,
             "it says " + value)


# ----------------------------------------------------------------- database

@suite.case("without DATABASE_URL it says so, 78")
def no_url(desk):
    one(check(desk, "--offline", status=CONFIG, DATABASE_URL=None),
        "database", "problem", "DATABASE_URL is not set", "Set DATABASE_URL")


@suite.case("a database that is away is a problem, 69")
def away(desk):
    found = check(desk, "--offline", status=UNAVAILABLE,
                  DATABASE_URL="host=/nonexistent dbname=paydesk")
    one(found, "database", "problem", "/nonexistent", "Start PostgreSQL")
    same([f for f in found if f["subject"] == "database rights"], [])


@suite.each("a schema that is {which} is a problem, 78; the advice: {advice}", [
    {"which": "too old", "advice": "Run sql/migrate",
     "change": "UPDATE billing.schema_version SET version = -version",
     "undo": "UPDATE billing.schema_version SET version = -version"},
    {"which": "too new", "advice": "Install the programs",
     "change": "INSERT INTO billing.schema_version (version, name) "
               "VALUES (9999, 'tomorrow')",
     "undo": "DELETE FROM billing.schema_version WHERE version = 9999"},
    {"which": "not there", "advice": "Run sql/migrate",
     "change": "ALTER SCHEMA billing RENAME TO elsewhere",
     "undo": "ALTER SCHEMA elsewhere RENAME TO billing"},
    {"which": "not for this role",
     "advice": "Name the role paydesk_stripe_webhook",
     "change": "REVOKE USAGE ON SCHEMA billing FROM paydesk_stripe_webhook",
     "undo": "GRANT USAGE ON SCHEMA billing TO paydesk_stripe_webhook"}])
def schema(desk, which, advice, change, undo):
    desk.expect_log("schema_version. does not exist", "permission denied")
    desk.sql(change)
    try:
        one(check(desk, "--offline", status=CONFIG), "schema", "problem", "",
            advice)
    finally:
        desk.sql(undo)
    same(problems(check(desk, "--offline")), [])


@suite.each("a role that is {what} is a warning", [
    {"what": "a superuser", "user": "postgres"},
    {"what": "the owner of the schema", "user": "paydesk"}])
def too_mighty(desk, what, user):
    if user == "postgres":
        user = desk.value("SELECT rolname FROM pg_roles WHERE oid = 10")
    found = check(desk, "--offline",
                  DATABASE_URL=desk.program_conninfo(user=user))
    one(found, "database role", "warning", what, role_of("stripe-webhook"))
    one(found, "database rights", "ok", "all ")


RIGHTS = [
    ("stripe-webhook", "EXECUTE ON FUNCTION billing.stripe_failed", "ledger"),
    ("stripe-webhook", "SELECT ON billing.stripe_events", "replay"),
    ("stripe-webhook", "INSERT (error) ON billing.webhook_failures", "ledger"),
    ("checkout", "EXECUTE ON FUNCTION billing.checkout_closed", "checkout"),
    ("portal", "SELECT (external_id) ON billing.accounts", "portal"),
    ("account", "EXECUTE ON FUNCTION billing.account_refer", "account_refer"),
    ("gumroad-webhook", "INSERT (payload) ON billing.gumroad_events",
     "gumroad"),
    ("license", "EXECUTE ON FUNCTION billing.license_resend", "resend"),
]


@suite.each("{program}: without {right} a right is missing", [
    {"program": p, "right": r, "statement": s} for p, r, s in RIGHTS])
def missing_right(desk, program, right, statement):
    desk.expect_log("permission denied")
    desk.sql("REVOKE %s FROM %s" % (right, role_of(program)))
    try:
        found = check(desk, "--offline", program=program, status=FAILED)
    finally:
        desk.sql("GRANT %s TO %s" % (right, role_of(program)))
    for finding in about(found, "database rights"):
        same(finding["result"], "problem")
        true("permission denied" in finding["finding"], repr(finding))
        true("the role " + role_of(program) in finding["advice"],
             repr(finding))
    same([f for f in found if f["result"] == "problem"
          and f["subject"] != "database rights"], [])
    true(any("statement " + statement in f["finding"]
             for f in about(found, "database rights")), repr(found))
    one(check(desk, "--offline", program=program), "database rights", "ok",
        "all ")


@suite.case("a right is missed that a call with NULLs would not need")
def strict(desk):
    desk.expect_log("permission denied")
    desk.sql("ALTER FUNCTION billing.checkout_closed STRICT")
    desk.sql("REVOKE EXECUTE ON FUNCTION billing.checkout_closed "
             "FROM paydesk_checkout")
    try:
        one(check(desk, "--offline", program="checkout", status=FAILED),
            "database rights", "problem", "checkout_closed", "GRANT")
    finally:
        desk.sql("ALTER FUNCTION billing.checkout_closed "
                 "CALLED ON NULL INPUT")
        desk.sql("GRANT EXECUTE ON FUNCTION billing.checkout_closed "
                 "TO paydesk_checkout")


@suite.case("the role of another program has not the rights of this one")
def another_role(desk):
    desk.expect_log("permission denied")
    found = check(desk, "--offline", status=FAILED, role="portal")
    true(len(about(found, "database rights")) > 3, repr(found))


@suite.case("looking at the rights changes nothing")
def reads_only(desk):
    with desk.nothing_stored():
        for program in PROGRAMS:
            check(desk, "--offline", program=program)


suite.main()
