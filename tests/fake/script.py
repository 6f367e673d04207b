"""How the fake Stripe was told to misbehave, and what it was asked."""

import contextlib
import threading

from store import ApiError


class IdempotencyKeys:
    """The first good answer to a key is the answer to it."""

    class Use:
        def __init__(self, request):
            self.request = request
            self.answer = None
            self.under_way = True

    def __init__(self):
        self.lock = threading.Lock()
        self.uses = {}

    @contextlib.contextmanager
    def once(self, key, request):
        """Whose answer is set was answered before; else set it."""
        if not key:
            yield self.Use(request)
            return
        with self.lock:
            use = self.uses.setdefault(key, self.Use(None))
            if use.request not in (None, request):
                raise ApiError(
                    400, "Keys for idempotent requests can only be used with "
                    "the same parameters they were first used with.",
                    type="idempotency_error")
            if use.request and use.under_way:
                raise ApiError(
                    409, "There is currently another in-progress request "
                    "using this Idempotent Key.",
                    code="idempotency_key_in_use")
            use.request = request
            use.under_way = True
        try:
            yield use
        finally:
            use.under_way = False


class Script:
    """The answers that a test has programmed, and what was asked."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.modes = []
            self.requests = []

    def program(self, match, answers):
        with self.lock:
            queue = [dict(answer) for answer in answers
                     for _ in range(answer.get("times", 1))]
            self.modes.append((match, queue))

    def record(self, request):
        with self.lock:
            self.requests.append(request)

    def recorded(self):
        with self.lock:
            return list(self.requests)

    def next_for(self, request_line):
        with self.lock:
            for match, queue in self.modes:
                if queue and request_line.startswith(match):
                    return queue.pop(0)
        return {}
