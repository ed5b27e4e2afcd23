# SPDX-License-Identifier: Apache-2.0
"""poison.py KIND CASE-DIRECTORY [SEED]: makes the records of a case hostile, and chains them anew.
markup  puts markup, text that runs the other way, and words without an end into every text that may hold any
flood   thousands of candidates, refusals, frames and lines
types   a value in ten is of another type than it was; SEED says which"""
import hashlib
import json
import pathlib
import random
import sys

EVIL = "</title></script><script>evil()</script><img src=x onerror=evil()>\"' \u202e\u200b\x1b[2J\u05d0\u05d1\u05d2 "
LONG = {"message", "reason", "summary", "says", "place"}
KEPT = {"schema", "case", "prev", "kind", "type", "outcome", "match", "author", "verdict", "new", "old", "created", "ended",
        "digest", "sha256", "first_seen", "last_seen", "taken", "usd", "usd_exact", "base", "head", "commit", "parent", "side"}
kind, case = sys.argv[1], pathlib.Path(sys.argv[2])
chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 0)


def markup(v, key=""):
    if isinstance(v, dict):
        return {k: markup(x, k) for k, x in v.items()}
    if isinstance(v, list):
        return [markup(x, key) for x in v]
    if key == "path":
        return v + "<img src=x onerror=evil()>.js"
    if key == "new":
        return v + "// </script><script>evil()</script> \u202e" + "y" * 10000 + "\n"
    return v + EVIL + ("w" * 10000 if key in LONG else "") if isinstance(v, str) and key not in KEPT else v


def flood(v):
    agent = v.get("agent", {})
    if "candidates" in agent:
        agent["candidates"] = [{"operator": f"operator-{i}", "file": "price.js", "line": i, "summary": f"candidate {i}", "why_not": "it fails",
                                "plausible": i % 7 == 0} for i in range(5000)]
        agent["refusals"] = [{"path": f"p{i}", "reason": "no", "rule": "/code/deny/1", "place": "p.json:1:1", "decision": "deny"} for i in range(3000)]
        agent["notes"] = [f"note {i}" for i in range(3000)]
    for change in v.get("changes", []):
        change["new"] = "".join(f"-- line {i}\n" for i in range(60000))
    for x in v.get("incident", {}).get("chain", []):
        x["frames"] = x["frames"] * 1000
    for step in v.get("steps", []):
        step["detail"] = {f"key {i}": [list(range(50))] * 50 for i in range(50)}
    return v


def types(v, key=""):
    if key and key not in KEPT and chance.random() < 0.1:
        return chance.choice([None, True, -1, 1e300, "text", [], [[]], {}, {"a": {}}, ["x", {}]])
    if isinstance(v, dict):
        return {k: types(x, k) for k, x in v.items()}
    return [types(x, key) for x in v] if isinstance(v, list) else v


prev = "0" * 64
for path in sorted(case.glob("[1-7]-*.json")):
    record = {"markup": markup, "flood": flood, "types": types}[kind](json.loads(path.read_text()))
    record["prev"] = "sha256:" + prev
    data = json.dumps(record, indent=1).encode()
    path.write_bytes(data)
    prev = hashlib.sha256(data).hexdigest()
