# SPDX-License-Identifier: Apache-2.0
"""python -m sickbay_unittest [ARGUMENTS OF python -m unittest]

One result for each test and sub-test, on a descriptor that tests do not know.
The last line, "end", is written only when the runner came to its end.
"""

import os
import sys
import time
import unittest

import sickbay_results

_results = sickbay_results.take()
_HOME = os.path.dirname(unittest.__file__)


def _name(test):
    """file::Class.method; what failed to load is named by unittest."""
    module = sys.modules.get(type(test).__module__)
    path = getattr(module, "__file__", None)
    if path is None or path.startswith(_HOME):
        return test.id()
    return os.path.relpath(path) + "::" + test.id()[len(module.__name__) + 1 :]


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        self._began = time.monotonic()
        super().startTest(test)

    def _report(self, test, status, error=None):
        name = _name(test)
        ms = int((time.monotonic() - getattr(self, "_began", time.monotonic())) * 1000)
        if _results is None:
            return
        _results.test(name, status, ms)
        if error is not None:
            _results.fault(name, error[1], _project_part(error[2]))

    def addSuccess(self, test):
        super().addSuccess(test)
        self._report(test, "pass")

    def addError(self, test, err):
        super().addError(test, err)
        self._report(test, "fail", err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report(test, "fail", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._report(test, "skip")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._report(test, "todo")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._report(test, "fail")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._report(test, "fail", err)


def _project_part(tb):
    first = tb
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_HOME):
        first = first.tb_next
    return first or tb


class _Runner(unittest.TextTestRunner):
    resultclass = _Result

    def run(self, test):
        result = super().run(test)
        if _results is not None and not result.shouldStop:
            _results.end()
        return result


if __name__ == "__main__":
    unittest.main(module=None, testRunner=_Runner)
