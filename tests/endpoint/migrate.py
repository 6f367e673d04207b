#!/usr/bin/python3 -B
"""sql/migrate: each migration once and the rules when they differ, whole or not
at all, also by two at a time, on a busy desk."""

import contextlib
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2
from psycopg2.extensions import make_dsn

from harness.desk import Desk, clean_environment, in_threads, wait_until
from harness.schema import (SQL, migrate, newest, with_files,
                            with_migration, works)
from harness.tap import Suite, same, true

LINES_MAX = 75  # of a function
AT_ONCE = 6
SUBSCRIPTIONS = "billing.subscriptions"

suite = Suite(lambda: Desk(workers=1, programs=["health"]))


@contextlib.contextmanager
def database(desk, name="scratch"):
    """An empty database of the schema's owner; its conninfo."""
    with contextlib.closing(desk.superuser()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE %s OWNER paydesk" % name)
        try:
            yield make_dsn(desk.conninfo, dbname=name)
        finally:
            cursor.execute("DROP DATABASE %s WITH (FORCE)" % name)


def fails(result, *words):
    true(result.returncode > 0, "it worked: " + result.stdout)
    for word in words:
        true(word in result.stdout, "no %r in: %s" % (word, result.stdout))


def rows(conninfo, query):
    with contextlib.closing(psycopg2.connect(conninfo)) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        return [row[0] for row in cursor]


def exists(conninfo, table):
    return rows(conninfo, "SELECT to_regclass('%s')" % table) != [None]


def versions(conninfo):
    """What is applied, by number; None without a schema."""
    if not exists(conninfo, "billing.schema_version"):
        return None
    return rows(conninfo, "SELECT version FROM billing.schema_version "
                "ORDER BY version")


def connect(conninfo, autocommit=True):
    connection = psycopg2.connect(conninfo)
    connection.autocommit = autocommit
    return contextlib.closing(connection)


def ask(connection, query):
    cursor = connection.cursor()
    cursor.execute(query)
    return cursor.fetchone()[0]


def digest(conninfo):
    return rows(conninfo, "SELECT digest FROM billing.schema_rules")


# That a rule returns several things and one is a row is how it is meant.
FOUND = """
    SELECT p.oid::regprocedure::text, f.lineno, f.message, f.detail
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
        CROSS JOIN LATERAL
            plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0)) f
    WHERE l.lanname = 'plpgsql' AND p.pronamespace = 'billing'::regnamespace
        AND f.message NOT LIKE 'composite OUT variable%'"""


# A rule whose body says which one it is.
def saying(word):
    return {"rules/zebra.sql": """
CREATE OR REPLACE FUNCTION billing.zebra() RETURNS text
LANGUAGE sql AS $$ SELECT '%s' $$;
""" % word}


@suite.case("an empty database gets every migration and the rules, a second"
            " run nothing")
def once(desk):
    with database(desk) as conninfo:
        said = works(migrate(conninfo))
        same(said.count("applied"), newest())
        same(said.count("read the rules"), 1)
        same(versions(conninfo), list(range(1, newest() + 1)))
        same(works(migrate(conninfo)), "")


@suite.case("DATABASE_URL names the database as well")
def by_environment(desk):
    with database(desk) as conninfo:
        works(migrate(url=conninfo))
        same(len(versions(conninfo)), newest())


@suite.case("%d that start at once apply each migration once" % AT_ONCE)
def at_once(desk):
    with database(desk) as conninfo:
        said = [None] * AT_ONCE

        def run(i):
            said[i] = works(migrate(conninfo))

        in_threads(AT_ONCE, run)
        same("".join(said).count("applied"), newest())
        same("".join(said).count("read the rules"), 1)
        same(versions(conninfo), list(range(1, newest() + 1)))


@suite.case("what fails leaves nothing of itself, nor of what came before it")
def failing(desk):
    desk.expect_log("division by zero", "ERROR:")
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-broken.sql" % number,
            "CREATE TABLE billing.half_done (x int);\nSELECT 1/0;\n"
            ) as runner:
        fails(migrate(conninfo, runner=runner), "division by zero",
              "broken.sql, line 2")
        same(versions(conninfo), None)


@suite.case("a rule that fails takes the migration before it back")
def failing_rule(desk):
    desk.expect_log("syntax error", "ERROR:", "STATEMENT:")
    number = newest() + 1
    with database(desk) as conninfo, with_files({
            "%03d-more.sql" % number: "CREATE TABLE billing.more (x int);\n",
            "rules/zebra.sql": "CREATE OR REPLACE FUNCTION;\n"}) as runner:
        works(migrate(conninfo))
        before = digest(conninfo)
        fails(migrate(conninfo, runner=runner), "syntax error", "zebra.sql")
        same(versions(conninfo), list(range(1, number)))
        same(digest(conninfo), before)


