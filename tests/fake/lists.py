"""The lists of the API, a page at a time."""

import re

from store import ApiError

LIST_MAX = 100


def page(objects, query, url):
    """One page of a list, by limit, starting_after or ending_before."""
    limit = int(query.get("limit", 10))
    if not 1 <= limit <= LIST_MAX:
        raise ApiError(400, "This value must be between 1 and %d." % LIST_MAX,
                       param="limit")
    ids = [o["id"] for o in objects]
    for name in ("starting_after", "ending_before"):
        if name in query and query[name] not in ids:
            raise ApiError(404, "No such object: '%s'" % query[name],
                           code="resource_missing", param=name)
    if "ending_before" in query:
        before = objects[:ids.index(query["ending_before"])]
        return {"object": "list", "url": url, "has_more": len(before) > limit,
                "data": before[-limit:]}
    if "starting_after" in query:
        objects = objects[ids.index(query["starting_after"]) + 1:]
    return {"object": "list", "url": url, "has_more": len(objects) > limit,
            "data": objects[:limit]}


def within(obj, query, field):
    """Whether field[gte], field[lt] and so on hold for the object."""
    tests = {"gte": int.__ge__, "gt": int.__gt__,
             "lte": int.__le__, "lt": int.__lt__}
    value = obj.get(field) or 0
    return all(test(value, int(query["%s[%s]" % (field, name)]))
               for name, test in tests.items()
               if "%s[%s]" % (field, name) in query)


def list_subscriptions(store, query):
    status = query.get("status")

    def wanted(obj):
        if "customer" in query and obj.get("customer") != query["customer"]:
            return False
        if status == "all":
            return True
        if status is None:
            return obj.get("status") != "canceled"
        if status == "ended":
            return obj.get("status") in ("canceled", "incomplete_expired")
        return obj.get("status") == status

    found = [o for o in store.all("subscription")
             if wanted(o) and within(o, query, "created")]
    return page(found, query, "/v1/subscriptions")


def list_invoice_payments(store, query):
    kind = query.get("payment[type]")
    if kind not in ("payment_intent", "charge"):
        raise ApiError(400, "Invalid payment[type]", param="payment[type]")
    found = [o for o in store.all("invoice_payment")
             if o["payment"].get(kind) == query.get("payment[%s]" % kind)]
    if query.get("expand[]") == "data.invoice":
        found = [{**o, "invoice": store.get(o["invoice"], "invoice")}
                 for o in found]
    return page(found, query, "/v1/invoice_payments")


def list_events(store, query):
    types = [v for k, v in query.items() if re.match(r"types?(\[|$)", k)]

    def wanted(obj):
        return not types or any(
            re.fullmatch(re.escape(t).replace(r"\*", ".*"), obj["type"])
            for t in types)

    found = [o for o in store.all("event")
             if wanted(o) and within(o, query, "created")]
    return page(found, query, "/v1/events")
