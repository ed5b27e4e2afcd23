# SPDX-License-Identifier: Apache-2.0
"""Where the Python reporters write to.

Imported before any test code: takes the number of the results descriptor out
of the environment, moves it to a high number that no child inherits, and keeps
its own references to what it uses.  Without that number there are no results.
"""

import fcntl
import json
import os
import traceback

_NAME = "SICKBAY_RESULTS_FD"
_FIRST = 200
_MAX_TEXT = 65536
_MAX_FAULTS = 200

_write = os.write
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_format = traceback.TracebackException


class Results:
    def __init__(self, fd):
        self._fd = fd
        self._seen = {}
        self._count = 0
        self._faults = 0

    def _emit(self, **fields):
        data = (_encode(fields) + "\n").encode("ascii")
        while data:
            data = data[_write(self._fd, data) :]

    def test(self, name, status, ms):
        n = self._seen[name] = self._seen.get(name, 0) + 1
        self._count += 1
        self._emit(e="test", id=name if n == 1 else "%s#%d" % (name, n), status=status, ms=ms)

    def fault(self, name, error, tb):
        self._faults += 1
        if self._faults > _MAX_FAULTS:
            return
        text = "".join(_format(type(error), error, tb).format())
        if len(text) > _MAX_TEXT:
            text = text[: _MAX_TEXT // 2] + "\n" + text[-_MAX_TEXT // 2 :]
        self._emit(e="fault", test=name, lang="python", stack=text)

    def end(self):
        self._emit(e="plan", n=self._count)
        self._emit(e="end")


def _take():
    number = os.environ.pop(_NAME, "")
    if not number.isdigit():
        return None
    fd = fcntl.fcntl(int(number), fcntl.F_DUPFD_CLOEXEC, _FIRST)
    os.close(int(number))
    return Results(fd)


_results = _take()


def take():
    """The results, for the first who asks; None for everyone else."""
    global _results
    taken, _results = _results, None
    return taken
