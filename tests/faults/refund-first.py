#!/usr/bin/python3 -B
"""The deliveries of many sales in random order, some twice, on several
workers: every licence ends as its facts say."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.client import Client
from harness.desk import in_threads
from harness.gumroad import Shop, later, sale
from harness.tap import Suite, same

SALES = 80
THREADS = 6

STORIES = [
    ([], "active"),
    (["refund"], "revoked"),
    (["dispute"], "revoked"),
    (["dispute", "dispute_won"], "active"),
    (["dispute", "dispute_won", "refund"], "revoked"),
    (["partial"], "active"),
]

suite = Suite(lambda: Shop(workers=4, durable=False))


def deliveries(fields, story):
    yield fields
    for step in story:
        if step == "partial":
            yield later(fields, "refund", refunded=False)
        else:
            yield later(fields, step, refunded=step == "refund")


@suite.case("%d sales and what followed, shuffled and partly twice" % SALES)
def shuffled(shop):
    chance = random.Random(os.urandom(8))
    sales, forms = [], []
    for _ in range(SALES):
        story, end = chance.choice(STORIES)
        fields = sale()
        sales.append((fields, story, end))
        told = list(deliveries(fields, story))
        forms += told + chance.sample(told, chance.randrange(len(told)))
    chance.shuffle(forms)

    def post(i):
        client = Client(shop.port)
        for form in forms[i::THREADS]:
            same(shop.post_form(form, client=client).status, 200)
        client.close()

    in_threads(THREADS, post)
    for fields, story, end in sales:
        row = shop.license(fields)
        same(row["status"], end, repr(story))
        mails = [m for m in shop.mails(row) if m["status"] == "sent"]
        if end == "active":
            same(len(mails), 1, repr(story))


suite.main()
