#!/usr/bin/python3 -B
"""The license program: verify, resend, and the operator's commands."""

import http.client
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import SOURCE, wait_until
from harness.gumroad import Shop, later, make_key, sale
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop(programs=["gumroad-webhook", "license", "outbox"]))


@suite.case("an active key is valid, whatever its case and look-alikes")
def active(shop):
    row = shop.sell()
    key = row["license_key"]
    expected = {"valid": True, "status": "active", "tier": "core",
                "license_key": key}
    has(shop.verify(license_key=key), **expected)
    has(shop.verify(license_key="  " + key.lower() + "\n"), **expected)
    head, tail = key[:-17], key[-17:]
    has(shop.verify(license_key=head + tail.replace("0", "O").replace(
        "1", "l")), **expected)


@suite.case("a revoked key is not valid, a stranger's unknown")
def others(shop):
    fields = sale()
    row = shop.sell(fields)
    shop.ping(later(fields, "refund", refunded=True))
    has(shop.verify(license_key=row["license_key"]), valid=False,
        status="revoked", tier="core")
    has(shop.verify(blob=row["blob"]), valid=False, status="revoked")
    for key in ("DT1-CORE-00000-00000-00000", "x", "", "ä" * 40, "A" * 900):
        same(shop.verify(license_key=key),
             {"valid": False, "status": "unknown"}, key)


@suite.case("a blob is valid as signed, and with one character changed not")
def blob(shop):
    row = shop.sell()
    has(shop.verify(blob=row["blob"]), valid=True, status="active",
        license_key=row["license_key"])
    for at in range(0, len(row["blob"]), 7):
        other = "A" if row["blob"][at] != "A" else "B"
        same(shop.verify(blob=row["blob"][:at] + other + row["blob"][at + 1:]),
             {"valid": False, "status": "unknown"}, "changed at %d" % at)
    for cut in (0, 1, 10, 100, len(row["blob"]) - 1):
        same(shop.verify(blob=row["blob"][:cut])["valid"], False)


@suite.each("{body} is an invalid request", [
    "", "[]", "nothing", "{}", '{"license_key":5}',
    '{"license_key":"a","blob":"b"}', '{"blob":null}'])
def invalid(shop, body):
    reply = shop.request("POST", "/license/verify", body)
    same((reply.status, reply.json["error"]), (400, "invalid_request"))


def resend(shop, email):
    reply = shop.request("POST", "/license/resend",
                         json.dumps({"email": email}))
    return reply.status, reply.body


def resends(shop, row):
    return [m for m in shop.mails(row) if m["kind"] == "resend"]


@suite.case("resend answers customers and strangers alike, and mails once in "
            "ten minutes, no less and no more")
def resend_once(shop):
    row = shop.sell(email="Twice@Example.org")
    answers = {resend(shop, e) for e in (
        "twice@example.org", "TWICE@example.org", "nobody@example.org")}
    same(len(answers), 1)
    same(answers.pop()[0], 202)
    same(len(resends(shop, row)), 1)
    wait_until(lambda: len(shop.postmark.messages("Twice@")) == 2, 10,
               "the second mail")
    for ago, mails in (("9 minutes 30 seconds", 1), ("45 seconds", 2)):
        shop.sql("UPDATE billing.resend_requests SET at = at - %s::interval",
                 ago)
        resend(shop, "twice@example.org")
        same(len(resends(shop, row)), mails, ago)


@suite.case("resend mails every active licence of the address")
def resend_all(shop):
    rows = [shop.sell(email="many@example.org") for _ in range(3)]
    gone = sale(email="many@example.org")
    shop.sell(gone)
    shop.ping(later(gone, "refund", refunded=True))
    resend(shop, "many@example.org")
    same([len(resends(shop, r)) for r in rows], [1, 1, 1])
    same(len(resends(shop, shop.license(gone))), 0)


@suite.each("resend refuses {email}", [
    '"x"', "5", "null", '"a b@c.example"', '"a@b.example\\r\\nBcc: c@d.e"'])
def resend_invalid(shop, email):
    reply = shop.request("POST", "/license/resend", '{"email":%s}' % email)
    same((reply.status, reply.json["error"]), (400, "invalid_request"))


@suite.case("the hundredth mail in ten minutes is the last for a while")
def resend_flood(shop):
    row = shop.sell()
    shop.sql("""INSERT INTO billing.emails (kind, license_id, to_email,
                subject, body_text, body_html, status)
                SELECT 'resend', %s, 'x@example.org', 's', 't', 'h', 'sent'
                FROM generate_series(1, 100)""", row["id"])
    other = shop.sell()
    same(resend(shop, other["email"])[0], 202)
    same(resends(shop, other), [])
    shop.sql("DELETE FROM billing.emails WHERE to_email = 'x@example.org'")


@suite.case("nginx answers 429 to an address that asks without end; this host "
            "is not counted")
def limited(shop):
    def ask(address):
        connection = http.client.HTTPConnection(
            "127.0.0.1", shop.port, timeout=10, source_address=(address, 0))
        for _ in range(60):
            connection.request("POST", "/license/resend", "{}")
            answer = connection.getresponse()
            body = json.loads(answer.read())
        connection.close()
        return answer, body

    same(ask("127.0.0.1")[0].status, 400)
    answer, body = ask("127.0.0.2")
    same((answer.status, body["error"]), (429, "too_many_requests"))
    same(answer.getheader("Retry-After"), "5")


@suite.case("revoke, restore and show, by the owner; not by the program's "
            "own role")
