#!/usr/bin/python3 -B
"""Whatever is sent: a clear answer, nothing half done, never a crash or a
hang."""

import contextlib
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.client import request_bytes
from harness.desk import SECRET, WEBHOOK, Desk
from harness.tap import Suite, has, same, true

SLOW_CLIENTS = 40
TIME_MAX = 253402300799     # the end of the year 9999
MUTANTS = 600

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


def with_object(buyer, **fields):
    """A subscription event, the object's fields replaced; `...` removes."""
    event = buyer.created()
    obj = event["data"]["object"]
    for name, value in fields.items():
        if value is ...:
            del obj[name]
        else:
            obj[name] = value
    return event


def is_handler_error(desk, buyer, event):
    """Correctly signed and yet unusable: audited, and nothing else."""
    desk.deliver(event, answer="handler_error")
    has(desk.ledger(event), outcome="handler_error", processed_at=None)
    true(desk.ledger(event)["error"], "no reason on the ledger row")
    same(len(desk.failures(event)), 1, "failures recorded")
    same(desk.subscription_of(buyer), None, "subscription")
    has(desk.account_of(buyer), tier="free")


def clear(reply):
    """A reply that is no crash: 200 or 4xx, and JSON."""
    true(reply.status == 200 or 400 <= reply.status < 500, repr(reply))
    true(isinstance(reply.json, dict), repr(reply))


# --------------------------------------------------------- malformed objects

MALFORMED = {
    "no data": lambda b: {**b.created(), "data": None},
    "data that is a list": lambda b: {**b.created(), "data": []},
    "data that is a string": lambda b: {**b.created(), "data": "x"},
    "no object": lambda b: {**b.created(), "data": {}},
    "object null": lambda b: {**b.created(), "data": {"object": None}},
    "an object that is a string":
        lambda b: {**b.created(), "data": {"object": "sub_1"}},
    "an object that is a list":
        lambda b: {**b.created(), "data": {"object": [1]}},
    "an empty object": lambda b: {**b.created(), "data": {"object": {}}},
    "no subscription id": lambda b: with_object(b, id=...),
    "subscription id null": lambda b: with_object(b, id=None),
    "an empty subscription id": lambda b: with_object(b, id=""),
    "a subscription id that is a number": lambda b: with_object(b, id=7),
    "no status": lambda b: with_object(b, status=...),
    "an empty status": lambda b: with_object(b, status=""),
    "a status that is a number": lambda b: with_object(b, status=1),
    "a customer that is a number": lambda b: with_object(b, customer=42),
    "a customer that is a list": lambda b: with_object(b, customer=[]),
    "a customer object without an id":
        lambda b: with_object(b, customer={"object": "customer"}),
    "cancel_at_period_end that is a string":
        lambda b: with_object(b, cancel_at_period_end="true"),
    "a quantity that is negative":
        lambda b: b.created(quantity=-1),
    "a quantity beyond 32 bits": lambda b: b.created(quantity=2 ** 31),
    "a quantity beyond 64 bits": lambda b: b.created(quantity=2 ** 64),
    "a quantity with a fraction": lambda b: b.created(quantity=1.5),
    "a quantity that is a string": lambda b: b.created(quantity="3"),
}

BAD_TIMES = {
    "negative": -1, "beyond the year 9999": TIME_MAX + 1,
    "beyond 64 bits": 2 ** 63, "far beyond": 10 ** 30, "a fraction": 1.5,
    "a string": "1795208721", "true": True, "a list": [],
}

BAD_TIMES_OF = {
    "created": lambda b, t: {**b.created(), "created": t},
    "trial_end": lambda b, t: with_object(b, trial_end=t),
    "current_period_end of an item": lambda b, t: b.created(end=t),
    "current_period_start of an item": lambda b, t: b.created(start=t),
}


@suite.each("a signed subscription event with {what} is a handler_error",
            [{"what": what, "make": make}
             for what, make in MALFORMED.items()])
def malformed(desk, what, make):
    buyer = desk.buyer()
    is_handler_error(desk, buyer, make(buyer))


@suite.each("{field} that is {what} is a handler_error", [
    {"field": field, "make": make, "what": what, "value": value}
    for field, make in BAD_TIMES_OF.items()
    for what, value in BAD_TIMES.items()])