@suite.case("the one after the newest is applied alone, and the rules anew")
def next_one(desk):
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-more.sql" % number,
            "-- compatible from 1\nCREATE TABLE billing.more (x int);\n"
            ) as runner:
        works(migrate(conninfo))
        same(works(migrate(conninfo, runner=runner)).split("\n")[:2],
             ["applied %03d-more" % number, "read the rules of %s" % release()])
        same(rows(conninfo, "SELECT compatible_from FROM "
                  "billing.schema_version ORDER BY version DESC LIMIT 1"), [1])


def release():
    with open(os.path.join(SQL, "release")) as file:
        return file.read().strip()


@suite.case("a database from the future is refused in a sentence")
def newer(desk):
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-more.sql" % number, "SELECT 1;\n") as runner:
        works(migrate(conninfo, runner=runner))
        fails(migrate(conninfo), "version", str(number))


@suite.case("a gap in the numbers is refused before anything is applied")
def gap(desk):
    with database(desk) as conninfo, with_migration(
            "%03d-later.sql" % (newest() + 2), "SELECT 1;\n") as runner:
        fails(migrate(conninfo, runner=runner), "order")
        same(versions(conninfo), None)


@suite.case("--dry-run names what it would do and does nothing")
def dry_run(desk):
    with database(desk) as conninfo, with_files(saying("one")) as runner:
        said = works(migrate("--dry-run", conninfo))
        same(said.count("would apply"), newest())
        same(said.count("would read the rules"), 1)
        same(versions(conninfo), None)
        works(migrate(conninfo))
        same(works(migrate("--dry-run", conninfo)), "")
        same(works(migrate("--dry-run", conninfo, runner=runner)),
             "would read the rules of %s\n" % release())


@suite.case("--status lists each migration and the rules, pending or applied")
def status(desk):
    with database(desk) as conninfo, with_files(saying("one")) as runner:
        same(works(migrate("--status", conninfo)).count("pending"),
             newest() + 1)
        works(migrate(conninfo))
        said = works(migrate("--status", conninfo))
        same(said.count("applied"), newest() + 1)
        true("release " + release() in said, said)
        true("differ" in works(migrate("--status", conninfo, runner=runner)),
             "it does not say that the rules differ")


@suite.case("a rule is changed by its file alone; grants, prepared statements"
            " and a host's view live on")
def changed_rule(desk):
    with database(desk) as conninfo, with_files(saying("one")) as before, \
            with_files(saying("two")) as after, connect(conninfo) as host:
        works(migrate(conninfo, runner=before))
        host.cursor().execute(
            "PREPARE zebra AS SELECT billing.zebra();"
            "CREATE VIEW public.of_the_host AS SELECT account_id, access"
            " FROM billing.access;"
            "GRANT EXECUTE ON FUNCTION billing.zebra() TO paydesk_health;")
        same(ask(host, "EXECUTE zebra"), "one")
        same(works(migrate(conninfo, runner=after)),
             "read the rules of %s\n" % release())
        same(ask(host, "EXECUTE zebra"), "two")
        same(ask(host, "SELECT count(*) FROM public.of_the_host"), 0)
        true(ask(host, "SELECT has_function_privilege('paydesk_health',"
                 "'billing.zebra()', 'EXECUTE')"), "the grant is gone")


@suite.case("a changed body locks no table")
def no_lock(desk):
    with database(desk) as conninfo, with_files(saying("one")) as runner, \
            connect(conninfo, autocommit=False) as other:
        works(migrate(conninfo))
        other.cursor().execute("LOCK billing.accounts, billing.subscriptions, "
                               "billing.stripe_events IN ROW EXCLUSIVE MODE")
        same(works(migrate(conninfo, runner=runner, MIGRATE_ATTEMPTS="1")),
             "read the rules of %s\n" % release())


@suite.case("a table that another session has locked is waited for, a moment"
            " at a time")
def locked(desk):
    desk.expect_log("canceling statement due to lock timeout", "STATEMENT:")
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-column.sql" % number,
            "ALTER TABLE billing.accounts ADD COLUMN zebra text;\n") as runner:
        works(migrate(conninfo))
        with connect(conninfo, autocommit=False) as other:
            other.cursor().execute(
                "LOCK billing.accounts IN ACCESS SHARE MODE")
            fails(migrate(conninfo, runner=runner, MIGRATE_ATTEMPTS="1",
                          MIGRATE_LOCK_TIMEOUT="50ms"),
                  "stays locked", "nothing was changed")
            same(len(versions(conninfo)), number - 1)
            process = subprocess.Popen(
                [runner, conninfo], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, env={
                    **clean_environment(), "MIGRATE_LOCK_TIMEOUT": "50ms"})
            true("trying again" in process.stderr.readline(), "not told")
        said = process.communicate(timeout=30)[0]
        same(process.returncode, 0)
        true("applied %03d-column" % number in said, said)


