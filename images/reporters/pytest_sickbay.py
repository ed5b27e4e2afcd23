# SPDX-License-Identifier: Apache-2.0
"""pytest -p pytest_sickbay: one result for each test, on a descriptor that tests do not know.

A test that fails while it is torn down has two results: its own, and
"ID::(teardown)".  A file that cannot be collected is "FILE::(collect)".  The
last line, "end", is written only when every collected test was run to its end.
"""

import os

import pytest
import sickbay_results

_HOME = os.path.dirname(pytest.__file__)
_OWN = (_HOME, os.path.join(os.path.dirname(_HOME), "_pytest"), os.path.join(os.path.dirname(_HOME), "pluggy"))


def _outcome(report):
    if hasattr(report, "wasxfail"):
        return "todo" if report.skipped else "pass"
    return {"passed": "pass", "failed": "fail", "skipped": "skip"}[report.outcome]


class _Plugin:
    def __init__(self, results):
        self.results = results
        self.collected = 0
        self.finished = 0

    def pytest_collection_finish(self, session):
        self.collected = len(session.items)

    def pytest_collectreport(self, report):
        if report.failed:
            self.results.test(report.nodeid + "::(collect)", "fail", 0)
        elif report.skipped:
            self.results.test(report.nodeid + "::(collect)", "skip", 0)

    def pytest_runtest_logreport(self, report):
        ms = int(report.duration * 1000)
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.results.test(report.nodeid, _outcome(report), ms)
        elif report.when == "teardown":
            self.finished += 1
            if report.failed:
                self.results.test(report.nodeid + "::(teardown)", "fail", ms)

    def pytest_exception_interact(self, node, call, report):
        name = node.nodeid
        when = getattr(report, "when", "collect")
        if when in ("collect", "teardown"):
            name += "::(" + when + ")"
        info = call.excinfo
        self.results.fault(name, info.value, _project_part(info.tb))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if int(exitstatus) in (0, 1) and self.finished == self.collected:
            self.results.end()


def _project_part(tb):
    """The traceback without the frames of pytest that every one begins with."""
    first = tb
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OWN):
        first = first.tb_next
    return first or tb


def pytest_configure(config):
    results = sickbay_results.take()
    if results is not None:
        config.pluginmanager.register(_Plugin(results), "sickbay-results")