def bad_time(desk, field, make, what, value):
    buyer = desk.buyer()
    is_handler_error(desk, buyer, make(buyer, value))


@suite.case("the first and the last second that can be are accepted")
def extreme_times(desk):
    for start, end in ((0, 1), (1, TIME_MAX)):
        buyer = desk.buyer()
        desk.deliver(buyer.created(start=start, end=end, trial_end=end))


@suite.each("a malformed {type} is a handler_error too", [
    "checkout.session.completed", "invoice.paid", "invoice.payment_failed",
    "customer.deleted"])
def malformed_others(desk, type):
    for obj in (None, "x", [], {"customer": 5, "id": 5}):
        event = stripe.event(type, obj)
        desk.deliver(event, answer="handler_error")
        has(desk.ledger(event), outcome="handler_error", type=type)


@suite.case("an event without a type, or with a strange one, does no harm")
def strange_type(desk):
    for type in (None, 5, "", [], "x" * 5000, "customer.subscription",
                 "customer.subscription.updated\n", "\u0000", "é" * 300):
        clear(desk.post_event({**desk.buyer().created(), "type": type}))


# --------------------------------------------------------------- odd JSON

UNREADABLE = {
    "a NUL byte": b'{"id": "evt_1", "x": "\0"}',
    "a NUL byte after it": b'{"id": "evt_1"}\0',
    "NUL bytes alone": b"\0\0\0\0",
    "a stray continuation byte": b'{"id": "evt_1", "x": "\x80"}',
    "a cut UTF-8 sequence": b'{"id": "evt_1", "x": "\xc3"}',
    "an overlong UTF-8 sequence": b'{"id": "evt_1", "x": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"id": "evt_1", "x": "\xed\xa0\x80"}',
    "a character beyond Unicode": b'{"id": "evt_1", "x": "\xf5\x80\x80\x80"}',
    "invalid UTF-8 in a name": b'{"id": "evt_1", "\xff": 1}',
    "Latin-1": '{"id": "evt_1", "x": "é"}'.encode("latin-1"),
    "UTF-16": '{"id": "evt_1"}'.encode("utf-16"),
    "10,000 nested arrays": b'{"id": "evt_1", "x": ' + b"[" * 10_000
                            + b"]" * 10_000 + b"}",
    "10,000 nested objects": b'{"id":"evt_1","x":' + b'{"a":' * 10_000
                             + b"1" + b"}" * 10_000 + b"}",
    "100,000 arrays never closed": b"[" * 100_000,
    "a raw newline in a string": b'{"id": "evt_1", "x": "\n"}',
    "single quotes": b"{'id': 'evt_1'}",
    "a comment": b'{"id": "evt_1" /* no */}',
    "a trailing comma": b'{"id": "evt_1",}',
    "a NaN": b'{"id": "evt_1", "x": NaN}',
    "an unknown escape": b'{"id": "evt_1", "x": "\\q"}',
    "an id with a NUL": b'{"id": "evt_1\\u0000", "type": "x"}',
    "an id with a newline": b'{"id": "evt_1\\n", "type": "x"}',
    "an id of 10,000 characters": b'{"id": "evt_' + b"1" * 10_000 + b'"}',
}


@suite.each("a signed body with {what} is 400 invalid_payload", [
    {"what": what, "body": body} for what, body in UNREADABLE.items()])
def unreadable(desk, what, body):
    with desk.nothing_stored():
        reply = desk.post_event(body)
        same((reply.status, reply.json["error"]), (400, "invalid_payload"))


