#!/usr/bin/python3 -B
"""./bootstrap run: what it says, what it keeps, and that it ends as it
should."""

import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes
from harness.desk import SOURCE, Desk, clean_environment, wait_until
from harness.tap import Suite, has, same, true

QUICK_S = 15

suite = Suite()


def development():
    """A desk with no settings but those that bootstrap makes up."""
    return Desk(environment={name: None for name in (
        "STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY", "STRIPE_API_BASE",
        "CATALOG")})


def line(desk, start):
    found = [said for said in desk.printed if said.startswith(start)]
    same(len(found), 1, "lines that begin with %r" % start)
    return found[0][len(start):]


@suite.case("it prints the database before it says that it is ready, and the"
            " sample command that it prints works as it stands")
def sample():
    with development() as desk:
        same(line(desk, "paydesk ready "), "http://127.0.0.1:%d" % desk.port)
        order = [said.split()[1] for said in desk.printed
                 if said.startswith("paydesk ")]
        true(order.index("database") < order.index("ready"), repr(order))
        command = [said for said in desk.printed if " send " in said]
        same(len(command), 1, "sample commands")
        result = subprocess.run(
            ["sh", "-c", command[0]], env=clean_environment(), cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=30)
        same(result.returncode, 0, result.stdout)
        true("applied" in result.stdout, result.stdout)
        row = desk.row("SELECT stripe_subscription_id AS id, status "
                       "FROM billing.subscriptions")
        true(row["id"] in result.stdout and row["status"] in result.stdout,
             result.stdout)


@suite.case("the database that it prints is one for psql, with the owner's"
            " rights")
def database():
    with Desk() as desk:
        result = subprocess.run(
            ["psql", "-X", "-A", "-t", "-d", desk.conninfo, "-c",
             "CREATE TABLE billing.mine (x int)", "-c",
             "SELECT current_user FROM billing.accounts RIGHT JOIN (SELECT) x "
             "ON true"], env=clean_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        same(result.stdout.split()[-1], "paydesk", result.stdout)


@suite.case("a second run is ready within %d s, with the same data and"
            " secrets" % QUICK_S)
def second_run():
    with development() as desk:
        buyer = desk.buyer()
        conninfo = desk.conninfo
        started = time.monotonic()
        desk.restart()
        took = time.monotonic() - started
        true(took < QUICK_S, "it took %.1f s" % took)
        same(desk.conninfo, conninfo)
        has(desk.account_of(buyer), email=buyer.email)


@suite.each("{name} ends all that was started, and nothing else", [
    {"name": "SIG" + name, "number": getattr(signal, "SIG" + name)}
    for name in ("TERM", "INT", "HUP")])
def signals(name, number):
    with Desk(workers=1) as other:
        desk = Desk(workers=1)
        try:
            desk.deliver(desk.buyer().created())
            desk.process.send_signal(number)
            same(desk.process.wait(30), 0, "exit status")
            wait_until(lambda: not processes.of_directory(desk.var), 5,
                       "the end of what was started")
        finally:
            desk.abandon()
        other.deliver(other.buyer().created())


@suite.case("a port that is taken is said in a sentence, and nothing stays")
def port_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        try:
            Desk(port=taken.getsockname()[1])
        except AssertionError as error:
            true("taken" in str(error) and "PAYDESK_PORT" in str(error),
                 str(error))
        else:
            raise AssertionError("it started")


@suite.case("a second one in the same directory is refused, the first goes"
            " on")
def same_directory():
    with Desk() as desk:
        result = subprocess.run(
            [os.path.join(SOURCE, "bootstrap"), "run"],
            env=desk.bootstrap_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=30)
        same(result.returncode, 1, result.stdout)
        true("already" in result.stdout, result.stdout)
        desk.deliver(desk.buyer().created())


@suite.case("without run or check it explains itself, 64")
def usage():
    for arguments in ([], ["nonsense"], ["run", "more"]):
        result = subprocess.run(
            [os.path.join(SOURCE, "bootstrap"), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=30)
        same(result.returncode, 64)
        true("bootstrap run" in result.stdout, result.stdout)


suite.main()
