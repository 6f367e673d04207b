"""How long a new worker takes to its first 200."""

import time

from harness.worker import Worker


def first_replies(desk, scenario, count):
    """Seconds from before the exec to the reply, each of a new worker."""
    return [_first_reply(desk, scenario) for _ in range(count)]


def _first_reply(desk, scenario):
    path, body, headers = scenario.first_request()
    began = time.monotonic()
    environment = desk.command_environment(
        {"DATABASE_URL": desk.program_conninfo(scenario.program)})
    with Worker(desk.program(scenario.program), environment) as worker:
        reply = worker.request("POST", path, body, headers)
        seconds = time.monotonic() - began
    if reply.status != 200:
        raise AssertionError("a new worker answered %d %r" % (
            reply.status, reply.body))
    return seconds
