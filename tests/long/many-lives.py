#!/usr/bin/python3 -B
"""tests/faults/random-lives.py with thousands of lives."""

import os
import sys

os.environ.setdefault("PAYDESK_LIVES", "3000")
os.execv(sys.executable, [sys.executable, "-B", os.path.join(
    os.path.dirname(os.path.abspath(__file__)), os.pardir, "faults",
    "random-lives.py"), *sys.argv[1:]])
