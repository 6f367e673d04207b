#!/usr/bin/python3 -B
"""The tests' own harness: what hangs fails in time, the suite goes on, and
nothing that a test has started outlives it."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import processes
from harness.tap import Suite, same, true

TESTS = os.path.dirname(os.path.abspath(__file__))
HEAD = """
import subprocess, sys, threading, time
from harness import processes, tap
tap.START_S = tap.CLOSE_S = tap.AGAIN_S = LIMIT = 0.5
tap.LEAVE_S = processes.GRACE_S = 0.2
"""
SECOND = """
@suite.case("the second")
def second(*_):
    pass
"""
# Nobody's child, and of another session: as nginx and PostgreSQL are.
DAEMON = 'subprocess.run("setsid sleep 600 & echo $!", shell=True)'
NEVER_STARTS = """
def fixture():
    time.sleep(600)
"""
NEVER_ENDS = """
class fixture:
    def close(self):
        while True:
            try:
                time.sleep(600)
            except Exception:
                pass
    def abandon(self):
        print("# abandoned")
"""
STARTS_IN_PART = """
def fixture():
    %s
    raise AssertionError
"""

suite = Suite()


def script(cases, fixture="fixture = None"):
    """Run a test program; its exit status, and the lines of what it said."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", "\n".join((
            HEAD, fixture, "suite = tap.Suite(fixture)", cases,
            "suite.main()"))],
        env={**os.environ, "PYTHONPATH": TESTS}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=30)
    return done.returncode, done.stdout.splitlines()


def outcomes(lines):
    return [line.partition(" - ")[0] for line in lines
            if line.startswith(("ok ", "not ok "))]


def about(lines, words):
    true(any(words in line for line in lines),
         "no %r in:\n%s" % (words, "\n".join(lines)))


def daemon(lines):
    return int(next(line for line in lines if line.isdigit()))


@suite.each("a case that hangs in {where} fails with the place where it stood,"
            " the next one runs", [
    {"where": "a sleep", "code": "time.sleep(600)"},
    {"where": "the join of a thread",
     "code": "t = threading.Thread(target=time.sleep, args=(600,))\n"
             "    t.start()\n    t.join()"},
    {"where": "a command", "code": "subprocess.run(['sleep', '600'])"},
    {"where": "a try that takes all exceptions",
     "code": "while True:\n        try:\n            time.sleep(600)\n"
             "        except Exception:\n            pass"},
    {"where": "its cleaning up",
     "code": "try:\n        time.sleep(600)\n"
             "    finally:\n        time.sleep(600)"}])
def hangs(where, code):
    status, said = script("""
@suite.case("the first", limit_s=LIMIT)
def first():
    %s
""" % code + SECOND)
    same(outcomes(said), ["not ok 1", "ok 2"], "\n".join(said))
    about(said, "# over the time limit of 0.5 s; it stood here:")
    about(said, "in first")
    true(status != 0, "exit status %d" % status)


@suite.each("a fixture whose {what} hangs is given up", [
    {"what": "start", "fixture": NEVER_STARTS, "says": "Bail out!",
     "ran": []},
    {"what": "end", "fixture": NEVER_ENDS, "says": "# abandoned",
     "ran": ["ok 1", "not ok 2"]}])
def fixture_hangs(what, fixture, says, ran):
    status, said = script(SECOND, fixture)
    same(outcomes(said), ran, "\n".join(said))
    about(said, says)
    about(said, "# over the time limit")
    true(status != 0, "exit status %d" % status)


@suite.each("a process that is left behind by a {what} ends, and the test"
            " fails", [
    {"what": "case that passes", "then": "pass"},
    {"what": "case that fails", "then": "raise AssertionError"},
    {"what": "test that is stopped",
     "then": "import os, signal\n    os.kill(os.getpid(), signal.SIGTERM)"}])
def left_behind(what, then):
    status, said = script("""
@suite.case("the first")
def first():
    %s
    %s
""" % (DAEMON, then))
    true(status != 0, "exit status %d" % status)
    about(said, "# left behind, and killed: ")
    true(not processes.alive(daemon(said)), "it lives")


@suite.case("a process that is left behind when the fixture does not start"
            " ends")
def left_by_start():
    status, said = script(SECOND, STARTS_IN_PART % DAEMON)
    true(status != 0, "exit status %d" % status)
    true(not processes.alive(daemon(said)), "it lives")


suite.main()
