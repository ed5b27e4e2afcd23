"""Writes the directory of a past case: past-case.py STATE ID SERVICE <RECORDS, where RECORDS is {"incident": {...}, ...}."""
import hashlib
import json
import os
import sys

STAGES = ["incident", "replica", "match", "patch", "proof", "pullreq", "outcome"]
state, name, service = sys.argv[1:4]
at = os.path.join(state, "cases", name)
os.makedirs(at)
with open(os.path.join(at, "service"), "w", encoding="utf-8") as out:
    out.write(service)
prev = "0" * 64
records = json.load(sys.stdin)
for number, stage in enumerate(STAGES, 1):
    if stage not in records:
        continue
    head = {"schema": f"sickbay.case.{stage}/1", "case": name, "prev": f"sha256:{prev}"}
    text = json.dumps({**head, **records[stage]}, indent=1)
    with open(os.path.join(at, f"{number}-{stage}.json"), "w", encoding="utf-8") as out:
        out.write(text)
    prev = hashlib.sha256(text.encode()).hexdigest()
