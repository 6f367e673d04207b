#!/usr/bin/python3 -B
"""Who does not know the secret learns nothing; who does is recorded first."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.client import request_bytes
from harness.gumroad import PATH, SECRETS, Shop, encode, sale
from harness.tap import Suite, has, same, true

suite = Suite(Shop)

WRONG = ["", "?", "?secret", "?secret=", "?secret=wrong", "?Secret=" +
         SECRETS[0], "?secret=" + SECRETS[0] + "x", "?secret=" +
         SECRETS[0][:-1], "?secret=wrong&secret=" + SECRETS[0],
         "?secret=" + "x" * 4000, "?secret=%00" + SECRETS[0]]


def raw(shop, method, path, body):
    """A reply as it came over the wire, without its date."""
    client = shop.raw()
    with contextlib.closing(client.socket):
        with contextlib.suppress(ConnectionError):
            client.send(request_bytes(method, path, body, Connection="close"))
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.socket.recv(65536):
                answer += piece
    true(answer, "there was no answer")
    return b"\r\n".join(line for line in answer.split(b"\r\n")
                        if not line.startswith(b"Date:"))


@suite.each("{method} with {size} bytes and no right secret is byte for byte "
            "the reply of an unknown path", [
                {"method": m, "size": s} for m, s in (
                    ("POST", 0), ("POST", 100), ("POST", 16384),
                    ("POST", 16385), ("POST", 100000), ("POST", 300000),
                    ("GET", 0), ("PUT", 10), ("DELETE", 0), ("HEAD", 0))])
def hidden(shop, method, size):
    shop.expect_log("client intended to send too large body")
    before = shop.shop_books()
    unknown = raw(shop, method, "/webhooks/unknown", b"x" * size)
    true(unknown.startswith(b"HTTP/1.1 404" if size < 16385 else
                            b"HTTP/1.1 413"), unknown)
    for query in WRONG:
        same(raw(shop, method, PATH + query, b"x" * size), unknown, query)
    same(shop.shop_books(), before)


@suite.each("the {which} secret is accepted", ["first", "second"])
def accepted(shop, which):
    secret = SECRETS[which == "second"]
    same(shop.post_form(sale(), secret).json["status"], "ok")


@suite.case("with the secret another method is 405 and says which")
def method(shop):
    reply = shop.request("GET", PATH + "?secret=" + SECRETS[0])
    same((reply.status, reply.headers["allow"]), (405, "POST"))


@suite.case("the audit row is there although nothing else could be done")
def recorded_first(shop):
    fields = sale()
    with shop.failing("57014", "licenses"):
        same(shop.post_form(fields).status, 503)
    row = shop.last_audit()
    has(row, payload=encode(fields), processed=False, license_id=None)
    true(row["retry_at"], "nobody would take it up again")
    shop.sql("UPDATE billing.gumroad_events SET retry_at = now() "
             "WHERE id = %s", row["id"])
    shop.deliver_mail()
    has(shop.license(fields), status="active")
    has(shop.audit(fields["sale_id"])[0], processed=True, outcome="ok")


suite.main()
