"""A pytest plugin that writes one line per test, `outcome TAB name TAB last line of the error`, for the runner to read.

A test fails when any of its phases fails and is skipped when any of them is skipped, so each test has one line.
"""

import os

_outcomes = {}
_details = {}


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
