#!/usr/bin/python3 -B
"""Every bit of a signed event, flipped once: refused, and nothing stored."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.desk import SECRET, WEBHOOK, Desk, in_threads
from harness.tap import Suite, same

THREADS = 4
TOGETHER = 32       # requests sent before their replies are read

suite = Suite(lambda: Desk(programs=["stripe-webhook"]))


def flips(data):
    """DATA with one bit changed, for every bit."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def small_event(desk):
    """Short, so that all of its bits can be tried, and one that would do
    something."""
    buyer = desk.buyer()
    event = buyer.customer_event("deleted")
    return stripe.json.dumps({k: event[k] for k in (
        "id", "object", "type", "created", "data")}).encode()


def post_all(desk, requests):
    """The different answers that the requests get, over few connections."""
    answers = [dict() for _ in range(THREADS)]

    def post(i):
        raw = desk.raw()
        mine = requests[i::THREADS]
        for start in range(0, len(mine), TOGETHER):
            some = mine[start:start + TOGETHER]
            raw.send(b"".join(some))
            for request in some:
                reply = raw.reply()
                answers[i].setdefault(
                    (reply.status, reply.json["error"]), request)
                if reply.headers.get("connection") == "close":
                    raw.close()
                    raw = desk.raw()
        raw.close()

    in_threads(THREADS, post)
    return {answer: request for some in answers
            for answer, request in some.items()}


def all_refused(desk, requests):
    with desk.nothing_stored():
        answers = post_all(desk, list(requests))
        same(sorted(answers), [(400, "invalid_signature")],
             "answers, with an example of each %r" % answers)


def request(body, header):
    return b"".join([
        b"POST ", WEBHOOK.encode(), b" HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: %d\r\nStripe-Signature: " % len(body),
        header, b"\r\n\r\n", body])


@suite.case("every bit of the body")
def body(desk):
    event = small_event(desk)
    header = stripe.sign(event, SECRET).encode()
    all_refused(desk, (request(flipped, header) for flipped in flips(event)))
    same(desk.post_event(event, header=header.decode()).json["status"],
         "applied")


@suite.case("every bit of the header: t, the scheme and the signature's hex")
def header(desk):
    event = small_event(desk)
    header = stripe.sign(event, SECRET).encode()
    all_refused(desk, (request(event, flipped) for flipped in flips(header)))
    same(desk.post_event(event, header=header.decode()).json["status"],
         "applied")


@suite.case("every shorter body and every shorter signature")
def cuts(desk):
    event = small_event(desk)
    header = stripe.sign(event, SECRET).encode()
    all_refused(desk, [request(event[:n], header)
                       for n in range(len(event))]
                + [request(event, header[:n]) for n in range(len(header))])
    same(desk.post_event(event, header=header.decode()).json["status"],
         "applied")


suite.main()
