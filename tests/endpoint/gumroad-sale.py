#!/usr/bin/python3 -B
"""A sale becomes a licence: replies, columns, what the form may look like."""

import base64
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness.gumroad import SECRETS, Shop, encode, membership, sale
from harness.tap import Suite, has, same, true

KEY = re.compile(r"DT1-[A-Z]+(-[0-9A-HJKMNP-TV-Z]{5}){3}$")

suite = Suite(Shop)


@suite.case("a sale is answered ok, with the key of a licence as it was sold")
def sold(shop):
    fields = sale(email="ada@example.org")
    reply = shop.ping(fields, status="ok")
    true(KEY.match(reply["license_key"]), reply["license_key"])
    has(shop.license(fields), license_key=reply["license_key"],
        source="gumroad", source_order_id=fields["sale_id"],
        email="ada@example.org", name="Ada Lovelace", tier="core",
        product_id="core-id==", amount_cents=900, currency="eur",
        offer_code="spring", test=False, status="active", revoked_at=None)
    has(shop.audit(fields["sale_id"])[0], resource="sale", processed=True,
        error=None, outcome="ok", license_id=shop.license(fields)["id"],
        payload=encode(fields))


@suite.case("the signed licence says what the licence is")
def blob(shop):
    row = shop.sell()
    true(row["blob"].startswith("DTLIC2:"), row["blob"])
    payload = row["blob"][len("DTLIC2:"):].split(".")[0]
    payload = json.loads(base64.urlsafe_b64decode(
        payload + "=" * (-len(payload) % 4)))
    has(payload, key=row["license_key"], tier="core", product="core-id==",
        email=row["email"])
    same(sorted(payload), ["email", "issued", "key", "kid", "product", "tier"])


@suite.case("the same sale again is a duplicate with the same key, one mail")
def duplicate(shop):
    fields = sale()
    row = shop.sell(fields)
    for retry in ({}, {"retry_count": 1}):
        shop.ping({**fields, **retry}, status="duplicate",
                  license_key=row["license_key"])
    same(len(shop.mails(row)), 1)
    same(len(shop.audit(fields["sale_id"])), 3)


@suite.case("without resource_name it is a sale")
def no_resource(shop):
    shop.sell(sale(resource_name=None))


@suite.each("a product is found by {how}", [
    {"how": "product_id", "changes": {}, "tier": "core"},
    {"how": "permalink", "tier": "pen",
     "changes": {"product_id": "other==", "permalink": "pencil"}},
    {"how": "short id", "tier": "short",
     "changes": {"product_id": "other==", "short_product_id": "QMGY"}},
    {"how": "the end of product_permalink", "tier": "pen", "changes": {
        "product_id": None,
        "product_permalink": "https://x.gumroad.com/l/pencil"}}])
def product(shop, how, changes, tier):
    row = shop.sell(sale(**changes))
    same(row["tier"], tier)
    true("-%s-" % tier.upper() in row["license_key"], row["license_key"])


@suite.case("a variant that the catalog names decides the tier")
def variant(shop):
    same(shop.sell(membership(**{"variants[Tier]": "Gold"}))["tier"], "gold")
    same(shop.sell(membership(**{"variants[Tier]": "Tin"}))["tier"], "club")


NO_MINT = [
    ("an unmapped product", {"product_id": "nope=="},
     "the catalog has no tier for nope=="),
    ("no e-mail address", {"email": None}, "email is missing"),
    ("an empty e-mail address", {"email": ""}, "email is missing"),
    ("two addresses", {"email": "a@b.example,c@d.example"}, "email is not"),
    ("a line break in the address", {"email": "a@b.example\r\nBcc: c@d.e"},
     "email is not"),
    ("no sale_id", {"sale_id": None}, "sale_id is missing"),
    ("a price that is no number", {"price": "nine"}, "price is not"),
    ("a negative price", {"price": -5}, "price is not"),
    ("a wrong time", {"sale_timestamp": "yesterday"}, "sale_timestamp is"),
    ("an impossible day", {"sale_timestamp": "2026-02-31T00:00:00Z"},
     "date/time field value out of range"),
    ("a NUL in a name", {"full_name": "A\0da"}, "full_name is not valid UTF-8"),
    ("an endless name", {"full_name": "a" * 2000}, "full_name is not valid UTF-8"),
]


@suite.each("{what}: logged-no-mint with the reason on the audit row",
            [{"what": w, "changes": c, "reason": r} for w, c, r in NO_MINT])
def no_mint(shop, what, changes, reason):
    shop.expect_log("ERROR:  date/time field")
    before = shop.count("licenses"), shop.count("emails")
    fields = sale(**{k: v for k, v in changes.items()})
    shop.ping(fields, status="logged-no-mint")
    row = shop.last_audit()
    has(row, processed=False, outcome="logged-no-mint", license_id=None)
    true(row["error"].startswith(reason), row["error"])
    same((shop.count("licenses"), shop.count("emails")), before)


