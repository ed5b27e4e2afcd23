# SPDX-License-Identifier: Apache-2.0
"""many.py STATE CASES MODULES: a host's cases of a year as their records would be, by tests/control/cases.py, with what people
decided, the ledger of changes by agents and the policies; the same each time."""
import hashlib
import json
import pathlib
import random
import runpy
import sys

state, cases, modules = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
maker = pathlib.Path(__file__).parents[1] / "control" / "cases.py"
chance = random.Random(1)
services = [f"service-{i}" for i in range(5)]
ended = ["proposed"] * 10 + ["no-fix"] * 4 + ["not-reproduced"] * 3 + ["needs-scope", "not-code", "already-fixed", "needs-person", "observed"]
decided = ["merged"] * 6 + ["merged-edited"] * 2 + ["closed-wrong", "reverted", "recurred", "expected-behaviour"]
policies = {"patch": {"allow": ["**"]}, "narrow": {"allow": ["src/**"], "deny": [{"path": "src/auth/**", "reason": "a person's"}]},
            "wide": {"allow": ["**"], "needs_scope": ["migrations/**"]}}
drift = []
for i in range(cases):
    name, service, outcome = f"case-{i:04}-1", chance.choice(services), chance.choice(ended)
    module, policy = f"module-{int(chance.paretovariate(1.2)) % modules:02}", chance.choice(list(policies))
    touched = f"src/{module}/file-{chance.randrange(8)}.py"
    day = f"2026-{1 + i * 12 // cases:02}-{1 + i % 28:02}"
    took = int(chance.lognormvariate(5, 1.2))
    sys.argv = ["cases.py", str(state), name, f"service={service}", f"outcome={outcome}", f"operator=operator-{i % 9}", f"policy={policy}",
                f"author={chance.choice(['built-in', 'model', 'command'])}", f"touched={touched}", f"created={day}T10:00:00Z", f"proof={i}"]
    runpy.run_path(str(maker))
    case = state / "cases" / name
    last = case / "7-outcome.json"
    last.write_text(last.read_text().replace("T11:00:00Z", f"T{10 + took // 3600 % 14:02}:{took // 60 % 60:02}:{took % 60:02}Z"))
    (case / "policies").mkdir()
    (case / "policies" / "patch.json").write_text(json.dumps([{
        "name": policy, "version": 1, "code": policies[policy], "commands_default": "allow" if policy == "wide" else "deny",
        "filesystem": {"read": ["@image/**", "@repo/**"], "write": ["@repo/**", "@tmp/**"], "exec": ["@image/**"]},
        "network": {"default": "deny", "backing": policy == "wide"}, "model": {"max_cost_usd": "4.00"},
        "resources": {"memory": "4GiB", "wall": "1h"}}]))
    if outcome == "proposed" and i % 4:
        (case / "decisions.ndjson").write_text(json.dumps({
            "schema": "sickbay.decision/1", "case": name, "decision": chance.choice(decided), "at": f"{day}T{12 + i % 11}:00:00Z", "login_uid": "unset",
            "prev": "sha256:" + hashlib.sha256(last.read_bytes()).hexdigest()}) + "\n")
    if outcome == "proposed":
        drift.append({"schema": "sickbay.drift/1", "at": f"{day}T11:00:00Z", "service": service, "case": name, "operator": f"operator-{i % 9}",
                      "paths": [{"path": touched, "module": f"src/{module}", "added": 1 + i % 7, "removed": i % 3}]})
(state / "drift.ndjson").write_text("".join(json.dumps(line) + "\n" for line in drift))
