#!/usr/bin/python3 -B
"""`check` of gumroad-webhook and license: what a sale needs until its licence
arrives. The fake Postmark, and Exim as a real mail server."""

import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.desk import free_port
from harness.exim import PASSWORD, USER, Exim
from harness.gumroad import Shop, sale
from harness.tap import Suite, same, true

FAILED = 1


class MailShop(Shop):
    def __init__(self):
        self.exim = Exim(guarded=True)
        super().__init__()

    def close(self):
        try:
            super().close()
        finally:
            self.exim.close()


suite = Suite(MailShop)


def check(shop, *options, program="gumroad-webhook", status=0, **changes):
    done = shop.tool(program, "check", "--json", *options, **changes)
    same(done.returncode, status, (done.stdout + done.stderr).decode())
    same(done.stderr, b"", "said besides")
    return json.loads(done.stdout)


def by_smtp(shop, url, **changes):
    """Settings with which mail goes to that SMTP server."""
    return {"POSTMARK_TOKEN": None, "SMTP_URL": url,
            "SMTP_CA_FILE": shop.exim.ca, **changes}


def smtp_url(shop, user=USER, password=PASSWORD):
    return "smtp://%s:%s@127.0.0.1:%d" % (user, password, shop.exim.port)


def wrong(findings):
    return [f for f in findings if f["result"] != "ok"]


def only(findings, subject, result, words, advice):
    """One thing is not ok, and this is it."""
    found = wrong(findings)
    same(len(found), 1, repr(found))
    same((found[0]["subject"], found[0]["result"]), (subject, result),
         repr(found))
    true(words in found[0]["finding"], repr(found))
    true(advice in found[0]["advice"], repr(found))
    true(found[0]["advice"].endswith("."), repr(found))


def fine(findings, subject, words):
    true([f for f in findings if f["subject"] == subject and f["result"] == "ok"
          and words in f["finding"]], "%s: %s is not in %r" % (
              subject, words, findings))


@suite.case("a shop in order has no problem and no warning, and sends nothing")
def in_order(shop):
    shop.postmark.answer("ok")
    found = check(shop)
    same(wrong(found), [])
    fine(found, "Postmark", "of the server Shop")
    fine(found, "mail", "by Postmark, from shop@example.org")
    fine(found, "mail templates", "can be written")
    fine(found, "signing key", "its id is ")
    fine(found, "deliveries", "none waits")
    same(shop.postmark.messages(), [])


@suite.case("license: the templates are looked at, and no more is needed")
def license(shop):
    found = check(shop, program="license")
    same(wrong(found), [])
    fine(found, "mail templates", "can be written")


@suite.case("with --offline Postmark is not asked, without it is")
def offline(shop):
    shop.postmark.answer("401")
    count = shop.postmark.count()
    found = check(shop, "--offline")
    same(wrong(found), [])
    fine(found, "mail server", "not asked")
    same(shop.postmark.count(), count)
    check(shop, status=FAILED)
    same(shop.postmark.count(), count + 1)


@suite.case("with --offline no connection is made to the mail server")
def offline_smtp(shop):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        url = "smtp://127.0.0.1:%d" % server.getsockname()[1]
        same(wrong(check(shop, "--offline", **by_smtp(shop, url))), [])
        try:
            server.accept()
        except BlockingIOError:
            return
    raise AssertionError("it has connected")


@suite.each("Postmark answers {answer}: {result}", [
    {"answer": a, "result": r, "words": w, "advice": d} for a, r, w, d in [
        ("401", "problem", "does not take the token", "POSTMARK_TOKEN"),
        ("429", "warning", "answered 429", "again later"),
        ("503", "warning", "answered 503", "again later"),
        ("sandbox", "warning", "delivers nothing", "live server"),
        ("odd", "problem", "not that of Postmark", "POSTMARK_API_BASE"),
        ("page", "problem", "not that of Postmark", "POSTMARK_API_BASE")]])
def postmark(shop, answer, result, words, advice):
    shop.postmark.answer(answer)
    only(check(shop, status=FAILED if result == "problem" else 0), "Postmark",
         result, words, advice)


@suite.case("a token that is wrong")
def wrong_token(shop):
    shop.postmark.answer("ok")
    only(check(shop, status=FAILED, POSTMARK_TOKEN="another"), "Postmark",
         "problem", "does not take the token", "POSTMARK_TOKEN")


