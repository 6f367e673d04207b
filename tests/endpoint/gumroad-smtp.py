#!/usr/bin/python3 -B
"""The licence's mail through a real SMTP server, Exim."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.exim import PASSWORD, USER, Exim
from harness.gumroad import Shop
from harness.tap import Suite, has, same, true

SENDER = "Käse & Brot, \"GmbH\" <shop@example.org>"


class SmtpShop(Shop):
    def __init__(self):
        self.exim = Exim()
        self.guarded = Exim(guarded=True)
        super().__init__(mail=None, environment={
            "EMAIL_FROM": SENDER,
            "SMTP_URL": "smtp://127.0.0.1:%d" % self.exim.port,
            "SMTP_CA_FILE": self.exim.ca})

    def close(self):
        try:
            super().close()
        finally:
            self.exim.close()
            self.guarded.close()

    def send_by(self, url, row, **changes):
        """Mail a licence once more, through another server."""
        self.tool("license", "resend", row["license_key"], owner=True)
        done = self.tool("gumroad-webhook", "deliver", SMTP_URL=url, **changes)
        return done, self.mails(row)[-1]


suite = Suite(SmtpShop)


@suite.case("a mail arrives whole: addresses, subject and both parts in UTF-8")
def whole(shop):
    row = shop.sell(
        full_name="Zoë \"Löwe\" <x@y.example>\r\nBcc: z@y.example",
        product_name="Grüße aus der Käserei, eine sehr lange Reise durch "
                     "viele Länder – 日本語も")
    message = shop.exim.messages(1)[-1]
    same(message["Return-Path"], "<shop@example.org>")
    same(message["Envelope-To"] or message["envelope-to"], row["email"])
    same(message["Bcc"], None)
    sender, = message["From"].addresses
    same((sender.display_name, sender.addr_spec),
         ("Käse & Brot, \"GmbH", "shop@example.org"))
    receiver, = message["To"].addresses
    same(receiver.addr_spec, row["email"])
    true(receiver.display_name.startswith("Zoë \"Löwe\" <x@y.example>"),
         receiver.display_name)
    same(message["Subject"], "Your licence for " + row["product_name"])
    same(message["Message-ID"],
         "<%s@example.org>" % shop.mails(row)[0]["token"])
    same(message["Auto-Submitted"], "auto-generated")
    text, html = message.iter_parts()
    same((text.get_content_type(), html.get_content_type()),
         ("text/plain", "text/html"))
    same(text.get_content().replace("\r\n", "\n").rstrip("\n"),
         shop.mails(row)[0]["body_text"].rstrip("\n"))
    true(row["blob"] in html.get_content(), html.get_content())
    has(shop.mails(row)[0], status="sent", attempts=1,
        provider_message_id=message["Message-ID"].strip("<>"))


@suite.case("the connection was encrypted by STARTTLS")
def encrypted(shop):
    shop.sell()
    received = " ".join(shop.exim.messages(2)[-1]["Received"].split())
    true("with esmtps" in received, received)


@suite.case("no line is longer than 78 columns, none begins with a dot")
def lines(shop):
    row = shop.sell(product_name=".\n" + "long " * 150 + "x" * 200)
    shop.exim.messages(3)
    newest = max(os.scandir(shop.exim.directory + "/mail/new"),
                 key=lambda p: p.stat().st_mtime_ns).path
    with open(newest, "rb") as file:
        head, _, body = file.read().partition(b"Subject:")
    for line in (b"Subject:" + body).split(b"\n"):
        true(len(line) <= 78 and not line.startswith(b"."), line)
    true(row["license_key"], "no key")


@suite.case("a recipient whom the server does not know fails for good, in its "
            "words")
def unknown(shop):
    row = shop.sell(email="unknown@example.org", status="minted-email-failed")
    mail = shop.mails(row)[0]
    has(mail, status="failed")
    true("There is nobody of that name" in mail["error"], mail["error"])


@suite.case("a server that says later is asked later")
def busy(shop):
    row = shop.sell(email="busy@example.org", status="minted-email-failed")
    mail = shop.mails(row)[0]
    has(mail, status="queued", attempts=1, unsure=False)
    true("Try again later" in mail["error"], mail["error"])


@suite.case("with a user and a password it logs in")
def login(shop):
    row = shop.sell()
    done, mail = shop.send_by(
        "smtp://%s:%s@127.0.0.1:%d" % (USER, PASSWORD, shop.guarded.port),
        row, SMTP_CA_FILE=shop.guarded.ca)
    same(done.returncode, 0, repr(mail["error"]))
    has(mail, status="sent")
    received = " ".join(shop.guarded.messages(1)[0]["Received"].split())
    true("with esmtpsa" in received, received)


@suite.case("a wrong password fails for good, as a wrong token does")
def wrong_password(shop):
    row = shop.sell()
    done, mail = shop.send_by(
        "smtp://%s:wrong@127.0.0.1:%d" % (USER, shop.guarded.port), row,
        SMTP_CA_FILE=shop.guarded.ca)
    same(done.returncode, 1)
    has(mail, status="failed")
    true("wrong" not in mail["error"], mail["error"])


@suite.case("a certificate that nobody vouches for is not accepted")
def stranger(shop):
    row = shop.sell()
    done, mail = shop.send_by(
        "smtp://%s:%s@127.0.0.1:%d" % (USER, PASSWORD, shop.guarded.port),
        row, SMTP_CA_FILE=shop.exim.ca)
    same(done.returncode, 1)
    has(mail, status="queued", unsure=False)
    true("certificate" in mail["error"], mail["error"])


@suite.case("no server at all: the mail waits")
def nobody(shop):
    row = shop.sell()
    done, mail = shop.send_by("smtp://127.0.0.1:9", row)
    same(done.returncode, 1)
    has(mail, status="queued", unsure=False)


suite.main()
