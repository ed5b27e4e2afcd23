#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""journal.py TIME AFTER [MOST]: a journal as `journalctl -o json` prints it, of a time (seconds since the epoch), behind a
cursor ("": from the beginning), at most so many entries. Two units write their traces line by line between each other, one writes a trace in one entry, one in
bytes; a unit of nobody's has one, too."""
import json
import sys

PYTHON = ["Traceback (most recent call last):", '  File "/srv/shop.py", line 3, in %s', "    total(item)",
          "ValueError: no price"]
NODE = ["TypeError: no price", "    at %s (/srv/till.js:7:3)", "    at main (/srv/till.js:20:1)", "}"]


def both(a, b):
    for x, y in zip(a, b):
        yield "shop.service", "11", x
        yield "till@2.service", "12", y


def entries():
    yield "shop.service", "11", "starting"
    yield from both([x.replace("%s", "first") for x in PYTHON], [x.replace("%s", "first") for x in NODE])
    yield from (("shop.service", "11", "served %d" % i) for i in range(3))
    yield "shop.service", "13", "\n".join(PYTHON).replace("%s", "whole")
    yield "shop.service", "13", "served"
    yield "till@2.service", "12", [b for b in "\n".join(NODE).replace("%s", "bytes").replace("price", "pr\u00e4is").encode()]
    yield "till@2.service", "12", "served"
    yield "cron.service", "14", "\n".join(NODE).replace("%s", "nobody")
    yield "cron.service", "14", None
    yield from both([x.replace("%s", "last") for x in PYTHON], [x.replace("%s", "last") for x in NODE])
    yield "shop.service", "11", "served"
    yield "till@2.service", "12", "served"


def main():
    begin, after, most = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    show = after == ""
    for i, (unit, pid, message) in enumerate(entries()):
        cursor = "s=5f;i=%x;b=77;m=1;t=2;x=%x" % (i, i * 7)
        if show and i < most:
            print(json.dumps({"__CURSOR": cursor, "__REALTIME_TIMESTAMP": str(begin * 1000000 + i * 1000),
                              "_SYSTEMD_UNIT": unit, "_PID": pid, "MESSAGE": message, "PRIORITY": "6"}))
        show = show or cursor == after


main()
