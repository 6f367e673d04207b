#!/usr/bin/python3 -B
"""clang-tidy has nothing to say, with the checks of .clang-tidy."""

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir))

from harness.desk import BUILD, SOURCE
from harness.sources import paths
from harness.tap import Suite, same

FLAGS = ["-D_GNU_SOURCE", '-DPACKAGE_VERSION="x"', '-DMAIL_TEMPLATE_DIR="x"',
         '-DSETTINGS_DIR="x"', "-I" + os.path.join(SOURCE, "common"),
         "-I" + os.path.join(BUILD, "common"),
         *shlex.split(subprocess.check_output(
             ["pkg-config", "--cflags", "libpq", "json-c", "libcurl"],
             text=True))]

suite = Suite()


def tidy(path):
    result = subprocess.run(
        ["clang-tidy", "--quiet", path, "--", *FLAGS], cwd=SOURCE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    return "" if result.returncode == 0 else result.stdout + result.stderr


@suite.each("clang-tidy has nothing to say on {room}",
            ["cgi-bin", *sorted({path.split("/")[1] for path in
                                 paths("common/*/*.c")})], limit_s=900)
def clean(room):
    files = paths("cgi-bin/*.c" if room == "cgi-bin" else
                  "common/%s/*.c" % room)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        same("".join(pool.map(tidy, files)), "")


suite.main()