SPELLED = {
    "a NUL escape in metadata": b'"metadata": {"account": "a\\u0000b"}',
    "a NUL escape in an id": b'"customer": "cus_\\u0000"',
    "a NUL escape in a name": b'"a\\u0000b": 1',
    "a lone surrogate escape": b'"metadata": {"account": "\\ud800"}',
    "a number with an enormous exponent": b'"trial_end": 1e999999',
    "a number of 5,000 digits": b'"trial_end": ' + b"9" * 5000,
    "minus zero": b'"trial_end": -0',
    "a customer of 200,000 characters":
        b'"customer": "' + b"c" * 200_000 + b'"',
    "metadata of 200,000 characters":
        b'"metadata": {"account": "' + b"m" * 200_000 + b'"}',
    "20,000 members": b'"x": {' + b",".join(
        b'"%d":1' % i for i in range(20_000)) + b"}",
    "20,000 items": b'"items": {"data": [' + b",".join(
        [b"{}"] * 20_000) + b"]}",
    "items that are a string": b'"items": "x"',
    "items of numbers": b'"items": {"data": [1, 2, null, "x", []]}',
    "items nested in items": b'"items": {"data": {"data": []}}',
    "metadata that is a list": b'"metadata": ["account"]',
    "metadata of numbers": b'"metadata": {"account": 5, "plan": {}}',
}


@suite.each("a signed event with {what} has a clear answer, and the next one"
            " is served", [
    {"what": what, "member": member} for what, member in SPELLED.items()])
def spelled(desk, what, member):
    buyer = desk.buyer()
    body = stripe.encode(buyer.created())
    mark = b'"object": "subscription",'
    true(mark in body, "the builder has changed")
    clear(desk.post_event(body.replace(mark, mark + member + b",")))
    desk.deliver(buyer.updated(at=100))


@suite.case("of duplicate keys one counts, the same one each time")
def duplicate_keys(desk):
    seen = set()
    for _ in range(3):
        buyer = desk.buyer()
        event = stripe.encode(buyer.created()).replace(
            b'"status": "active"', b'"status": "active", "status": "paused"')
        reply = desk.post_event(event)
        clear(reply)
        row = desk.subscription_of(buyer)
        seen.add((reply.status, row and row["status"]))
    same(len(seen), 1, "ways to read it")


@suite.case("%d events with random damage have clear answers" % MUTANTS)
def mutants(desk):
    chance = random.Random(20261120)
    body = stripe.encode(desk.buyer().created())
    pieces = [b"null", b"[", b"{", b'"', b"-1", b"1e308", b"\\u0000", b"true",
              b"\xf0\x9f", b"99999999999999999999", b",", b":", b"}", b""]
    for _ in range(MUTANTS):
        damaged = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(damaged))
            damaged[at:at + chance.randrange(9)] = chance.choice(pieces)
        clear(desk.post_event(bytes(damaged)))


# --------------------------------------------------------------- odd HTTP

def exchange(desk, *parts, half_close=False, timeout=20):
    """Send the parts; the reply, or None when the server just closes."""
    raw = desk.raw(timeout)
    with contextlib.closing(raw):
        try:
            for part in parts:
                raw.send(part)
            if half_close:
                raw.half_close()
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            return raw.reply()
        except (EOFError, ConnectionResetError):
            return None


def signed(desk):
    body = stripe.encode(desk.buyer().created())
    return body, stripe.sign(body, SECRET)


@suite.each("a Content-Length that is {how} changes nothing", [
    {"how": "shorter than the body", "claim": lambda n: n - 10},
    {"how": "longer than the body", "claim": lambda n: n + 10},
    {"how": "zero", "claim": lambda n: 0},
    {"how": "negative", "claim": lambda n: -1},
    {"how": "a word", "claim": lambda n: "many"},
    {"how": "in hexadecimal", "claim": lambda n: hex(n)},
    {"how": "beyond 64 bits", "claim": lambda n: 2 ** 65},
    {"how": "a terabyte", "claim": lambda n: 10 ** 12},
    {"how": "missing", "claim": lambda n: None},
])
def content_length(desk, how, claim):
    desk.expect_log("client intended to send too large body")
    body, header = signed(desk)
    with desk.nothing_stored():
        reply = exchange(desk, request_bytes(
            "POST", WEBHOOK, body, Stripe_Signature=header,
            Content_Length=claim(len(body))), half_close=True)
        if reply:
            true(400 <= reply.status < 500, repr(reply))
    desk.deliver(desk.buyer().created())


@suite.case("a body in chunks is read like any other")
def chunked(desk):
    body, header = signed(desk)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 100]),
                                         body[i:i + 100])
                      for i in range(0, len(body), 100)) + b"0\r\n\r\n"
    reply = exchange(desk, request_bytes(
        "POST", WEBHOOK, Stripe_Signature=header, Content_Length=None,
        Transfer_Encoding="chunked") + chunks)
    same((reply.status, reply.json["status"]), (200, "applied"))


