"""Which processes belong to a directory, by looking at /proc."""

import os

# Before a command: it gets SIGTERM when this process ends, however it ends.
END_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")


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
