"""What the fake Stripe holds, and the errors that it answers."""

import json
import os
import re
import secrets
import threading

ERROR_TYPES = {400: "invalid_request_error", 401: "invalid_request_error",
               402: "card_error", 403: "invalid_request_error",
               404: "invalid_request_error"}


def new_id(prefix):
    return "%s_%s" % (prefix, secrets.token_hex(12))


class ApiError(Exception):
    def __init__(self, status, message, **fields):
        super().__init__(message)
        self.status = status
        self.error = {
            "type": ERROR_TYPES.get(status, "api_error"),
            "message": message, **fields}
        if "code" in fields:
            self.error["doc_url"] = (
                "https://stripe.com/docs/error-codes/"
                + fields["code"].replace("_", "-"))


class Store:
    """The objects, in the order in which they came."""

    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.Lock()
        self.objects = {}
        if directory:
            os.makedirs(directory, exist_ok=True)
            for name in sorted(os.listdir(directory)):
                if name.endswith(".json"):
                    with open(os.path.join(directory, name)) as file:
                        self.objects[name[:-5]] = json.load(file)

    def put(self, id, obj):
        if not re.fullmatch(r"[A-Za-z0-9_]+", id):
            raise ApiError(400, "Not an id: '%s'" % id)
        with self.lock:
            self.objects[id] = obj
            if self.directory:
                path = os.path.join(self.directory, id + ".json")
                with open(path + ".new", "w") as file:
                    json.dump(obj, file, indent=1)
                os.rename(path + ".new", path)
        return obj

    def get(self, id, kind):
        with self.lock:
            obj = self.objects.get(id)
        if obj is None or obj.get("object") != kind:
            raise ApiError(404, "No such %s: '%s'" % (kind, id),
                           code="resource_missing", param="id")
        return obj

    def all(self, kind):
        """Newest first, as Stripe lists them."""
        with self.lock:
            found = [o for o in self.objects.values()
                     if o.get("object") == kind]
        found.reverse()
        return sorted(found, key=lambda o: -o.get("created", 0))

    def clear(self):
        with self.lock:
            for id in self.objects:
                if self.directory:
                    os.unlink(os.path.join(self.directory, id + ".json"))
            self.objects.clear()
