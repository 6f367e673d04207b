#!/usr/bin/python3 -B
"""What the catalog switches on for checkout and portal, and keys that are read
again."""

import os
import signal
import sys
from urllib.parse import parse_qsl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import processes, stripe
from harness.customers import CHECKOUT, PORTAL, Shop, refused
from harness.desk import wait_until
from harness.tap import Suite, has, same, true

WWW = "https://www.example.com/"
CATALOG = {"metadata_key": "shop_account", **stripe.CATALOG, "checkout": {
    "automatic_tax": True, "tax_id_collection": True,
    "billing_address": "required", "locale": "de", "promotion_codes": False,
    "payment_method": "if_required", "quantity_max": 5,
    "several_subscriptions": True, "return_urls": [WWW]}}
OLD_KEY, NEW_KEY = "sk_test_old", "sk_test_new"


class Switched(Shop):
    """Every switch on, and the API key in a file."""

    def __init__(self):
        self.key_file = "/tmp/paydesk-test.key.%d" % os.getpid()
        self.write_key(OLD_KEY)
        super().__init__(catalog=CATALOG, environment={
            "STRIPE_API_KEY": None, "STRIPE_API_KEY_FILE": self.key_file})

    def write_key(self, key):
        with open(self.key_file, "w") as file:
            file.write(key + "\n")
        os.chmod(self.key_file, 0o644)

    def close(self):
        os.unlink(self.key_file)
        super().close()


suite = Suite(Switched)


def last_form(desk, path):
    return dict(parse_qsl(desk.asked(path)[-1]["body"], strict_parsing=True))


@suite.case("the account is named under the catalog's own key of metadata, which"
            " the books read")
def metadata_key(desk):
    customer = desk.customer()
    same(customer.checkout().status, 200)
    has(last_form(desk, CHECKOUT), **{
        "metadata[shop_account]": customer.id,
        "subscription_data[metadata][shop_account]": customer.id})
    same(desk.value("SELECT metadata_key FROM billing.policy"),
         "shop_account")


@suite.case("tax, addresses, locale for somebody new")
def somebody_new(desk):
    same(desk.customer().checkout().status, 200)
    form = last_form(desk, CHECKOUT)
    has(form, **{
        "automatic_tax[enabled]": "true", "tax_id_collection[enabled]": "true",
        "billing_address_collection": "required", "locale": "de",
        "payment_method_collection": "if_required"})
    for name in ("allow_promotion_codes", "customer_update[address]",
                 "customer_update[name]", "customer"):
        true(name not in form, name)


@suite.case("for a known customer Stripe may change address and name")
def known(desk):
    same(desk.customer(stripe_customer_id=stripe.new_id(
        "cus")).checkout().status, 200)
    has(last_form(desk, CHECKOUT), **{"customer_update[address]": "auto",
                                      "customer_update[name]": "auto"})


@suite.case("the caller's locale goes before the catalog's")
def locale(desk):
    same(desk.customer().checkout(locale="fr").status, 200)
    has(last_form(desk, CHECKOUT), locale="fr")


@suite.case("several subscriptions are allowed")
def several(desk):
    customer = desk.customer()
    customer.subscribe()
    same(customer.checkout().status, 200)


@suite.case("the quantity has the catalog's maximum")
def quantity(desk):
    customer = desk.customer()
    same(customer.checkout(quantity=5).status, 200)
    refused(customer.checkout(quantity=6), 400, "invalid_quantity")


@suite.case("return URLs that the catalog allows, in checkout and portal")
def return_urls(desk):
    customer = desk.customer(stripe_customer_id=stripe.new_id("cus"))
    same(customer.checkout(success_url=WWW + "thanks",
                           cancel_url=WWW).status, 200)
    has(last_form(desk, CHECKOUT), success_url=WWW + "thanks", cancel_url=WWW)
    same(customer.portal(return_url=WWW + "me").status, 200)
    has(last_form(desk, PORTAL), return_url=WWW + "me", locale="de")
    refused(customer.portal(return_url=WWW[:-1] + ".evil.example/"), 400,
            "invalid_return_url")


@suite.case("the API key is read again when multiwatch gets SIGUSR2")
def reload(desk):
    desk.workers_may_change = True

    def key():
        same(desk.customer().checkout().status, 200)
        return desk.asked(CHECKOUT)[-1]["headers"]["Authorization"]

    same(key(), "Bearer " + OLD_KEY)
    desk.write_key(NEW_KEY)
    same(key(), "Bearer " + OLD_KEY, "without a signal")
    before = desk.worker_pids("checkout")
    os.kill(processes.parent(before[0]), signal.SIGUSR2)
    wait_until(lambda: len(desk.worker_pids("checkout")) == 2 and not
               set(desk.worker_pids("checkout")) & set(before), 10,
               "new workers")
    same(key(), "Bearer " + NEW_KEY)


@suite.each("{program} check is content", ["checkout", "portal", "account"])
def check(desk, program):
    result = desk.run("check", "--offline", program=program, environment={
        "DATABASE_URL": desk.program_conninfo(program)})
    same(result.returncode, 0, result.stdout + result.stderr)


suite.main()