@suite.case("a Postmark that cannot be reached")
def no_postmark(shop):
    only(check(shop, status=FAILED, POSTMARK_API_BASE="http://127.0.0.1:9"),
         "Postmark", "problem", "no answer", "POSTMARK_API_BASE")


@suite.case("a Postmark that hangs costs 5 seconds")
def hanging(shop):
    shop.postmark.answer("slow")
    began = time.monotonic()
    only(check(shop, status=FAILED), "Postmark", "problem", "no answer", "")
    true(4 < time.monotonic() - began < 8, time.monotonic() - began)
    shop.postmark.answer("ok")


@suite.case("without a provider no mail is sent: a warning")
def no_provider(shop):
    only(check(shop, POSTMARK_TOKEN=None), "mail", "warning", "none is sent",
         "POSTMARK_TOKEN or SMTP_URL")


# --------------------------------------------------------------------- SMTP

@suite.case("a mail server that lets us in, encrypted and logged in; nothing is "
            "sent")
def smtp(shop):
    found = check(shop, **by_smtp(shop, smtp_url(shop)))
    same(wrong(found), [])
    fine(found, "mail", "by SMTP")
    fine(found, "mail server", "lets us in")
    same(os.path.exists(shop.exim.directory + "/mail/new"), False)
    same([f for _, _, files in os.walk(shop.exim.directory + "/spool")
          for f in files if f.endswith(("-H", "-D"))], [], "the spool")


@suite.case("a mail server that does not know the password")
def wrong_password(shop):
    found = check(shop, status=FAILED,
                  **by_smtp(shop, smtp_url(shop, password="secret-word")))
    only(found, "mail server", "problem", "", "password in SMTP_URL")
    true("secret-word" not in json.dumps(found), "it says the password")


@suite.case("a mail server whose certificate is not trusted")
def untrusted(shop):
    only(check(shop, status=FAILED, **by_smtp(
        shop, smtp_url(shop), SMTP_CA_FILE=None)), "mail server", "problem",
         "", "SMTP_CA_FILE")


@suite.case("a mail server that is away")
def no_server(shop):
    only(check(shop, status=FAILED, **by_smtp(
        shop, "smtp://user:secret-word@127.0.0.1:%d" % free_port())),
         "mail server", "problem", "connect", "SMTP_URL")


@suite.case("a mail server that says nothing costs 5 seconds")
def silent(shop):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        began = time.monotonic()
        only(check(shop, status=FAILED, **by_smtp(
            shop, "smtp://127.0.0.1:%d" % server.getsockname()[1])),
             "mail server", "problem", "", "")
        true(4 < time.monotonic() - began < 9, time.monotonic() - began)


# --------------------------------------------------------------------- sales

@suite.case("without GUMROAD_WEBHOOK_SECRET it says that all is answered 404")
def no_secret(shop):
    only(check(shop, status=FAILED, GUMROAD_WEBHOOK_SECRET=None),
         "GUMROAD_WEBHOOK_SECRET", "problem", "404",
         "Set GUMROAD_WEBHOOK_SECRET")


@suite.case("a catalog without products of Gumroad")
def no_products(shop):
    with shop.selling({}):
        only(check(shop, status=FAILED), "catalog", "problem",
             "no sale gets a licence", "paydesk catalog apply FILE")


@suite.case("the templates of a shop's own are tried")
def own_templates(shop):
    directory = os.path.join(shop.directory, "own")
    os.mkdir(directory)
    for name in ("license.subject", "license.html", "license.txt"):
        with open(os.path.join(directory, name), "w") as file:
            file.write("Hello {{key}}\n" if name != "license.html"
                       else "{{product}}" * 4000 + "\n")
    found = check(shop, MAIL_TEMPLATES=directory)
    same(wrong(found), [])
    fine(found, "MAIL_TEMPLATES", "from the environment")


@suite.case("deliveries that could not be applied are a warning, until they "
            "are")
def waiting(shop):
    fields = sale(product_id="unknown==", permalink="unknown",
                  short_product_id="UNKNOWN")
    shop.ping(fields, status="logged-no-mint")
    only(check(shop), "deliveries", "warning", "1 could not be applied",
         "replay --failed")
    with open(shop.catalog) as file:
        catalog = json.load(file)
    catalog["gumroad"]["unknown=="] = {"tier": "late"}
    shop.apply(catalog)
    same(shop.tool("gumroad-webhook", "replay", "--failed").returncode, 0)
    same(wrong(check(shop)), [])


suite.main()