@suite.case("a host's object that hangs on what goes ends it by its name,"
            " with nothing changed")
def hanging(desk):
    desk.expect_log("cannot drop function", "DETAIL:", "HINT:", "STATEMENT:")
    with database(desk) as conninfo, with_files(saying("one")) as before, \
            with_files({"rules/gone.sql":
                        "DROP FUNCTION IF EXISTS billing.zebra();\n"}
                       ) as after, connect(conninfo) as host:
        works(migrate(conninfo, runner=before))
        had = digest(conninfo)
        host.cursor().execute("CREATE VIEW public.of_the_host AS"
                              " SELECT billing.zebra()")
        fails(migrate(conninfo, runner=after), "view of_the_host",
              "Nothing was changed")
        same(digest(conninfo), had)
        host.cursor().execute("DROP VIEW public.of_the_host")
        works(migrate(conninfo, runner=after))
        same(ask(host, "SELECT to_regproc('billing.zebra')"), None)


@suite.case("an older release leaves newer rules alone, unless --downgrade")
def older_release(desk):
    with database(desk) as conninfo, with_files(
            {**saying("newer"), "release": "99.0.10\n"}) as newer_one, \
            with_files({**saying("older"), "release": "99.0.9\n"}) as older:
        works(migrate(conninfo, runner=newer_one))
        had = digest(conninfo)
        true("--downgrade" in works(migrate(conninfo, runner=older)),
             "not told")
        same(digest(conninfo), had)
        works(migrate("--downgrade", conninfo, runner=older))
        same(rows(conninfo, "SELECT billing.zebra()"), ["older"])


INDEX = ("CREATE INDEX CONCURRENTLY zebra ON billing.accounts (created_at);\n")


@suite.case("an index on a large table is made outside the transaction, and"
            " anew when that was interrupted")
def concurrent(desk):
    number = newest() + 1
    desk.expect_log("could not create unique index", "DETAIL:", "STATEMENT:")
    unique = INDEX.replace("INDEX", "UNIQUE INDEX").replace(
        "created_at", "email")
    name = "%03d-zebra.concurrent.sql" % number
    with database(desk) as conninfo, with_files({name: unique}) as broken, \
            with_files({name: INDEX}) as runner, connect(conninfo) as host:
        works(migrate(conninfo))
        host.cursor().execute("INSERT INTO billing.accounts (external_id,"
                              " email) VALUES ('a', 'x'), ('b', 'x')")
        fails(migrate(conninfo, runner=broken), "could not create")
        same(ask(host, "SELECT indisvalid FROM pg_index WHERE indexrelid ="
                 " 'billing.zebra'::regclass"), False)
        same(len(versions(conninfo)), number - 1)
        said = works(migrate(conninfo, runner=runner))
        true("interrupted run" in said and "applied" in said, said)
        same(ask(host, "SELECT indisvalid FROM pg_index WHERE indexrelid ="
                 " 'billing.zebra'::regclass"), True)
        same(works(migrate(conninfo, runner=runner)), "")


@suite.case("whoever does not own the schema is refused in a sentence")
def owner(desk):
    with database(desk) as conninfo:
        works(migrate(conninfo))
        fails(migrate(make_dsn(conninfo, user="postgres")),
              "belongs to paydesk", "connect as paydesk")


@suite.case("a database of 0.1.0's layout is told so")
def old_layout(desk):
    with database(desk) as conninfo, connect(conninfo) as host:
        host.cursor().execute(
            "CREATE SCHEMA billing; CREATE TABLE billing.schema_version ("
            "version integer PRIMARY KEY, name text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now());"
            "INSERT INTO billing.schema_version VALUES (1, '001-ledger')")
        fails(migrate(conninfo), "layout of 0.1.0", "empty database")


@suite.case("without a database, or one that is not there, it fails")
def no_database(desk):
    desk.expect_log("FATAL:  database .* does not exist")
    fails(migrate(), "DATABASE_URL")
    fails(migrate(make_dsn(desk.conninfo, dbname="nowhere")), "nowhere")


@suite.case("no index, default, constraint or generated column calls a rule")
def depends(desk):
    same(desk.sql("""
        SELECT p.oid::regprocedure::text, d.classid::regclass::text
        FROM pg_depend d JOIN pg_proc p
          ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
        WHERE p.pronamespace = 'billing'::regnamespace
          AND d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass,
                            'pg_class'::regclass)"""), [])


def statements(pattern):
    """The files' texts without comments, by name."""
    found = {}
    for path in sorted(glob.glob(os.path.join(SQL, pattern))):
        with open(path) as file:
            found[os.path.relpath(path, SQL)] = re.sub(
                r"--.*", "", file.read())
    return found


