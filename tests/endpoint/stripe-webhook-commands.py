#!/usr/bin/python3 -B
"""stripe-webhook as a tool: check, verify, send, replay; and how it starts."""

import contextlib
import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import SECRET, WEBHOOK, Desk, when
from harness.stripe import Buyer, sign
from harness.tap import Suite, has, same, true
from harness.worker import Worker

PAYLOAD_MAX = 6000
USAGE = 64
NOW = 1795208721

suite = Suite(lambda: Desk(
    programs=["stripe-webhook", "fake-stripe"],
    environment={"STRIPE_PAYLOAD_STORE_MAX": str(PAYLOAD_MAX)}))


def said(result):
    return (result.stdout + result.stderr).decode()


def fails(result, *words):
    """It ended with an error, in one line that holds the words."""
    true(result.returncode > 0, "exit %d: %s" % (result.returncode,
                                                 said(result)))
    for word in words:
        true(word in said(result), "no %r in: %s" % (word, said(result)))
    return result


def works(result, *words):
    same(result.returncode, 0, "exit status, having said: " + said(result))
    for word in words:
        true(word in said(result), "no %r in: %s" % (word, said(result)))
    return result


@contextlib.contextmanager
def file_with(content):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content if isinstance(content, bytes)
                   else content.encode())
        file.flush()
        yield file.name


# ------------------------------------------------------------------ starting

@suite.case("--help names every command, route and setting, on stdout")
def help(desk):
    result = works(desk.run("--help"), "check", "replay", "send", "verify",
                   WEBHOOK, "DATABASE_URL", "STRIPE_WEBHOOK_SECRET")
    same(result.stderr, b"")


@suite.case("--version says one line")
def version(desk):
    result = works(desk.run("--version"), "paydesk")
    same(result.stdout.count(b"\n"), 1)


@suite.case("a bare start without a listening socket prints the usage, 64")
def bare(desk):
    result = desk.run()
    same(result.returncode, USAGE)
    true(b"Usage" in result.stderr or b"usage" in result.stderr,
         said(result))


@suite.each("'{words}' is a usage error", [
    "nonsense", "check nonsense", "verify", "verify --header",
    "events", "events replay", "events replay --nonsense", "replay",
    "send --nonsense", "--nonsense"])
def usage_error(desk, words):
    result = fails(desk.run(*words.split(), input=b""))
    same(result.returncode, USAGE, said(result))


@suite.case("help and version need no settings")
def no_settings(desk):
    nothing = {name: None for name in desk.settings}
    for option in ("--help", "--version"):
        works(desk.run(option, environment={**nothing,
                                            "DATABASE_URL": None}))


# --------------------------------------------------------------------- check

