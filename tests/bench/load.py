"""The two ways to put load on a desk: over HTTP, and on its database alone.

Both return the number of things done ("count"), how many a second ("rate"),
the CPU seconds by kind of process ("cpu"), and the CPUs that the rest of the
machine used meanwhile ("others").
"""

import json
import os
import re
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SETTLE_SECONDS = 0.2  # for what was under way when the load stopped


def _run(command, meter):
    meter.start()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    time.sleep(SETTLE_SECONDS)
    cpu, others = meter.stop(usage.ru_utime + usage.ru_stime)
    if process.returncode != 0:
        raise AssertionError("%s failed:\n%s" % (command[0], output))
    return output, {"cpu": cpu, "others": others}


def over_http(meter, port, script, arguments, connections, seconds):
    """wrk with a Lua script that ends with a line 'bench {…}'."""
    output, run = _run(
        ["wrk", "-t", "1", "-c", str(connections), "-d", "%ds" % seconds,
         "-s", os.path.join(HERE, script), "http://127.0.0.1:%d" % port,
         "--", *map(str, arguments)], meter)
    found = re.search("^bench (.*)$", output, re.M)
    if not found:
        raise AssertionError("wrk said:\n" + output)
    run.update(json.loads(found[1]), connections=connections)
    run["rate"] = run["count"] / run["seconds"]
    return run


def on_database(meter, conninfo, script, variables, clients, seconds):
    """pgbench with one prepared call a transaction."""
    output, run = _run(
        ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
         "-T", str(seconds), "-f", os.path.join(HERE, script)]
        + ["-D%s=%s" % variable for variable in variables.items()]
        + [conninfo], meter)
    run["count"] = int(re.search(r"actually processed: (\d+)", output)[1])
    run["rate"] = float(re.search(r"tps = ([\d.]+)", output)[1])
    return run
