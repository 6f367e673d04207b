#!/usr/bin/python3 -B
"""The operations pages in a browser: looks, keyboard, accessibility.

Screenshots are put into screenshots/ of the build directory.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from harness import stripe
from harness.browser import ENTER, TAB, Browser
from harness.desk import BUILD, wait_until
from harness.operator import Post
from harness.tap import Suite, same, true

PICTURES = os.path.join(BUILD, "screenshots")
CONTRAST = 4.5          # of texts, WCAG 2.2, 1.4.3
WIDTHS = (320, 768, 1280)
LONG = "a-very-long-word-without-any-blank-" * 5
CONTROLS = ("button", "link", "searchbox", "textbox", "image", "img",
            "region", "table", "DisclosureTriangle")


class Screen(Post):
    """A desk with a history, and a browser that shows it."""

    def __init__(self):
        super().__init__(durable=False)
        try:
            self.browser = Browser()
            self.browser.sign_in(self.headers())
            os.makedirs(PICTURES, exist_ok=True)
            self.buyer = self.furnish()
        except BaseException:
            self.abandon()
            raise

    def furnish(self):
        self.sql("""INSERT INTO billing.stripe_events (event_id, type, outcome,
            processed_at, received_at) SELECT 'evt_old' || i, 'invoice.paid',
            (ARRAY['applied', 'applied', 'applied', 'applied', 'ignored',
                   'stale', 'unmatched'])[1 + i % 7], now(),
            now() - make_interval(mins => (i * i / 40) % 2870)
            FROM generate_series(1, 900) i""")
        self.sql("""INSERT INTO billing.samples (at, name, value)
            SELECT date_trunc('hour', now()) - make_interval(hours => i), name,
            base * (1 + 0.4 * sin(i / 4.0)) FROM generate_series(1, 720) i,
            (VALUES ('latency.p50', 0.0021), ('latency.p99', 0.019)) v (name,
            base) WHERE i < 48 AND i NOT IN (20, 21)""")
        self.sql("""INSERT INTO billing.samples (at, name, value)
            SELECT date_trunc('hour', now()) - make_interval(hours => i), name,
            round(base * (1 - i / 1400.0)) FROM generate_series(1, 720) i,
            (VALUES ('subscriptions.active', 812),
                    ('subscriptions.trialing', 96),
                    ('subscriptions.past_due', 17)) v (name, base)""")
        for i in range(40):
            licence = self.add_licence("buyer%d@example.org" % i)
            self.sql("UPDATE billing.licenses SET created_at = now() - "
                     "make_interval(hours => %s) WHERE id = %s",
                     i * i % 700, licence["id"])
        buyer = self.buyer_with_story()
        self.deliver(stripe.Buyer(
            metadata={}, email=LONG + "@example.org").created(),
            answer="unmatched")
        self.sql("UPDATE billing.subscriptions SET email = %s "
                 "WHERE account_id IS NULL", LONG + "@example.org")
        self.sql("INSERT INTO billing.grants (account_id, plan, reason) "
                 "SELECT id, 'pro', %s FROM billing.accounts", LONG)
        self.failed = [self.failure() for _ in range(2)]
        self.sql("""INSERT INTO billing.stripe_events (event_id, type, outcome,
            error, stripe_customer_id) VALUES (%s, 'invoice.paid',
            'handler_error', %s, 'cus_1')""", "evt_" + LONG, LONG)
        self.sql("""INSERT INTO billing.webhook_failures (source, id, error)
            VALUES ('stripe', %s, %s)""", "evt_" + LONG, LONG)
        self.sql("""INSERT INTO billing.gumroad_events (resource, order_id,
            payload, error) VALUES ('sale', 'sale-1', 'x=y',
            'the catalog does not have product “Sample”')""")
        return buyer

    def buyer_with_story(self):
        buyer = super().buyer()
        self.deliver(buyer.created(status="trialing"), buyer.updated(at=60),
                     buyer.invoice_paid(at=90))
        licence = self.add_licence(buyer.email, product_name=LONG)
        self.sql("""INSERT INTO billing.emails (kind, license_id, to_email,
            subject, body_text, body_html, status, sent_at) VALUES ('license',
            %s, %s, 'Your licence', 't', 'h', 'sent', now())""",
                 licence["id"], buyer.email)
        return buyer

    def show(self, path="/ops", width=1280, scheme="light"):
        self.browser.size(width)
        self.browser.scheme(scheme)
        self.browser.open("http://127.0.0.1:%d%s" % (self.port, path))
        return self.browser

    def paths(self):
        return {"overview": "/ops",
                "customer": "/ops/customer?q=" + self.buyer.account,
                "nobody": "/ops/customer?q=nobody",
                "wrong": "/ops/customer?q="}

    def _end_browser(self):
        if hasattr(self, "browser"):
            self.browser.close()

    def abandon(self):
        self._end_browser()
        super().abandon()

    def close(self):
        self._end_browser()
        super().close()


PAGES = ("overview", "customer", "nobody", "wrong")
suite = Suite(Screen)


@suite.each("{page}: no complaint of the browser, nothing from elsewhere",
            PAGES)
def clean(desk, page):
    browser = desk.show(desk.paths()[page])
    asked = [url for url in browser.requested()
             if not url.startswith(("data:", "chrome"))]
    here = "http://127.0.0.1:%d/ops" % desk.port
    same([url for url in asked if not url.startswith(here)], [])
    true(len(asked) >= 2, "page and style: %r" % asked)
    status = {"nobody": "404", "wrong": "400"}.get(page)
    same([said for said in browser.complaints()
          if status is None or status not in said], [])


@suite.each("{page} fits a screen of {width} pixels, {scheme}",
            [{"page": page, "width": width, "scheme": scheme}
             for page in PAGES for width in WIDTHS
             for scheme in ("light", "dark")])
def fits(desk, page, width, scheme):
    browser = desk.show(desk.paths()[page], width, scheme)
    browser.screenshot(os.path.join(PICTURES, "%s-%d-%s.png" % (
        page, width, scheme)))
    same(browser.run("return window.innerWidth"), width)
    true(browser.overflow() <= 0, "%d pixels too wide" % browser.overflow())


@suite.each("{page}: contrast is enough, {scheme}",
            [{"page": page, "scheme": scheme} for page in PAGES
             for scheme in ("light", "dark")])
def contrast(desk, page, scheme):
    browser = desk.show(desk.paths()[page], scheme=scheme)
    browser.run("document.querySelectorAll('details').forEach("
                "d => d.open = true)")
    found = browser.low_contrast(CONTRAST)
    true(found["count"] > 6, "only %d texts" % found["count"])
    same(found["low"], [])


@suite.case("dark is dark and light is light")
def schemes(desk):
    script = "return getComputedStyle(document.body).backgroundColor"
    colors = {}
    for scheme in ("light", "dark"):
        color = desk.show(scheme=scheme).run(script)
        colors[scheme] = sum(int(v) for v in
                             color[color.index("(") + 1:-1].split(",")[:3])
    true(colors["light"] > 600 and colors["dark"] < 150, repr(colors))


@suite.each("{page}: everything has a name for who does not see it", PAGES)
def named(desk, page):
    tree = desk.show(desk.paths()[page]).accessible()
    same([node for node in tree if node[0] in CONTROLS and not node[1]], [])
    roles = [role for role, _ in tree]
    for landmark in ("banner", "navigation", "search", "main", "contentinfo"):
        same(roles.count(landmark), 1, landmark)
    same(desk.browser.run("return document.documentElement.lang"), "en")


@suite.each("{page}: headings are in order", PAGES)
def headings(desk, page):
    levels = desk.show(desk.paths()[page]).run(
        "return Array.from(document.querySelectorAll('h1,h2,h3,h4'))"
        ".map(h => +h.tagName[1])")
    same(levels[:1], [1])
    same(levels.count(1), 1)
    for before, after in zip(levels, levels[1:]):
        true(after <= before + 1, repr(levels))


@suite.case("the first Tab goes to a link past the banner, and it is seen")
def skip_link(desk):
    browser = desk.show()
    browser.press(TAB)
    same(browser.focused(), ["a", "Skip to the content"])
    box = browser.run("const r = document.activeElement"
                      ".getBoundingClientRect(); return [r.left, r.top]")
    true(box[0] >= 0 and box[1] >= 0, "it is off the screen")
    browser.press(ENTER)
    same(browser.run("return document.activeElement.id"), "main")


@suite.case("Tab reaches everything in the order of the page, visibly")
def tab_order(desk):
    browser = desk.show()
    wanted = browser.run(
        "return document.querySelectorAll('a, button, input:not([type="
        "hidden]), summary').length")
    seen = []
    for _ in range(wanted + 10):
        browser.press(TAB)
        place = browser.run(
            "const e = document.activeElement, s = getComputedStyle(e),"
            " r = e.getBoundingClientRect();"
            "return e === document.body ? null : [r.top + scrollY,"
            " e.tagName, s.outlineStyle, parseFloat(s.outlineWidth)]")
        if place is None:
            break
        true(place[2] != "none" and place[3] >= 2,
             "no focus is seen: %r" % place)
        seen.append(place)
    same(len([p for p in seen if p[1] != "DIV"]), wanted)
    tops = [p[0] for p in seen[1:]]
    charts = browser.run("return document.querySelector('.charts')"
                         ".getBoundingClientRect().top + scrollY")
    above = [top for top in tops if top < charts]
    true(all(b >= a - 40 for a, b in zip(above, above[1:])), repr(above))


@suite.case("with the keyboard alone: Tab to a replay button, Enter, and it is"
            " applied")
def keyboard_replay(desk):
    event = desk.failed[0]
    browser = desk.show()
    browser.complaints()
    for _ in range(60):
        browser.press(TAB)
        if browser.focused() == ["button", "Replay " + event["id"]]:
            break
    else:
        raise AssertionError("the button was not reached")
    browser.press(ENTER)
    wait_until(lambda: "replayed=" in browser.address(), 10, "the way back")
    true(event["id"] + " is now: applied" in browser.text(),
         browser.text()[:500])
    same(desk.ledger(event)["outcome"], "applied")
    true("status" in [role for role, _ in browser.accessible()],
         "nobody is told")
    browser.screenshot(os.path.join(PICTURES, "replayed-1280-light.png"))
    same(browser.complaints(), [])


@suite.case("a search by keyboard ends at the customer's story")
def keyboard_search(desk):
    browser = desk.show(width=320)
    browser.run("document.getElementById('q').focus()")
    browser.press(*desk.buyer.email)
    browser.press(ENTER)
    wait_until(lambda: "/ops/customer?q=" in browser.address(), 10,
               "the story")
    true(desk.buyer.subscription in browser.text(), browser.text()[:500])


@suite.case("the numbers of a chart open as a table, without any script")
def numbers(desk):
    browser = desk.show()
    browser.run("document.querySelector('summary').focus()")
    browser.press(ENTER)
    true(browser.run("return document.querySelector('details').open"),
         "it stays closed")
    same(browser.run("return document.scripts.length"), 0)


suite.main()
