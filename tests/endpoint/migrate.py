#!/usr/bin/python3 -B
"""sql/migrate: each migration once, whole or not at all, also by two at a
time."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

import psycopg2
from psycopg2.extensions import make_dsn

from harness.desk import SOURCE, Desk, clean_environment, in_threads
from harness.tap import Suite, same, true

SQL = os.path.join(SOURCE, "sql")
AT_ONCE = 6

suite = Suite(lambda: Desk(workers=1))


def newest():
    return len([n for n in os.listdir(SQL) if n.endswith(".sql")])


@contextlib.contextmanager
def database(desk, name="scratch"):
    """An empty database of the schema's owner; its conninfo."""
    desk.expect_log("FATAL:  terminating connection due to administrator")
    with contextlib.closing(desk.superuser()) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE %s OWNER paydesk" % name)
        try:
            yield make_dsn(desk.conninfo, dbname=name)
        finally:
            cursor.execute("DROP DATABASE %s WITH (FORCE)" % name)


@contextlib.contextmanager
def with_migration(name, text):
    """A copy of sql/ with one migration more; the path of its runner."""
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "sql with a space")
        shutil.copytree(SQL, copy)
        with open(os.path.join(copy, name), "w") as file:
            file.write(text)
        yield os.path.join(copy, "migrate")


def migrate(*arguments, runner=os.path.join(SQL, "migrate"), url=None):
    environment = clean_environment()
    if url:
        environment["DATABASE_URL"] = url
    return subprocess.run([runner, *arguments], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


def works(result):
    same(result.returncode, 0, result.stdout)
    return result.stdout


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


@suite.case("an empty database gets every migration, a second run nothing")
def once(desk):
    with database(desk) as conninfo:
        same(works(migrate(conninfo)).count("applied"), newest())
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
        same(versions(conninfo), list(range(1, newest() + 1)))


@suite.case("a migration that fails leaves nothing of itself, and those"
            " before it")
def failing(desk):
    desk.expect_log("division by zero", "ERROR:")
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-broken.sql" % number,
            "CREATE TABLE billing.half_done (x int);\nSELECT 1/0;\n"
            ) as runner:
        fails(migrate(conninfo, runner=runner), "division by zero")
        same(versions(conninfo), list(range(1, number)))
        same(exists(conninfo, "billing.half_done"), False)


@suite.case("the one after the newest is applied alone")
def next_one(desk):
    number = newest() + 1
    with database(desk) as conninfo, with_migration(
            "%03d-more.sql" % number,
            "CREATE TABLE billing.more (x int);\n") as runner:
        works(migrate(conninfo))
        same(works(migrate(conninfo, runner=runner)).split(),
             ["applied", "%03d-more" % number])


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
    with database(desk) as conninfo:
        same(works(migrate("--dry-run", conninfo)).count("would apply"),
             newest())
        same(versions(conninfo), None)


@suite.case("--status lists each migration, pending or applied")
def status(desk):
    with database(desk) as conninfo:
        same(works(migrate("--status", conninfo)).count("pending"), newest())
        works(migrate(conninfo))
        same(works(migrate("--status", conninfo)).count("applied"), newest())


@suite.case("without a database, or one that is not there, it fails")
def no_database(desk):
    desk.expect_log("FATAL:  database .* does not exist")
    fails(migrate(), "DATABASE_URL")
    fails(migrate(make_dsn(desk.conninfo, dbname="nowhere")), "nowhere")


suite.main()
