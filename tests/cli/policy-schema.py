#!/usr/bin/python3
"""policy-schema.py SCHEMA CORPUS: good-* and beyond-* documents are valid, bad-* ones are not."""
import json
import os
import re
import sys

import jsonschema


def plain(text):
    """JSON with comments and trailing commas, as JSON (the corpus has no such marks within strings)."""
    text = re.sub(r'^((?:[^"\n]|"(?:[^"\\\n]|\\.)*")*?)//[^\n]*', r"\1", text, flags=re.M)
    return json.loads(re.sub(r",(\s*[\]}])", r"\1", text))


schema = json.load(open(sys.argv[1]))
validator = jsonschema.Draft202012Validator(schema)
wrong = 0
for name in sorted(os.listdir(sys.argv[2])):
    if not name.startswith(("good-", "bad-", "beyond-")):
        continue
    errors = list(validator.iter_errors(plain(open(os.path.join(sys.argv[2], name)).read())))
    if bool(errors) == name.startswith("bad-"):
        continue
    wrong += 1
    print(name, errors[0].message if errors else "is valid")
sys.exit(wrong != 0)