@suite.case("Expect: 100-continue is answered")
def expect_continue(desk):
    body, header = signed(desk)
    raw = desk.raw()
    with contextlib.closing(raw):
        raw.send(request_bytes("POST", WEBHOOK, Stripe_Signature=header,
                               Content_Length=len(body),
                               Expect="100-continue"))
        same(raw.reply().status, 100)
        raw.send(body)
        same(raw.reply().json["status"], "applied")


@suite.each("{what} is a 4xx", [
    {"what": what, "request": request} for what, request in [
        ("a header of 1 MB", request_bytes(
            "POST", WEBHOOK, b"{}", Stripe_Signature="x" * 1_000_000)),
        ("a header of 30 KB", request_bytes(
            "POST", WEBHOOK, b"{}", Stripe_Signature="t=1," * 7500)),
        ("a URL of 100 KB", request_bytes("POST", WEBHOOK + "?" + "x" * 10
                                          ** 5, b"{}")),
        ("5,000 headers", request_bytes("POST", WEBHOOK, b"{}", **{
            "X_%d" % i: "y" * 20 for i in range(5000)})),
        ("a header with a NUL", request_bytes(
            "POST", WEBHOOK, b"{}", Stripe_Signature="t=1\0,v1=x")),
        ("a request that is no HTTP", b"GIVE ME ROWS\r\n\r\n"),
        ("a TLS handshake", bytes.fromhex("16030100a501") + b"\0" * 200),
    ]])
def bad_request(desk, what, request):
    desk.expect_log("client sent")
    with desk.nothing_stored():
        reply = exchange(desk, request)
        if reply:
            true(400 <= reply.status < 500, repr(reply))
    desk.deliver(desk.buyer().created())


@suite.case("many v1 in one header do no harm")
def many_signatures(desk):
    body, header = signed(desk)
    many = header + ",v1=" + ",v1=".join(["0" * 64] * 50)
    same(desk.post_event(body, header=many).json["status"], "applied")


@suite.case("%d clients that send half a request and wait hold up nobody"
            % SLOW_CLIENTS)
def slow_clients(desk):
    body, header = signed(desk)
    request = request_bytes("POST", WEBHOOK, body, Stripe_Signature=header)
    slow = [desk.raw() for _ in range(SLOW_CLIENTS)]
    try:
        for i, raw in enumerate(slow):
            raw.send(request[:20 + i * 7])
        started = time.monotonic()
        for _ in range(20):
            desk.deliver(desk.buyer().created())
        took = time.monotonic() - started
        true(took < 5, "20 events took %.1f s" % took)
    finally:
        for raw in slow:
            raw.close()


@suite.case("clients that go away before the answer do no harm")
def impatient_clients(desk):
    buyers = [desk.buyer() for _ in range(20)]
    for buyer in buyers:
        body = stripe.encode(buyer.created())
        raw = desk.raw()
        raw.send(request_bytes("POST", WEBHOOK, body,
                               Stripe_Signature=stripe.sign(body, SECRET)))
        raw.close()
    for buyer in buyers:
        desk.deliver(buyer.updated(at=90))
        has(desk.subscription_of(buyer), status="active")


@suite.case("requests sent without waiting for answers are answered in turn")
def pipelined(desk):
    buyers = [desk.buyer() for _ in range(5)]
    raw = desk.raw()
    with contextlib.closing(raw):
        for buyer in buyers:
            body = stripe.encode(buyer.created())
            raw.send(request_bytes(
                "POST", WEBHOOK, body,
                Stripe_Signature=stripe.sign(body, SECRET)))
        same([raw.reply().json["status"] for _ in buyers],
             ["applied"] * len(buyers))


@suite.case("error replies of nginx itself are JSON too")
def nginx_errors(desk):
    for reply in (desk.request("POST", "/nowhere", b"{}"),
                  desk.request("GET", "/" + "x" * 20_000)):
        true(400 <= reply.status < 500, repr(reply))
        same(sorted(json.loads(reply.body)), ["detail", "error"])


suite.main()
