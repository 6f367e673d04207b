"""Whoever is on call: the operations pages with a password, forms and all."""

import base64
import html.parser
import os
import urllib.parse

from .desk import Desk

WORDS = "application/x-www-form-urlencoded"


class Page(html.parser.HTMLParser):
    """What of a page the tests look at: texts, forms, elements."""

    def __init__(self, source):
        super().__init__()
        self.texts = []
        self.forms = []         # (action, {name: value})
        self.elements = []      # (name, {attribute: value})
        self.open = []
        self.wrong = []         # elements that end where they should not
        self.feed(source)
        self.close()

    VOID = ("meta", "link", "input")

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag == "form":
            self.forms.append((attributes.get("action"), {}))
        if tag == "input" and "name" in attributes:
            self.forms[-1][1][attributes["name"]] = attributes.get("value")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)

    def fields(self, action, **those):
        """Of the one form with that action, and those fields."""
        found, = [fields for to, fields in self.forms if to == action
                  and those.items() <= fields.items()]
        return found

    def replays(self):
        """The fields of every replay form."""
        return [fields for action, fields in self.forms
                if action == "/ops/replay"]

    def count(self, tag, **attributes):
        return len([1 for name, has in self.elements if name == tag and all(
            has.get(k) == v for k, v in attributes.items())])


class Post(Desk):
    """A desk with somebody who looks after it."""

    def __init__(self, **options):
        super().__init__(programs=["ops", "sample", "stripe-webhook"],
                         **options)

    def password(self):
        with open(os.path.join(self.var, "secrets", "ops-password")) as file:
            return file.read().strip()

    def headers(self, user="ops", password=None):
        word = "%s:%s" % (user, password or self.password())
        return {"Authorization":
                "Basic " + base64.b64encode(word.encode()).decode()}

    def look(self, path="/ops", status=200):
        """The page at PATH, read."""
        reply = self.request("GET", path, headers=self.headers())
        if reply.status != status:
            raise AssertionError("%s: %r" % (path, reply))
        return Page(reply.body.decode())

    def customer(self, word, status=200):
        return self.look("/ops/customer?q=" + urllib.parse.quote(word, ""),
                         status)

    def submit(self, fields, headers=None, path="/ops/replay"):
        return self.request(
            "POST", path, urllib.parse.urlencode(fields),
            {"Content-Type": WORDS, **self.headers(), **(headers or {})})

    def failure(self):
        """An event that could not be applied, and now could be."""
        event = self.buyer().created()
        with self.failing("P0001"):
            self.deliver(event, answer="handler_error")
        return event

    def add_licence(self, email, **columns):
        columns = {"license_key": "DT1-" + os.urandom(6).hex().upper(),
                   "blob": "DTLIC2:x", "source_order_id": os.urandom(6).hex(),
                   "email": email, "tier": "core", "product_name": "Sample",
                   "amount_cents": 900, **columns}
        return self.row(
            "INSERT INTO billing.licenses (%s) VALUES (%s) RETURNING *" % (
                ", ".join(columns), ", ".join(["%s"] * len(columns))),
            *columns.values())
