# SPDX-License-Identifier: Apache-2.0
"""poison.py CASE-DIRECTORY: puts markup into every text of a case's records that may hold any, and chains them anew."""
import hashlib
import json
import pathlib
import sys

EVIL = "</title></script><script>evil()</script><img src=x onerror=evil()>\"' \u202e\u200b\x1b[2J"
KEPT = {"schema", "case", "prev", "kind", "type", "outcome", "match", "author", "verdict", "new", "old", "created", "ended",
        "digest", "sha256", "first_seen", "last_seen", "taken", "usd", "usd_exact", "base", "head", "commit", "parent", "side"}


def poison(v, key=""):
    if isinstance(v, dict):
        return {k: poison(x, k) for k, x in v.items()}
    if isinstance(v, list):
        return [poison(x, key) for x in v]
    if key == "path":
        return v + "<img src=x onerror=evil()>.js"
    if key == "new":
        return v + "// </script><script>evil()</script> \u202e\n"
    return v + EVIL if isinstance(v, str) and key not in KEPT else v


prev = "0" * 64
for path in sorted(pathlib.Path(sys.argv[1]).glob("[1-7]-*.json")):
    record = poison(json.loads(path.read_text()))
    record["prev"] = "sha256:" + prev
    data = json.dumps(record, indent=1).encode()
    path.write_bytes(data)
    prev = hashlib.sha256(data).hexdigest()