def operator(shop):
    shop.expect_log("permission denied")
    fields = sale()
    key = shop.sell(fields)["license_key"]
    refused = shop.tool("license", "revoke", key)
    same(refused.returncode, 78)
    true(b"use paydesk," in refused.stderr, refused.stderr)
    done = shop.tool("license", "revoke", key, "stolen", owner=True)
    same(done.returncode, 0, done.stderr)
    has(shop.license(fields), status="revoked", revoke_reason="stolen")
    shown = json.loads(shop.tool("license", "show", key, "--json",
                                 owner=True).stdout)
    has(shown["license"], license_key=key, status="revoked",
        revoke_reason="stolen")
    same([m["kind"] for m in shown["mails"]], ["license"])
    same([d["resource"] for d in shown["deliveries"]], ["sale"])
    true(key.encode() in shop.tool("license", "show", key.lower(),
                                   owner=True).stdout, "not shown")
    shop.tool("license", "restore", key, owner=True)
    has(shop.license(fields), status="active", revoke_reason=None)
    same(shop.tool("license", "show", "DT1-X-00000-00000-00000",
                   owner=True).returncode, 1)


@suite.case("a restored licence stays so until there is a new reason")
def operator_stands(shop):
    fields = sale()
    key = shop.sell(fields)["license_key"]
    shop.ping(later(fields, "refund", refunded=True), status="revoked")
    shop.tool("license", "restore", key, owner=True)
    shop.ping(later(fields, "refund", refunded=True), status="ignored")
    has(shop.license(fields), status="active")
    shop.ping(later(fields, "dispute"), status="revoked")


@suite.case("a revoked licence is not mailed again")
def resend_revoked(shop):
    fields = sale()
    key = shop.sell(fields)["license_key"]
    shop.tool("license", "revoke", key, owner=True)
    same(shop.tool("license", "resend", key, owner=True).returncode, 1)


@suite.case("keygen makes a pair once and overwrites nothing")
def keygen(shop):
    path = os.path.join(shop.directory, "fresh.pem")
    done = shop.tool("license", "keygen", path)
    same(done.returncode, 0, done.stderr)
    same(os.stat(path).st_mode & 0o777, 0o600)
    same(shop.tool("license", "keygen", path).returncode, 1)
    to_stdout = shop.tool("license", "keygen")
    true(to_stdout.stdout.startswith(b"-----BEGIN PRIVATE KEY-----"),
         to_stdout.stdout)


def offline(shop, blob, *keys):
    path = os.path.join(shop.directory, "public.pem")
    with open(path, "wb") as out:
        for key in keys:
            with open(key + ".pub", "rb") as file:
                out.write(file.read())
    return shop.run("verify", "--public-key", path, blob, program="license",
                    environment={"DATABASE_URL": None,
                                 "MAIL_TEMPLATES": "/nowhere"})


@suite.case("verify needs the public key alone")
def verify_offline(shop):
    row = shop.sell()
    key = shop.settings["LICENSE_SIGNING_KEY"]
    done = offline(shop, row["blob"], key)
    same(done.returncode, 0, done.stdout)
    has(json.loads(done.stdout), key=row["license_key"], email=row["email"])
    stranger = make_key(os.path.join(shop.directory, "stranger.pem"))
    same(offline(shop, row["blob"], stranger).returncode, 1)
    same(offline(shop, row["blob"][:-2], key).returncode, 1)


def example(language):
    """The text of an example in the manual."""
    with open(os.path.join(SOURCE, "cgi-bin", "license.8")) as file:
        text = file.read()
    found = re.search(r'^\.\\" example: %s\n\.Bd [^\n]*\n(.*?)^\.Ed' %
                      language, text, re.M | re.S)
    true(found, "the manual has no example in " + language)
    return found.group(1).replace("\\e", "\\").replace("\\&", "")


@suite.each("the manual's example in {language} takes a genuine licence and "
            "no other", ["Python", "C"])
def examples(shop, language):
    row = shop.sell()
    public = shop.settings["LICENSE_SIGNING_KEY"] + ".pub"
    source = os.path.join(shop.directory,
                          "example." + {"Python": "py", "C": "c"}[language])
    with open(source, "w") as file:
        file.write(example(language))
    command = ["/usr/bin/python3", source]
    if language == "C":
        command = [os.path.join(shop.directory, "example")]
        subprocess.run(["cc", "-Wall", "-Werror", "-o", command[0], source,
                        "-lcrypto"], check=True)

    def run(blob):
        return subprocess.run(command + [public, blob],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)

    good = run(row["blob"])
    same(good.returncode, 0, good.stderr)
    true(row["license_key"].encode() in good.stdout, good.stdout)
    changed = row["blob"].replace("DTLIC2:e", "DTLIC2:f")
    true(run(changed).returncode != 0, "took a changed licence")
    other = shop.sell()["blob"].split(".")[1]
    true(run(row["blob"].split(".")[0] + "." + other).returncode != 0,
         "took another licence's signature")


@suite.case("after a change of the signing key old licences stay valid")
def rotation(shop):
    old = shop.sell()
    first = shop.settings["LICENSE_SIGNING_KEY"]
    second = make_key(os.path.join(shop.directory, "second.pem"))
    shop.settings["LICENSE_SIGNING_KEY"] = second
    shop.restart()
    new = shop.sell()
    for row in (old, new):
        has(shop.verify(blob=row["blob"]), valid=True, status="active")
        same(offline(shop, row["blob"], first, second).returncode, 0)
    same(offline(shop, new["blob"], first).returncode, 1)
    same(shop.count("license_keys"), 2)


suite.main()
