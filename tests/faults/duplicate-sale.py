#!/usr/bin/python3 -B
"""One sale on many workers at the same moment: one licence, one mail."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.client import Client
from harness.desk import in_threads
from harness.gumroad import Shop, later, membership, sale
from harness.tap import Suite, same

WORKERS = 10
ROUNDS = 30

suite = Suite(lambda: Shop(workers=WORKERS))


def at_once(shop, *forms):
    """Every form in WORKERS threads, all released together; the replies."""
    replies = []
    barrier = threading.Barrier(WORKERS)

    def post(i):
        client = Client(shop.port)
        barrier.wait()
        replies.append(shop.post_form(forms[i % len(forms)], client=client))
        client.close()

    in_threads(WORKERS, post)
    same({r.status for r in replies}, {200})
    return [r.json for r in replies]


@suite.case("%d times %d deliveries of one sale: one is ok, the others are "
            "duplicates with its key" % (ROUNDS, WORKERS))
def duplicates(shop):
    for _ in range(ROUNDS):
        fields = sale()
        replies = at_once(shop, fields)
        row = shop.license(fields)
        same({r["license_key"] for r in replies}, {row["license_key"]})
        same(sorted(r["status"] for r in replies),
             ["duplicate"] * (WORKERS - 1) + ["ok"])
        same(len(shop.mails(row)), 1)
        same(len(shop.postmark.messages(row["email"])), 1)
        same(len(shop.audit(fields["sale_id"])), WORKERS)


@suite.case("sale and refund at the same moment end revoked")
def refunds(shop):
    for _ in range(ROUNDS):
        fields = sale()
        at_once(shop, fields, later(fields, "refund", refunded=True))
        same(shop.license(fields)["status"], "revoked")


@suite.case("ten charges of one membership at the same moment: one licence")
def renewals(shop):
    for _ in range(ROUNDS // 3):
        first = membership()
        charges = [first] + [membership(first["subscription_id"])
                             for _ in range(WORKERS - 1)]
        replies = at_once(shop, *charges)
        same({r["status"] for r in replies}, {"ok"})
        row = shop.member(first)
        same({r["license_key"] for r in replies}, {row["license_key"]})
        same(row["renewals"], WORKERS - 1)
        same(len(shop.mails(row)), 1)


suite.main()
