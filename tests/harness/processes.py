"""Which processes belong to a directory, or to this test, by looking at
/proc; and that they end with it."""

import contextlib
import ctypes
import os
import signal
import time

# Before a command: it gets SIGTERM when the thread that starts it ends, however
# it ends.
END_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")

# The same before one that is set-user-ID, for which the kernel forgets it.
END_SETUID_WITH_US = END_WITH_US + (
    "sh", "-c", 'trap \'kill "$child"\' TERM; "$@" & child=$!; wait; wait',
    "sh")

PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 2     # for what is just ending by itself


def _read(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def _link(pid, name):
    try:
        return os.readlink("/proc/%d/%s" % (pid, name))
    except OSError:
        return ""


def alive(pid):
    state = _read(pid, "stat").rpartition(b")")[2].split()
    return bool(state) and state[0] not in (b"Z", b"X")


def parent(pid):
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def name(pid):
    return _read(pid, "comm").decode(errors="replace").strip()


def executable(pid):
    return _link(pid, "exe")


def describe(pid):
    words = _read(pid, "cmdline").replace(b"\0", b" ").decode(
        errors="replace").strip()
    return "%d (%s)" % (pid, words or name(pid))


def age_ms(pid):
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    if len(fields) < 20:
        return 0
    with open("/proc/uptime") as file:
        uptime = float(file.read().split()[0])
    return (uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")) * 1000


def of_directory(directory):
    """Live processes that name DIRECTORY in their arguments or environment,
    work in it, or descend from one that does; not this one."""
    mark = directory.encode()
    pids = [int(p) for p in os.listdir("/proc") if p.isdigit()]
    ours = {pid for pid in pids
            if pid != os.getpid() and (
                mark in _read(pid, "cmdline") or mark in _read(pid, "environ")
                or _link(pid, "cwd").startswith(directory))}
    grown = True
    while grown:
        grown = {pid for pid in pids
                 if pid not in ours and parent(pid) in ours}
        ours |= grown
    return sorted(pid for pid in ours if alive(pid))


def adopt_orphans():
    """A process below this one that loses its parent becomes our child, so
    that none gets out of sight."""
    if ctypes.CDLL(None, use_errno=True).prctl(
            PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def descendants():
    """Live processes that this one has started, and those that they have."""
    children = {}
    for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
        children.setdefault(parent(pid), []).append(pid)
    found, generation = [], children.get(os.getpid(), [])
    while generation:
        found += generation
        generation = [child for pid in generation
                      for child in children.get(pid, [])]
    return [pid for pid in found if alive(pid)]


def end_descendants():
    """Kill what does not end by itself; its descriptions."""
    deadline = time.monotonic() + GRACE_S
    while descendants() and time.monotonic() < deadline:
        time.sleep(0.02)
    killed = {}
    while (left := descendants()):
        for pid in left:
            killed.setdefault(pid, describe(pid))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return sorted(killed.values())
