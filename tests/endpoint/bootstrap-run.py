#!/usr/bin/python3 -B
"""./bootstrap run: what it says, what it keeps, and that it ends as it
should."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes
from harness.desk import PROGRAMS, SOURCE, Desk, clean_environment, wait_until
from harness.tap import Suite, same, true

QUICK_S = 15

# The desk that every case gets runs beside those that cases start and end.
suite = Suite(lambda: Desk(workers=1))


def development():
    """A desk with no settings but those that bootstrap makes up."""
    return Desk(workers=1, template=None, environment={name: None for name in (
        "STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY", "STRIPE_API_BASE",
        "CATALOG")})


def line(desk, start):
    found = [said for said in desk.printed if said.startswith(start)]
    same(len(found), 1, "lines that begin with %r" % start)
    return found[0][len(start):]


def made_up(desk):
    """The settings that bootstrap has given to the programs."""
    secrets = os.path.join(desk.var, "secrets")
    stripe = line(desk, "paydesk stripe ").split()[0]
    return {
        **{name + "_FILE": os.path.join(secrets, name) for name in (
            "STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY", "AUTH_JWT_SECRET",
            "GUMROAD_WEBHOOK_SECRET")},
        "CATALOG": os.path.join(desk.var, "catalog.json"),
        "STRIPE_API_BASE": stripe, "SITE_URL": stripe,
        "LICENSE_SIGNING_KEY": os.path.join(
            secrets, "license-signing-key.pem"),
        "EMAIL_FROM": "paydesk@localhost",
        "MAIL_TEMPLATES": os.path.join(SOURCE, "common", "mail", "templates")}


def shell(command):
    """Run it as a person would who has copied it; what it printed."""
    result = subprocess.run(
        ["sh", "-c", command], env=clean_environment(), cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=30)
    same(result.returncode, 0, result.stdout)
    return result.stdout


def refused(*arguments, status, environment=None):
    """Run bootstrap, which must refuse; what it said."""
    result = subprocess.run(
        [os.path.join(SOURCE, "bootstrap"), *arguments], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=30)
    same(result.returncode, status, result.stdout)
    return result.stdout


@suite.case("check of every program finds no problem in what it has set up")
def checked(_):
    with development() as desk:
        for program in PROGRAMS:
            done = desk.run("check", program=program, environment={
                **made_up(desk),
                "DATABASE_URL": desk.program_conninfo(program)})
            same(done.returncode, 0, done.stdout.decode())
            if program != "gumroad-webhook":    # mail is only logged
                true(b"0 problems, 0 warnings" in done.stdout,
                     done.stdout.decode())


@suite.case("it prints the database before it says that it is ready; its"
            " sample command works as it stands; a second run is ready"
            " within %d s with the same data" % QUICK_S)
def sample(_):
    with development() as desk:
        same(line(desk, "paydesk ready "), "http://127.0.0.1:%d" % desk.port)
        order = [said.split()[1] for said in desk.printed
                 if said.startswith("paydesk ")]
        true(order.index("database") < order.index("ready"), repr(order))
        command = [said for said in desk.printed if " send " in said]
        same(len(command), 1, "sample commands")
        said = shell(command[0])
        rows = "SELECT stripe_subscription_id, status, account_id, " \
            "updated_at FROM billing.subscriptions"
        before = desk.row(rows)
        for word in ("applied", before["stripe_subscription_id"],
                     before["status"]):
            true(word in said, "no %r in: %s" % (word, said))
        conninfo = desk.conninfo
        took = desk.restart()
        true(took < QUICK_S, "it took %.1f s" % took)
        same(desk.conninfo, conninfo)
        same(desk.row(rows), before)
        true("applied" in shell([said for said in desk.printed
                                 if " send " in said][0]), "the same secret")


@suite.case("the database that it prints is one for psql, with the owner's"
            " rights")
def database(desk):
    said = shell("psql -X -A -t -d '%s' -c 'CREATE TABLE billing.mine ()' "
                 "-c 'DROP TABLE billing.mine' -c 'SELECT current_user'"
                 % desk.conninfo)
    same(said.split()[-1], "paydesk")


@suite.case("the operations page opens with the password that it prints")
def operations_page(desk):
    url, user, password = re.fullmatch(
        r"(\S+) \(user (\w+), password (\w+)\)",
        line(desk, "paydesk ops page ")).groups()
    said = shell("curl -s -u %s:%s %s" % (user, password, url))
    true("<h1>Overview</h1>" in said, said[:500])


@suite.each("SIG{name} ends all that was started, and nothing else",
            ["TERM", "INT", "HUP"])
def signals(other, name):
    desk = Desk(workers=1)
    try:
        desk.deliver(desk.buyer().created())
        desk.process.send_signal(getattr(signal, "SIG" + name))
        same(desk.process.wait(30), 0, "exit status")
        wait_until(lambda: not processes.of_directory(desk.var), 5,
                   "the end of what was started")
    finally:
        desk.abandon()
    other.deliver(other.buyer().created())


@suite.case("a port that is taken is said in a sentence, and nothing stays")
def port_taken(other):
    try:
        Desk(port=other.port).abandon()
    except AssertionError as error:
        true("taken" in str(error) and "PAYDESK_PORT" in str(error),
             str(error))
    else:
        raise AssertionError("it started")


@suite.case("a second one in the same directory is refused, the first goes"
            " on")
def same_directory(desk):
    said = refused("run", status=1, environment=desk.bootstrap_environment())
    true("already" in said, said)
    desk.deliver(desk.buyer().created())


@suite.each("'bootstrap {words}' explains how it is used, 64",
            ["", "nonsense", "run more"])
def usage(_, words):
    true("bootstrap run" in refused(*words.split(), status=64), "no usage")


suite.main()
