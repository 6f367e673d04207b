#!/usr/bin/python3 -B
"""A statement is called with as many parameters as it takes, or the compiler
says so."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.desk import BUILD, SOURCE
from harness.tap import Suite, same, true

FRAME = """
#include "base/db.h"

DB_STATEMENT(none, 0, "SELECT 1");
DB_STATEMENT(two, 2, "SELECT $1, $2");

enum rc work(struct db *db, const char *text);

enum rc
work(struct db *db, const char *text)
{
	const char *const one[] = { text };
	const char *const both[] = { text, text };

	(void)one, (void)both, (void)sql_none, (void)sql_two;
	return %s;
}
"""

suite = Suite()


def compiled(call):
    """Whether the call compiles, and what the compiler says."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(FRAME % call)
        file.flush()
        result = subprocess.run(
            ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
             "-fsyntax-only", "-I", os.path.join(SOURCE, "common"),
             "-I", os.path.join(BUILD, "common"), file.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return result.returncode == 0, result.stdout.decode()


@suite.each("{call} compiles", [
    {"call": "db_run(db, sql_two, both, NULL)"},
    {"call": "db_run_bare(db, sql_none, NULL)"},
])
def right(call):
    done, said = compiled(call)
    true(done, said)


@suite.each("{call} does not compile", [
    {"call": "db_run(db, sql_two, one, NULL)"},
    {"call": "db_run(db, sql_none, one, NULL)"},
    {"call": "db_run_bare(db, sql_two, NULL)"},
])
def wrong_count(call):
    done, said = compiled(call)
    same(done, False)
    true("not as many parameters" in said, said)


@suite.case("a statement that nobody has defined does not compile")
def wrong_name():
    done, said = compiled("db_run(db, sql_too, both, NULL)")
    same(done, False)
    true("too" in said, said)


suite.main()
