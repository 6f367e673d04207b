#!/usr/bin/python3 -B
"""Sources and manuals are written as the tools want them: formatted, and
without a remark of shellcheck and mandoc. clang-tidy is in tests/long."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.desk import SOURCE
from harness.sources import paths
from harness.tap import Suite, same, true

FORMATTER = 14          # releases of clang-format differ: this one's word counts
SCRIPTS = ["bootstrap", "sql/migrate", "nginx/systemd/paydesk.in"]
MANUALS = paths("cgi-bin/*.[78]", "nginx/systemd/*.8",
                "tests/endpoint/*.8")

suite = Suite()


def output(*command):
    result = subprocess.run(command, cwd=SOURCE, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=50)
    return result.returncode, result.stdout


def formatter():
    """The release of the clang-format that is here."""
    return int(re.search(r"version (\d+)",
                         output("clang-format", "--version")[1]).group(1))


HERE = formatter()


@suite.case("C is formatted as .clang-format says" if HERE == FORMATTER else
            "C can be read by clang-format %d; %d decides on its form" % (
                HERE, FORMATTER))
def formatted():
    files = paths("cgi-bin/*.c", "common/*/*.[ch]", "tests/*/*.[ch]",
                  "tests/*/*/*.[ch]")
    true(len(files) > 100, "only %d files were found" % len(files))
    status, said = output("clang-format", "--dry-run",
                          *(["-Werror"] if HERE == FORMATTER else []), *files)
    same(status, 0, said[:2000])


@suite.each("shellcheck has no remark on {script}", SCRIPTS)
def shell(script):
    same(output("shellcheck", "-S", "warning", "-s", "sh", script), (0, ""))


@suite.each("mandoc has no warning on {manual}", MANUALS)
def manual(manual):
    same(output("mandoc", "-T", "lint", "-W", "warning", manual), (0, ""))


@suite.case("no line of C or Python ends in blanks, no file without a newline")
def blanks():
    for path in paths("cgi-bin/*.c", "common/*/*.[ch]", "tests/*.py",
                      "tests/*/*.py", "tests/*/*/*.[ch]", "sql/*.sql",
                      "sql/rules/*.sql"):
        with open(os.path.join(SOURCE, path)) as file:
            text = file.read()
        same(re.findall(r".*[ \t]+$", text, re.M), [], path)
        true(text.endswith("\n"), path)


suite.main()
