#!/usr/bin/python3 -B
"""One cause has one exit status, whatever program and command meets it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import SOURCE, Desk
from harness.tap import Suite, same, true

DONE, FAILED, USAGE, UNAVAILABLE, CONFIG = 0, 1, 64, 69, 78
TEMPLATES = os.path.join(SOURCE, "common", "mail", "templates")

# Every command that asks the database, with words that are right.
COMMANDS = [
    ("account", "show a"), ("account", "export a"),
    ("account", "erase --dry-run a"),
    ("gumroad-webhook", "replay --failed"), ("gumroad-webhook", "replay 1"),
    ("gumroad-webhook", "deliver"), ("gumroad-webhook", "prune"),
    ("ops", "sample"),
    ("stripe-webhook", "events list"), ("stripe-webhook", "events show a"),
    ("stripe-webhook", "events replay a"),
    ("stripe-webhook", "events replay --failed"),
    ("stripe-webhook", "events skip a --reason x"),
    ("stripe-webhook", "link cus_1 a"), ("stripe-webhook", "catch-up"),
    ("stripe-webhook", "prune"), ("stripe-webhook", "reconcile"),
]
PROGRAMS = ("account", "checkout", "gumroad-webhook", "health", "license",
            "ops", "portal", "stripe-webhook")

suite = Suite(lambda: Desk(workers=1, programs=["stripe-webhook"]))


def run(desk, program, words, **environment):
    return desk.run(*words.split(), program=program, environment={
        "MAIL_TEMPLATES": TEMPLATES, **environment})


def ends(result, status, *said):
    same(result.returncode, status, result.stderr)
    for word in said:
        true(word in result.stderr + result.stdout,
             "no %r in %r" % (word, result.stderr + result.stdout))


ROWS = [{"program": program, "words": words} for program, words in COMMANDS]


@suite.each("{program} {words}: DATABASE_URL is not set", ROWS)
def missing(desk, program, words):
    ends(run(desk, program, words, DATABASE_URL=None), CONFIG,
         b"DATABASE_URL is not set")


@suite.each("{program} {words}: the database is away", ROWS)
def away(desk, program, words):
    ends(run(desk, program, words, DATABASE_URL="host=/nonexistent"),
         UNAVAILABLE, b"database")


@suite.each("{program} {words}: a word too many, or an option that is none",
            ROWS)
def misused(desk, program, words):
    ends(run(desk, program, words + " --nonsense"), USAGE,
         b"there is no option --nonsense", b"usage:")


@suite.each("{program} check: missing, away, nonsense", PROGRAMS)
def check(desk, program):
    ends(run(desk, program, "check --offline", DATABASE_URL=None), CONFIG)
    ends(run(desk, program, "check --offline",
             DATABASE_URL="host=/nonexistent"), UNAVAILABLE)
    ends(run(desk, program, "check nonsense"), USAGE)


@suite.each("{program}: there is no such command", PROGRAMS)
def unknown(desk, program):
    ends(run(desk, program, "nonsense"), USAGE, b"there is no command")


@suite.each("{program} {words} --help needs no setting", ROWS)
def helped(desk, program, words):
    result = run(desk, program, words + " --help", DATABASE_URL=None,
                 STRIPE_LIVEMODE="neither")
    ends(result, DONE, program.encode() + b" " + words.split()[0].encode())


suite.main()
