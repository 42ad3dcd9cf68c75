"""A pytest plugin for the runner: it leaves out what redis-py.txt lists, and writes down what became of every other test.

It writes one line per test, `outcome TAB name TAB last line of the error`. A test fails when any of its phases fails and
is skipped when any of them is skipped, so each test has one line.
"""

import os
import pathlib

_outcomes = {}
_details = {}


def _left_out():
    lines = pathlib.Path(__file__).with_name("redis-py.txt").read_text(encoding="utf-8").splitlines()
    return {line.split(" | ")[0].strip() for line in lines if line and not line.startswith("#")}


def pytest_collection_modifyitems(config, items):
    # Not pytest's own --deselect: that takes every test whose name begins alike.
    left_out = _left_out()
    dropped = [item for item in items if item.nodeid.split("[")[0] in left_out]
    items[:] = [item for item in items if item.nodeid.split("[")[0] not in left_out]
    config.hook.pytest_deselected(items=dropped)


def pytest_runtest_logreport(report):
    name = report.nodeid
    before = _outcomes.get(name)
    if report.failed or before is None or (report.skipped and before == "passed"):
        _outcomes[name] = report.outcome
    if report.failed:
        text = report.longreprtext.strip().splitlines()
        _details[name] = " ".join(text[-1].split()) if text else ""


def pytest_runtest_logfinish(nodeid, location):
    with open(os.environ["SPINEL_OUTCOMES"], "a", encoding="utf-8") as file:
        outcome = _outcomes.get(nodeid, "failed")
        file.write("\t".join([outcome, nodeid, _details.get(nodeid, "")]).replace("\n", " ") + "\n")


def pytest_sessionfinish(session, exitstatus):
    with open(os.environ["SPINEL_OUTCOMES"], "a", encoding="utf-8") as file:
        file.write(f"finished\t{int(exitstatus)}\n")
