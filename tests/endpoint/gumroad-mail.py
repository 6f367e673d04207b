#!/usr/bin/python3 -B
"""The licence's mail through Postmark: what it says, and what becomes of it."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.gumroad import Shop, later, sale
from harness.tap import Suite, has, same, true

suite = Suite(lambda: Shop())


@suite.case("the mail has the key and the signed licence, as text and as HTML")
def sent(shop):
    shop.postmark.answer("ok")
    row = shop.sell()
    message = shop.postmark.messages(row["email"])[0]
    has(message, From='"Jörg\'s Shop" <shop@example.org>',
        To='"Ada Lovelace" <%s>' % row["email"],
        Subject="Your licence for Pencil Kit", MessageStream="outbound")
    for part in ("TextBody", "HtmlBody"):
        true(row["license_key"] in message[part], message[part])
        true(row["blob"] in message[part], message[part])
    mail = shop.mails(row)[0]
    has(mail, status="sent", attempts=1, error=None, kind="license",
        provider_message_id=message["MessageID"], to_email=row["email"])
    true(mail["sent_at"], "no sent_at")
    headers = {h["Name"]: h["Value"] for h in message["Headers"]}
    same(headers["Message-ID"], "<%s@example.org>" % mail["token"])


@suite.case("the buyer's words are escaped, and end no header")
def hostile(shop):
    row = shop.sell(full_name='<b>"Bobby"\r\nBcc: x@y.example',
                    product_name="Käse & <i>Brot</i>\nSubject: x {{blob}}")
    message = shop.postmark.messages(row["email"])[0]
    true("\n" not in message["Subject"] + message["To"], repr(message))
    true("&lt;b&gt;&quot;Bobby&quot;" in message["HtmlBody"],
         message["HtmlBody"])
    true("<i>" not in message["HtmlBody"], message["HtmlBody"])
    true("Käse &amp; &lt;i&gt;" in message["HtmlBody"], message["HtmlBody"])
    true("{{blob}}" in message["TextBody"], "read as a template")
    same(message["Subject"],
         "Your licence for Käse & <i>Brot</i> Subject: x {{blob}}")


REFUSED = [
    ("401", "failed", False, "The Server Token you provided"),
    ("300", "failed", False, "Invalid 'To' address"),
    ("406", "failed", True, "Found inactive addresses"),
    ("429", "queued", False, "Rate limit exceeded"),
    ("503", "queued", False, "Maintenance"),
    ("junk", "queued", False, "status 503"),
    ("cut", "queued", False, "Postmark: "),
]


@suite.each("{answer}: minted-email-failed; the mail is {status}, in the "
            "provider's words",
            [{"answer": a, "status": s, "inactive": i, "words": w}
             for a, s, i, w in REFUSED])
def refused(shop, answer, status, inactive, words):
    shop.postmark.answer(answer)
    row = shop.sell(status="minted-email-failed")
    mail = shop.mails(row)[0]
    has(mail, status=status, attempts=1, recipient_inactive=inactive,
        sent_at=None, unsure=answer == "cut")
    true(words in mail["error"], mail["error"])
    count = shop.postmark.count()
    shop.deliver_mail()
    same(shop.postmark.count(), count, "tried again at once")
    if status == "failed":
        shop.deliver_mail("--now")
        same(shop.postmark.count(), count, "tried again although it failed")
        return
    shop.postmark.answer("ok")
    shop.deliver_mail("--now")
    mail = shop.mails(row)[0]
    has(mail, status="sent", attempts=2)
    same("may arrive twice" in (mail["error"] or ""), answer == "cut")


@suite.case("the next attempts come at growing distances, and end some time")
def backoff(shop):
    shop.postmark.answer("503")
    row = shop.sell(status="minted-email-failed")
    pauses = []
    for attempt in range(2, 22):
        pauses.append(shop.value(
            """SELECT extract(epoch FROM next_attempt_at - now())::float
               FROM billing.emails WHERE license_id = %s""", row["id"]))
        shop.deliver_mail("--now", status=1)
        mail = shop.mails(row)[0]
        if mail["status"] == "failed":
            break
    same((mail["status"], mail["attempts"]), ("failed", 20))
    true(10 < pauses[0] < 20, pauses)
    for a, b in zip(pauses[:9], pauses[1:9]):
        true(1.5 * a < b < 2.6 * a, pauses)
    true(max(pauses) < 16000, pauses)


@suite.case("deliver --failed sends what a wrong token had refused, but not "
            "to a dead address")
def failed_again(shop):
    shop.postmark.answer("401", "406", "ok")
    wrong_token = shop.sell(status="minted-email-failed")
    dead = shop.sell(status="minted-email-failed")
    shop.deliver_mail("--failed")
    same(shop.mails(wrong_token)[0]["status"], "sent")
    same(shop.mails(dead)[0]["status"], "failed")


@suite.case("a mail that waits is not sent once the licence is revoked")
def revoked(shop):
    shop.postmark.answer("503", "ok")
    fields = sale()
    row = shop.sell(fields, status="minted-email-failed")
    shop.ping(later(fields, "refund", refunded=True), status="revoked")
    shop.deliver_mail("--now")
    same(shop.postmark.messages(row["email"]), [])
    same(shop.mails(row)[0]["error"], "not sent: the licence was revoked")


@suite.case("a template with an unknown name stops the start, and says where")
def bad_template(shop):
    directory = os.path.join(shop.directory, "mail")
    os.mkdir(directory)
    for name in ("license.subject", "license.html", "license.txt"):
        with open(os.path.join(directory, name), "w") as file:
            file.write("Hello\n{{key}} {{licence}}\n")
    done = shop.tool("gumroad-webhook", "check", MAIL_TEMPLATES=directory)
    same(done.returncode, 78)
    true(re.search(rb"license.subject, line 2: .*\{\{licence\}\}",
                   done.stderr), done.stderr)


@suite.case("a shop's own templates are used")
def own_template(shop):
    directory = os.path.join(shop.directory, "own")
    os.mkdir(directory)
    for name, text in (("subject", "Lizenz für {{product}}\n"),
                       ("txt", "{{name}}: {{key}}\n"),
                       ("html", "<p>{{name}}: {{key}}</p>\n")):
        with open(os.path.join(directory, "license." + name), "w") as file:
            file.write(text)
    row = shop.sell()
    done = shop.tool("license", "resend", row["license_key"], owner=True,
                     MAIL_TEMPLATES=directory)
    same(done.returncode, 0, done.stderr)
    has(shop.mails(row)[1], subject="Lizenz für Pencil Kit",
        body_text="Ada Lovelace: %s\n" % row["license_key"], kind="resend")


@suite.each("{what} stops the start with a sentence that names it", [
    {"what": "a provider without EMAIL_FROM",
     "changes": {"EMAIL_FROM": None}, "name": b"EMAIL_FROM"},
    {"what": "a sender that is no address",
     "changes": {"EMAIL_FROM": "shop"}, "name": b"EMAIL_FROM"},
    {"what": "a missing signing key",
     "changes": {"LICENSE_SIGNING_KEY": None}, "name": b"LICENSE_SIGNING_KEY"},
    {"what": "a signing key that is none", "name": b"LICENSE_SIGNING_KEY",
     "changes": {"LICENSE_SIGNING_KEY": "/etc/passwd"}}])
def settings(shop, what, changes, name):
    done = shop.tool("gumroad-webhook", "check", **changes)
    same(done.returncode, 78, done.stderr)
    true(name in done.stderr, done.stderr)


@suite.case("a provider that hangs costs one sale 2 s, and the next none")
def hanging(shop):
    shop.postmark.answer("slow")
    took = []
    for _ in range(8):
        began = time.monotonic()
        shop.sell(status="minted-email-failed")
        took.append(time.monotonic() - began)
    true(max(took) < 3, took)
    true(sorted(took)[3] < 0.5, took)
    true(sum(t > 0.5 for t in took) <= shop.workers, took)


suite.main()
