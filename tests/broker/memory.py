#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""memory.py PID TEXT: how often a text stands in the memory of a process."""
import sys

pid, text = sys.argv[1], sys.argv[2].encode()
found = 0
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
    for line in maps:
        span, rights = line.split()[:2]
        if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
            continue
        begin, end = (int(x, 16) for x in span.split("-"))
        try:
            mem.seek(begin)
            data = mem.read(end - begin)
        except OSError:
            continue
        found += data.count(text)
print(found)