WRONG = [
    ("STRIPE_WEBHOOK_SECRET", "notasecret"), ("STRIPE_WEBHOOK_SECRET", " "),
    ("STRIPE_WEBHOOK_SECRET", SECRET + " other"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_"),
    ("STRIPE_API_KEY", "pk_test_public"), ("STRIPE_API_KEY", "sk_test_a b"),
    ("STRIPE_API_KEY", "sk_test_a\nX: y"),
    ("STRIPE_API_BASE", "api.stripe.com"), ("STRIPE_API_BASE", "ftp://x"),
    ("STRIPE_LIVEMODE", "yes"), ("STRIPE_LIVEMODE", "TRUE"),
    ("STRIPE_PAYLOAD_STORE_MAX", "-1"), ("STRIPE_PAYLOAD_STORE_MAX", "16k"),
    ("PAYLOAD_KEEP_DAYS", "many"), ("PAYLOAD_KEEP_DAYS", "1.5"),
    ("STRIPE_API_KEY_FILE", "/nonexistent/key"),
]


@suite.case("check says that all is well, and exits 0")
def check(desk):
    works(desk.run("check", "--offline"))


@suite.each("{name}={value!r} is refused by check and at the start, in a"
            " sentence that names it",
            [{"name": n, "value": v} for n, v in WRONG])
def wrong_setting(desk, name, value):
    environment = {name: value}
    if name.endswith("_FILE"):
        environment[name[:-len("_FILE")]] = None
    result = fails(desk.run("check", environment=environment), name)
    same(said(result).count("\n"), 1, said(result))
    worker = Worker(desk.program(), desk.command_environment(environment))
    try:
        true(worker.process.wait(10) > 0, "it started")
        true(name in worker.log(), worker.log())
    finally:
        worker.close()


@suite.each("what is wrong with a secret is said without the secret: {name}",
            [{"name": "STRIPE_WEBHOOK_SECRET", "value": "hunter2"},
             {"name": "STRIPE_API_KEY", "value": "pk_hunter2"}])
def secret_not_said(desk, name, value):
    result = fails(desk.run("check", environment={name: value}), name)
    true("hunter2" not in said(result), said(result))


@suite.each("a setting may come from a file, {how}", [
    {"how": "with a newline at its end", "end": "\n", "other": None},
    {"how": "without one", "end": "", "other": None},
    {"how": "when the setting itself is set to nothing", "end": "",
     "other": ""}])
def from_file(desk, how, end, other):
    with file_with("whsec_fromAFile00000000" + end) as path:
        body = stripe.encode(desk.buyer().created())
        with Worker(desk.program(), desk.command_environment({
                "STRIPE_WEBHOOK_SECRET": other,
                "STRIPE_WEBHOOK_SECRET_FILE": path})) as worker:
            reply = worker.request("POST", WEBHOOK, body, {
                "Stripe-Signature": sign(body, "whsec_fromAFile00000000")})
    same((reply.status, reply.json["status"]), (200, "applied"))


@suite.case("a CATALOG in the environment, as 0.1.0 had it, is no error")
def old_setting(desk):
    works(desk.run("check", "--offline",
                   environment={"CATALOG": "/nonexistent/catalog.json"}))


@suite.case("check says that the database cannot be reached")
def no_database(desk):
    fails(desk.run("check", environment={
        "DATABASE_URL": "host=/nonexistent dbname=paydesk"}), "database")


@suite.case("check says that DATABASE_URL is missing")
def no_database_url(desk):
    fails(desk.run("check", environment={"DATABASE_URL": None}),
          "DATABASE_URL")


@suite.each("a database {which} than the program is refused in a sentence", [
    {"which": "newer", "change": "INSERT INTO billing.schema_version "
     "(version, name) VALUES (9999, 'tomorrow')",
     "undo": "DELETE FROM billing.schema_version WHERE version = 9999"},
    {"which": "older", "change": "UPDATE billing.schema_version "
     "SET version = -version",
     "undo": "UPDATE billing.schema_version SET version = -version"}])
def schema_version(desk, which, change, undo):
    desk.sql(change)
    try:
        fails(desk.run("check"), "version")
        fails(desk.run("events", "list"), "version")
    finally:
        desk.sql(undo)


@suite.case("a worker that starts beside a schema that does not fit says so"
            " with 503, and comes back by itself")
def misfit(desk):
    desk.expect_log("no database yet", "needs")
    body = stripe.encode(desk.buyer().created(at=0))
    post = lambda worker: worker.request(
        "POST", WEBHOOK, body, {"Stripe-Signature": sign(body, SECRET)})
    desk.sql("INSERT INTO billing.schema_version (version, name) "
             "VALUES (9999, 'tomorrow')")
    try:
        worker = Worker(desk.program(), desk.command_environment())
        try:
            reply = post(worker)
            same(reply.status, 503)
            true("install the newer programs" in reply.json["detail"],
                 reply.json["detail"])
            desk.sql("DELETE FROM billing.schema_version WHERE version = 9999")
            same(post(worker).status, 200)
        finally:
            worker.close()
    finally:
        desk.sql("DELETE FROM billing.schema_version WHERE version = 9999")


@suite.case("a newer schema that says that this program fits is no obstacle")
def additive(desk):
    desk.sql("INSERT INTO billing.schema_version (version, name, "
             "compatible_from) VALUES (9999, 'tomorrow', 1)")
    try:
        same(desk.run("events", "list").returncode, 0)
    finally:
        desk.sql("DELETE FROM billing.schema_version WHERE version = 9999")


@suite.case("check says when the rules in the database are another release's")
def other_rules(desk):
    comment = desk.value(
        "SELECT obj_description('billing'::regnamespace, 'pg_namespace')")
    desk.sql("COMMENT ON SCHEMA billing IS 'paydesk 9.9, rules 123'")
    try:
        result = desk.run("check")
        true("paydesk 9.9, rules 123" in result.stdout.decode(), result.stdout)
    finally:
        desk.sql("COMMENT ON SCHEMA billing IS '%s'" % comment)


# -------------------------------------------------------------------- verify

BODY = b'{"id": "evt_1", "object": "event"}'


def verify(desk, header, at=NOW, body=BODY, **environment):
    arguments = ["verify", "--header", header]
    if at is not None:
        arguments += ["--at", str(at)]
    return desk.run(*arguments, input=body, environment=environment)


@suite.case("verify accepts what is right, and says so")
def verify_right(desk):
    works(verify(desk, sign(BODY, SECRET, NOW)))


@suite.case("verify without --at means now")
def verify_now(desk):
    works(verify(desk, sign(BODY, SECRET), at=None))
    fails(verify(desk, sign(BODY, SECRET, int(time.time()) - 400), at=None))


@suite.each("at a distance of {seconds} s verify {verdict}", [
    {"seconds": s, "verdict": "accepts" if abs(s) <= 300 else "refuses"}
    for s in (-301, -300, -1, 0, 299, 300, 301)])
def verify_tolerance(desk, seconds, verdict):
    result = verify(desk, sign(BODY, SECRET, NOW), at=NOW + seconds)
    same(result.returncode, 0 if verdict == "accepts" else 1, said(result))


@suite.each("verify refuses {what}, exit 1, with a reason", [
    {"what": what, "header": header} for what, header in [
        ("another secret's", sign(BODY, "whsec_other", NOW)),
        ("another body's", sign(BODY + b"\n", SECRET, NOW)),
        ("a header without t", "v1=" + "0" * 64),
        ("a header without v1", "t=%d" % NOW),
        ("an empty header", ""),
        ("a word", "nonsense"),
    ]])
def verify_refuses(desk, what, header):
    result = verify(desk, header)
    same(result.returncode, 1, said(result))
    true(len(said(result).split()) >= 4, "no reason: " + said(result))
    true(SECRET not in said(result), "it says the secret")


@suite.case("verify needs no database")
def verify_alone(desk):
    works(verify(desk, sign(BODY, SECRET, NOW), DATABASE_URL=None))


@suite.case("verify reads the body as bytes, up to the limit of the endpoint")
def verify_bytes(desk):
    for body in (b"", b"\0\xff\r\n", os.urandom(256 * 1024)):
        works(verify(desk, sign(body, SECRET, NOW), body=body))


# ---------------------------------------------------------------------- send

def send(desk, *paths, **environment):
    url = "http://127.0.0.1:%d%s" % (desk.port, WEBHOOK)
    return desk.run("send", "--url", url, *paths, environment=environment)


@suite.case("send signs a file's event, posts it and says what came back")
def send_one(desk):
    buyer = desk.buyer()
    event = buyer.created()
    with file_with(stripe.encode(event)) as path:
        works(send(desk, path), "200", "applied")
        works(send(desk, path), "duplicate")
    has(desk.subscription_of(buyer), status="active")


@suite.case("send without --url goes to the port of the settings")
def send_default(desk):
    event = desk.buyer().created()
    with file_with(stripe.encode(event)) as path:
        works(desk.run("send", path), "applied")
    has(desk.ledger(event), outcome="applied")


@suite.case("send posts several files, in their order")
def send_many(desk):
    buyer = desk.buyer()
    with file_with(stripe.encode(buyer.created())) as one, \
            file_with(stripe.encode(buyer.updated(quantity=3))) as two:
        result = works(send(desk, one, two))
    same(said(result).count('"status":"applied"'), 2, said(result))
    has(desk.subscription_of(buyer), seat_limit=3)


@suite.case("send posts as many files as are named")
def send_twelve(desk):
    with contextlib.ExitStack() as stack:
        result = works(send(desk, *[stack.enter_context(file_with(
            stripe.encode(desk.buyer().created()))) for _ in range(12)]))
    same(said(result).count('"status":"applied"'), 12, said(result))


@suite.case("send fails when the answer is not 2xx")
def send_refused(desk):
    with file_with(b"not JSON") as path:
        fails(send(desk, path), "400")


@suite.case("send fails when a file is missing")
def send_missing(desk):
    fails(send(desk, "/nonexistent/event.json"), "/nonexistent/event.json")


@suite.case("send fails when nobody listens")
def send_nobody(desk):
    with file_with(b"{}") as path:
        fails(desk.run("send", "--url", "http://127.0.0.1:9", path))


# -------------------------------------------------------------------- replay

def failed_event(desk, buyer=None, **fields):
    """An event that could not be applied, its cause now mended."""
    buyer = buyer or desk.buyer()
    event = buyer.created(**fields)
    with desk.failing("23514"):
        desk.deliver(event, answer="handler_error")
    return buyer, event


@suite.case("replay ID applies an event that had failed")
def replay_id(desk):
    buyer, event = failed_event(desk)
    works(desk.run("events", "replay", event["id"]), event["id"], "applied")
    has(desk.subscription_of(buyer), status="active")
    has(desk.ledger(event), outcome="applied", error=None)
    has(desk.account_of(buyer), tier="paid")


@suite.case("replay --failed applies all that had failed, oldest first")
def replay_failed(desk):
    failures = [failed_event(desk) for _ in range(3)]
    buyer = desk.buyer()
    with desk.failing("23514"):
        older, newer = buyer.created(), buyer.updated(at=60, quantity=8)
        desk.deliver(older, newer, answer="handler_error")
    works(desk.run("events", "replay", "--failed"))
    for failed, event in failures:
        has(desk.ledger(event), outcome="applied")
        has(desk.subscription_of(failed), status="active")
    has(desk.subscription_of(buyer), seat_limit=8)
    same(desk.value("SELECT count(*) FROM billing.stripe_events "
                    "WHERE processed_at IS NULL"), 0)


@suite.case("replay --json says the same for programs")
def replay_json(desk):
    buyer, event = failed_event(desk)
    result = works(desk.run("events", "replay", "--json", event["id"]))
    row, = json.loads(result.stdout)
    has(row, event=event["id"], type=event["type"], outcome="applied")
    same(desk.subscription_of(buyer)["status"], "active")


@suite.case("replay --failed with nothing to do is content")
def replay_nothing(desk):
    works(desk.run("events", "replay", "--failed"))


@suite.each("replay {what} --dry-run says what it would do and does nothing",
            ["--failed", "ID"])
def dry_run(desk, what):
    buyer, event = failed_event(desk)
    with desk.nothing_stored():
        works(desk.run("events", "replay", event["id"] if what == "ID" else what,
                       "--dry-run"), event["id"])
    works(desk.run("events", "replay", "--failed"))


@suite.case("replay of what is processed changes nothing")
def replay_processed(desk):
    buyer = desk.buyer()
    event = buyer.created()
    desk.deliver(event, buyer.updated(at=60, quantity=2))
    before = desk.subscription_of(buyer)
    result = desk.run("events", "replay", event["id"])
    true("duplicate" in said(result), said(result))
    same(desk.subscription_of(buyer), before)
    has(desk.ledger(event), outcome="applied")


@suite.case("replay of an id that the ledger does not hold fails")
def replay_unknown(desk):
    fails(desk.run("events", "replay", "evt_nobody_knows"), "evt_nobody_knows")


@suite.case("replay of several ids does each and fails if one fails")
def replay_several(desk):
    buyer, event = failed_event(desk)
    fails(desk.run("events", "replay", "evt_nobody_knows", event["id"]))
    has(desk.ledger(event), outcome="applied")


@suite.case("what cannot be applied still fails in a replay, and is counted")
def replay_fails_again(desk):
    buyer = desk.buyer()
    event = buyer.created(quantity=-1)
    desk.deliver(event, answer="handler_error")
    fails(desk.run("events", "replay", event["id"]), "handler_error")
    same(len(desk.failures(event)), 2, "failures recorded")
    desk.sql("DELETE FROM billing.stripe_events WHERE event_id = %s",
             event["id"])


def cut_event(desk):
    buyer, event = failed_event(desk, description="d" * PAYLOAD_MAX)
    has(desk.ledger(event), payload_truncated=True)
    return buyer, event


@suite.case("a payload that was cut is fetched from Stripe by id")
def replay_cut(desk):
    buyer, event = cut_event(desk)
    desk.stripe.put(event)
    works(desk.run("events", "replay", event["id"]), "applied")
    has(desk.subscription_of(buyer), status="active",
        current_period_end=when(buyer.end))
    same([r["method"] for r in desk.stripe.requests()
          if r["path"] == "/v1/events/" + event["id"]], ["GET"])


@suite.each("a cut payload that Stripe does not give ({how}) fails, and can"
            " be tried again", [
    {"how": "404", "answer": None},
    {"how": "500", "answer": {"status": 500}},
    {"how": "no JSON", "answer": {"status": 200, "body": "<html>"}},
    {"how": "another event", "answer": {
        "status": 200, "body": json.dumps(Buyer().created())}}])
def replay_cut_and_gone(desk, how, answer):
    buyer, event = cut_event(desk)
    if answer:
        desk.stripe.next("GET /v1/events/" + event["id"], answer)
    fails(desk.run("events", "replay", event["id"]), event["id"])
    same(desk.subscription_of(buyer), None)
    has(desk.ledger(event), processed_at=None)
    desk.stripe.put(event)
    works(desk.run("events", "replay", event["id"]), "applied")


@suite.case("replay takes the same way as a delivery: what is older is stale")
def replay_stale(desk):
    buyer, event = failed_event(desk)
    desk.deliver(buyer.updated(at=600, quantity=4))
    result = desk.run("events", "replay", event["id"])
    true("stale" in said(result), said(result))
    has(desk.subscription_of(buyer), seat_limit=4)
    has(desk.ledger(event), outcome="stale")


@suite.case("replay does not ask for the signature's secret")
def replay_without_secret(desk):
    buyer, event = failed_event(desk)
    works(desk.run("events", "replay", event["id"], environment={
        "STRIPE_WEBHOOK_SECRET": None}), "applied")


@suite.case("replay fails when the database is away")
def replay_no_database(desk):
    fails(desk.run("events", "replay", "--failed", environment={
        "DATABASE_URL": "host=/nonexistent dbname=paydesk"}))


suite.main()