@suite.case("numbered files define and call no function, view or trigger")
def data_only(desk):
    for name, text in statements("[0-9]*.sql").items():
        text = re.sub(r"'[^']*'", "", text)
        same(re.findall(r"CREATE (?:OR REPLACE )?(?:FUNCTION|VIEW|TRIGGER)",
                        text), [], name)
        for function in desk.sql("SELECT DISTINCT proname FROM pg_proc WHERE"
                                 " pronamespace = 'billing'::regnamespace"):
            same(re.findall(r"billing\.%s\(" % function["proname"], text), [],
                 name)


@suite.case("rules are written so that they can be read again")
def again(desk):
    for name, text in statements("rules/*.sql").items():
        same(re.findall(r"^CREATE (?!OR REPLACE ).*", text, re.M), [], name)
        if name != "rules/gone.sql":
            same(re.findall(r"^DROP .*", text, re.M), [], name)
    for line in statements("rules/gone.sql")["rules/gone.sql"].split("\n"):
        true(not line.strip() or re.fullmatch(
            r"DROP \w+ IF EXISTS [^;]*;", line) and "CASCADE" not in line,
            line)


@suite.case("the body of every rule is valid when it is read with the checks on")
def bodies(desk):
    with database(desk) as conninfo:
        works(migrate(conninfo))
        with connect(conninfo, autocommit=False) as connection:
            cursor = connection.cursor()
            cursor.execute("SET LOCAL check_function_bodies = on")
            for text in statements("rules/*.sql").values():
                if text.strip():
                    cursor.execute(text)


@suite.case("plpgsql_check finds nothing in the rules")
def checked(desk):
    with database(desk) as conninfo:
        works(migrate(conninfo))
        with contextlib.closing(desk.superuser()) as connection:
            user = connection.info.user
        with connect(make_dsn(conninfo, user=user)) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE EXTENSION plpgsql_check")
            cursor.execute(FOUND)
            same(cursor.fetchall(), [])
            cursor.execute("""CREATE FUNCTION billing.zebra() RETURNS text
                LANGUAGE plpgsql AS 'BEGIN RETURN nobody(); END'""")
            cursor.execute(FOUND)
            same([row[0] for row in cursor], ["billing.zebra()"])


@suite.case("a function of the rules fits a screen or two, a line 100 columns")
def lengths(_):
    for name, text in statements("rules/*.sql").items():
        for body in re.findall(r"^CREATE OR REPLACE FUNCTION.*?^(?:END )?\$\$;",
                               text, re.M | re.S):
            lines = body.count("\n") + 1
            true(lines <= LINES_MAX,
                 "%s: %d lines: %s" % (name, lines, body.split("\n")[0]))
    for pattern in ("[0-9]*.sql", "rules/*.sql"):
        for path in glob.glob(os.path.join(SQL, pattern)):
            with open(path) as file:
                for number, line in enumerate(file, 1):
                    true(len(line.rstrip("\n")) <= 100, "%s:%d: %d columns" % (
                        path, number, len(line)))


@suite.case("an upgraded schema equals a fresh one")
def upgraded(desk):
    number = newest() + 1
    more = {"%03d-more.sql" % number:
            "ALTER TABLE billing.accounts ADD COLUMN zebra text;\n"
            "ALTER TYPE billing.stripe_facts ADD ATTRIBUTE zebra text;\n",
            **saying("two"),
            "rules/gone.sql": lambda text: text
            + "DROP FUNCTION IF EXISTS billing.lion();\n"}
    before = {**saying("one"), "rules/lion.sql": saying("lion")[
        "rules/zebra.sql"].replace("zebra", "lion")}
    with with_files(before) as old, with_files(more) as new:
        with database(desk) as conninfo:
            works(migrate(conninfo, runner=old))
            works(migrate(conninfo, runner=new))
            grown = dump(conninfo)
        with database(desk) as conninfo:
            works(migrate(conninfo, runner=new))
            same(grown, dump(conninfo))
            true("zebra" in grown and "lion" not in grown, grown)


def dump(conninfo):
    """The schema as text, without what changes by the run."""
    ran = subprocess.run(["pg_dump", "--schema-only", conninfo], text=True,
                         stdout=subprocess.PIPE, check=True, timeout=60)
    return re.sub(r"^\\(un)?restrict .*\n", "", ran.stdout, flags=re.M)


@suite.case("a numbered file that was released is what it was")
def released(_):
    with open(os.path.join(SQL, "released")) as file:
        listed = [line.split() for line in file if not line.startswith("#")]
    for digest_, name in listed:
        found = subprocess.run(["sha256sum", os.path.join(SQL, name)],
                               stdout=subprocess.PIPE, text=True)
        same(found.stdout.split()[:1], [digest_],
             name + " is released: write another file instead")


suite.main()
