"""What the processes of a desk use, by kind, from /proc."""

import os
import time

from harness import processes

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _machine():
    """CPU seconds of the whole machine, whatever for."""
    with open("/proc/stat") as file:
        fields = [int(f) for f in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Meter:
    """CPU seconds of each kind of process between two moments."""

    def __init__(self, directory, program):
        self.directory = directory
        self.kinds = {"nginx": "nginx", program: "workers",
                      "postgres": "postgres"}

    def _kind(self, pid):
        return self.kinds.get(os.path.basename(processes.executable(pid)))

    def _read(self):
        """A parent has the seconds of its children that have ended."""
        used = dict.fromkeys(self.kinds.values(), 0)
        for pid in processes.of_directory(self.directory):
            kind, fields = self._kind(pid), _stat(pid)
            if kind and fields:
                used[kind] += sum(int(f) for f in fields[11:15]) / TICKS
        return used

    def start(self):
        self.before = self._read()
        self.machine = _machine()
        self.began = time.monotonic()

    def stop(self, generator):
        """CPU seconds by kind, with those of the load generator; and how
        many CPUs the rest of the machine was using meanwhile."""
        elapsed = time.monotonic() - self.began
        machine = _machine() - self.machine
        after = self._read()
        used = {kind: after[kind] - self.before[kind] for kind in after}
        used["generator"] = generator
        return used, max(0, machine - sum(used.values())) / elapsed


def pss_mb(pid):
    """Its memory; what it shares is divided by the number of users."""
    with open("/proc/%d/smaps_rollup" % pid) as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
