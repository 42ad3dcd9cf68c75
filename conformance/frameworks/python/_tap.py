"""Checks, and their report in the lines of the Test Anything Protocol. Waiting is for conditions, never for times."""

import os
import subprocess
import sys
import time
import traceback

HOST = os.environ.get("REDIS_HOST", "127.0.0.1")
PORT = int(os.environ.get("REDIS_PORT", "6379"))
URL = os.environ.get("REDIS_URL", f"redis://{HOST}:{PORT}/0")
SCRATCH = os.environ.get("SCRATCH", ".")
HERE = os.path.dirname(os.path.abspath(__file__))

LIMIT_SECONDS = 180
_outcomes = []


def check(function):
    """Runs a check at once; its docstring is its name, and what it raises is its failure."""
    name = function.__doc__
    try:
        function()
        _outcomes.append(True)
        print(f"ok - {name}", flush=True)
    except Exception:
        _outcomes.append(False)
        print(f"not ok - {name}")
        for line in traceback.format_exc().splitlines()[-14:]:
            print(f"# {line}")
        sys.stdout.flush()
    return function


def until(what, condition, pause=0.01):
    """Waits until `condition` answers something true, and answers that."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never seen: {what}")
        time.sleep(pause)
    return answer


def start(*words):
    """Starts a Python program beside this one, in its process group; its chatter goes to a file."""
    log = open(os.path.join(SCRATCH, "workers.log"), "ab")
    return subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, cwd=HERE)


def end():
    """Says how many checks there were, and ends."""
    if not all(_outcomes):
        try:
            with open(os.path.join(SCRATCH, "workers.log"), errors="replace") as log:
                print("".join(log.readlines()[-60:]))
        except OSError:
            pass
    print(f"1..{len(_outcomes)}", flush=True)
    # Some libraries leave threads behind that never end.
    os._exit(0 if all(_outcomes) else 1)