@suite.case("a shadowed price is not believed, and the licence minted")
def shadowed_price(shop):
    row = shop.sell(sale(**{"price": 1, "custom_fields[price]": 1}))
    same(row["amount_cents"], None)


@suite.each("a custom field called {name} mints nothing when the real one is "
            "lost", ["email", "sale_id", "subscription_id"])
def shadowed(shop, name):
    before = shop.count("licenses")
    shop.ping(sale(**{name: "evil@example.org",
                      "custom_fields[%s]" % name: "evil@example.org"}),
              status="logged-no-mint")
    true("was overwritten by a custom field" in shop.last_audit()["error"],
         shop.last_audit()["error"])
    same(shop.count("licenses"), before)


@suite.case("of two fields with one name the real one is the first")
def both(shop):
    fields = list(sale().items())
    fields += [("product_id", "pencil"), ("email", "evil@example.org"),
               ("price", 1), ("test", True)]
    fields += [("custom_fields[%s]" % k, v) for k, v in fields[-4:]]
    shop.ping(fields, status="ok")
    row = shop.license(dict(fields[:-8]))
    has(row, tier="core", amount_cents=900, test=False)
    true("evil" not in row["email"], row["email"])


@suite.case("a custom field called product_id leaves the other names")
def shadowed_product(shop):
    row = shop.sell(sale(**{
        "product_id": "core-id==", "custom_fields[product_id]": "core-id==",
        "permalink": "pencil"}))
    same(row["tier"], "pen")


@suite.case("a custom field that only looks alike changes nothing")
def harmless(shop):
    row = shop.sell(sale(**{"custom_fields[price]": "x",
                            "custom_fields[Email]": "evil@example.org"}))
    has(row, amount_cents=900)


@suite.case("test=true is a licence marked test, also in its blob")
def test_sale(shop):
    row = shop.sell(sale(test=True))
    same(row["test"], True)
    same(shop.verify(blob=row["blob"])["test"], True)


@suite.case("a gift goes to its receiver")
def gift(shop):
    row = shop.sell(sale(
        email="giftee@example.org", price=0, gift_price=900,
        gifter_email="gifter@example.org", is_gift_receiver_purchase=True))
    has(row, email="giftee@example.org", amount_cents=0)
    same(shop.mails(row)[0]["to_email"], "giftee@example.org")


@suite.case("an unknown resource is recorded and ignored")
def unknown(shop):
    shop.ping(sale(resource_name="harvest"), status="ignored")
    has(shop.last_audit(), resource="harvest", processed=True)


FORMS = [
    ("an empty body", b""),
    ("no key", b"=value&=&&&"),
    ("no value", b"sale_id&email&product_id"),
    ("%-garbage", b"%&%2&%zz=%GG&sale_id=%00%ff&email=%C3%28&product_id=%"),
    ("10,000 fields", b"&".join(b"f%d=v" % i for i in range(10000))),
    ("100,000 fields", b"&".join(b"a" for i in range(100000))),
    ("a value of almost 256 KiB", b"email=" + b"x" * (256 * 1024 - 6)),
    ("nothing but bytes above 127", b"\xff" * (256 * 1024)),
    ("nothing but NULs", b"\0" * 5000),
    ("JSON", b'{"sale_id":"x","email":"a@b.example"}'),
]


@suite.each("{what}: logged-no-mint, and kept",
            [{"what": w, "body": b} for w, b in FORMS])
def bad_form(shop, what, body):
    before = shop.count("gumroad_events")
    same(shop.post_form(body).json["status"], "logged-no-mint")
    same(shop.count("gumroad_events"), before + 1)
    row = shop.last_audit()
    has(row, processed=False)
    true(row["error"], "there is no reason")


@suite.case("a sale among 10,000 other fields and a huge one is minted")
def crowded(shop):
    fields = {**sale(), **{"url_params[%d]" % i: i for i in range(4000)},
              "url_params[x]": "y" * 100000}
    shop.sell(fields)


@suite.case("a body of more than 256 KiB is refused and nothing kept")
def too_large(shop):
    before = shop.count("gumroad_events")
    same(shop.post_form(b"a=" + b"x" * (256 * 1024)).status, 413)
    same(shop.count("gumroad_events"), before)


@suite.case("nothing personal, and no secret, is in a log")
def logs(shop):
    shop.sell(sale(email="private@example.org", full_name="Prudence"))
    for path in shop.log_files():
        with open(path, errors="replace") as file:
            text = file.read()
        for word in ["private@", "Prudence", *SECRETS]:
            true(word not in text, "%s is in %s" % (word, path))


suite.main()
