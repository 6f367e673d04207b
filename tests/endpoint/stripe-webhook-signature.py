#!/usr/bin/python3 -B
"""Stripe-Signature: what is accepted, what is refused, what stays secret."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import API_KEY, WEBHOOK, Desk
from harness.stripe import hmac_hex, sign
from harness.tap import Suite, same, true

OLD_SECRET = "whsec_beingRolledOut0000000000000"
NEW_SECRET = "whsec_takesItsPlace00000000000000"

suite = Suite(lambda: Desk(
    programs=["stripe-webhook", "fake-stripe"],
    environment={"STRIPE_WEBHOOK_SECRET": OLD_SECRET + " " + NEW_SECRET}))


def now():
    return int(time.time())


def v1(body, t=None, secret=NEW_SECRET):
    return hmac_hex(body, secret, now() if t is None else t)


def good(body):
    return sign(body, NEW_SECRET)


ACCEPTED = {
    "with the first secret": lambda b: sign(b, OLD_SECRET),
    "with the second secret": lambda b: sign(b, NEW_SECRET),
    "with a v1 of each secret": lambda b: "%s,v1=%s" % (
        good(b), v1(b, secret=OLD_SECRET)),
    "with an unknown secret's v1 first": lambda b: "t=%d,v1=%s,v1=%s" % (
        now(), v1(b, secret="whsec_other"), v1(b)),
    "with a wrong v1 after the right one": lambda b: "%s,v1=%s" % (
        good(b), "0" * 64),
    "with a v1 that is not hex": lambda b: "t=%d,v1=potato,v1=%s" % (
        now(), v1(b)),
    "with a v1 of 64 letters that are not hex":
        lambda b: "t=%d,v1=%s,v1=%s" % (now(), "z" * 64, v1(b)),
    "with a v1 that is too long": lambda b: "t=%d,v1=%s,v1=%s" % (
        now(), "a" * 65, v1(b)),
    "with a v0 beside it": lambda b: "%s,v0=%s" % (good(b), v1(b)),
    "with unknown keys": lambda b: "x=1,%s,v2=abc,y" % good(b),
    "with v1 before t": lambda b: "v1=%s,t=%d" % (v1(b), now()),
    "295 seconds old": lambda b: sign(b, NEW_SECRET, now() - 295),
    "295 seconds ahead": lambda b: sign(b, NEW_SECRET, now() + 295),
}

REFUSED = {
    "empty": lambda b: "",
    "a word": lambda b: "bad_header",
    "a sentence": lambda b: "I'm not even a real signature header",
    "keys without values": lambda b: "t,v1",
    "v1,t=1": lambda b: "v1,t=1",
    "t=": lambda b: "t=",
    "without t": lambda b: "v1=" + v1(b),
    "with an empty t": lambda b: "t=,v1=" + v1(b),
    "without v1": lambda b: "t=%d" % now(),
    "with an empty v1": lambda b: "t=%d,v1=" % now(),
    "v0 alone (a downgrade)": lambda b: "t=%d,v0=%s" % (now(), v1(b)),
    "with an upper-case scheme": lambda b: "t=%d,V1=%s" % (now(), v1(b)),
    "with an upper-case T": lambda b: "T=%d,v1=%s" % (now(), v1(b)),
    "of upper-case hex": lambda b: "t=%d,v1=%s" % (now(), v1(b).upper()),
    "with a blank after the comma": lambda b: "t=%d, v1=%s" % (now(), v1(b)),
    "with a blank around =": lambda b: "t=%d,v1= %s" % (now(), v1(b)),
    "of 63 digits": lambda b: "t=%d,v1=%s" % (now(), v1(b)[:63]),
    "of 65 digits": lambda b: "t=%d,v1=%s0" % (now(), v1(b)),
    "twice as long": lambda b: "t=%d,v1=%s%s" % (now(), v1(b), v1(b)),
    "the hex of another text": lambda b: "t=%d,v1=%s" % (
        now(), "deadbeef".encode().hex() * 4),
    "with another separator": lambda b: good(b).replace(",", ";"),
    "with t twice": lambda b: "t=%d,%s" % (now(), good(b)),
    "with another t first": lambda b: "t=1,%s" % good(b),
    "of another body": lambda b: good(b + b" "),
    "of the body without its last byte": lambda b: good(b[:-1]),
    "of another t": lambda b: "t=%d,v1=%s" % (now(), v1(b, now() - 1)),
    "with an unknown secret": lambda b: sign(b, "whsec_somebodyElse"),
    "with the secret without whsec_": lambda b: sign(
        b, NEW_SECRET[len("whsec_"):]),
    "with a blank after the secret": lambda b: sign(b, NEW_SECRET + " "),
    "with a newline after the secret": lambda b: sign(b, NEW_SECRET + "\n"),
    "with both secrets as one": lambda b: sign(
        b, OLD_SECRET + " " + NEW_SECRET),
    "with an empty secret": lambda b: sign(b, ""),
    "305 seconds old": lambda b: sign(b, NEW_SECRET, now() - 305),
    "305 seconds ahead": lambda b: sign(b, NEW_SECRET, now() + 305),
    "a year old": lambda b: sign(b, NEW_SECRET, now() - 365 * 86400),
    "a year ahead": lambda b: sign(b, NEW_SECRET, now() + 365 * 86400),
    "of t=0": lambda b: sign(b, NEW_SECRET, 0),
    "in milliseconds": lambda b: sign(b, NEW_SECRET, now() * 1000),
}

# A t that some library would read as now; signed over the text as written.
ODD_TIMES = ["0%d", "+%d", "-%d", " %d", "%d ", "%d.0", "%d.5", "%dabc",
             "%de0", "0x%x", "%d_0", "1%019d", "\u0661%d"]


def refuse(desk, body, header):
    with desk.nothing_stored():
        reply = desk.post_event(body, header=header)
        same((reply.status, reply.json["error"]), (400, "invalid_signature"))


@suite.each("a signature {how} is accepted",
            [{"how": how, "make": make} for how, make in ACCEPTED.items()])
def accepted(desk, how, make):
    body = stripe.encode(desk.buyer().created())
    reply = desk.post_event(body, header=make(body))
    same((reply.status, reply.json["status"]), (200, "applied"))


@suite.each("a signature {how} is refused and leaves no trace",
            [{"how": how, "make": make} for how, make in REFUSED.items()])
def refused(desk, how, make):
    body = stripe.encode(desk.buyer().created())
    refuse(desk, body, make(body))


@suite.each("t={odd!r} is refused even when it is what was signed", ODD_TIMES)
def odd_time(desk, odd):
    body = stripe.encode(desk.buyer().created())
    t = (odd % now()).encode().decode("latin-1")
    refuse(desk, body, "t=%s,v1=%s" % (t, hmac_hex(body, NEW_SECRET, t)))


@suite.case("without the header it is refused and leaves no trace")
def missing(desk):
    body = stripe.encode(desk.buyer().created())
    with desk.nothing_stored():
        reply = desk.request("POST", WEBHOOK, body)
        same((reply.status, reply.json["error"]), (400, "invalid_signature"))


@suite.each("the body is bytes: {change} breaks the signature", [
    {"change": "a newline more", "edit": lambda b: b + b"\n"},
    {"change": "CRLF for LF", "edit": lambda b: b.replace(b"\n", b"\r\n")},
    {"change": "one space less", "edit": lambda b: b.replace(b" ", b"", 1)},
    {"change": "another spelling of the same JSON",
     "edit": lambda b: b.replace(b'"id"', b'"\\u0069d"', 1)},
    {"change": "a NUL at the end", "edit": lambda b: b + b"\0"},
])
def body_is_bytes(desk, change, edit):
    body = stripe.encode(desk.buyer().created(), indent=2)
    header = good(body)
    true(edit(body) != body, "the edit changes nothing")
    refuse(desk, edit(body), header)
    same(desk.post_event(body, header=header).status, 200)


@suite.case("characters beyond ASCII are signed as the bytes they are")
def utf8(desk):
    buyer = desk.buyer()
    body = stripe.encode(buyer.created(metadata={
        "account": buyer.account, "note": "Zoë 日本 🎉"}))
    same(desk.post_event(body, header=good(body)).json["status"], "applied")


@suite.case("the reply says what was wrong, and not the expected signature")
def helpful(desk):
    body = stripe.encode(desk.buyer().created())
    reply = desk.post_event(body, header=sign(body, "whsec_wrong"))
    true(len(reply.json["detail"].split()) > 3, reply.json["detail"])
    true(v1(body) not in reply.body.decode(), "the signature is given away")
    true("whsec" not in reply.body.decode(), "a secret is given away")


@suite.case("no log holds a secret, a signature, a key or an address")
def quiet_logs(desk):
    buyer = desk.buyer()
    event = buyer.checkout(customer_email="private.person@example.org")
    body = stripe.encode(event)
    headers = [good(body), sign(body, "whsec_unknown"), "v1=" + v1(body)]
    for header in headers:
        desk.post_event(body, header=header)
    for path in desk.log_files():
        with open(path, errors="replace") as file:
            said = file.read()
        for secret in [OLD_SECRET, NEW_SECRET, API_KEY, v1(body), buyer.email,
                       "private.person"] + [h.split("v1=")[1]
                                            for h in headers]:
            true(secret not in said, "%s holds %s" % (path, secret))


suite.main()
