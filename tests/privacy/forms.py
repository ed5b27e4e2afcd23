"""forms.py CANARIES PATH...: where a canary stands in the files, in any of its forms.  Prints FILE: FORM, and fails then.
CANARIES is a file with one canary on each line."""
import base64
import os
import re
import sys
import urllib.parse


def forms(text):
    raw = text.encode()
    yield "as it is", raw.lower()
    yield "hexadecimal", raw.hex().encode()
    yield "escaped", b"".join(b"\\x%02x" % b for b in raw)
    yield "escaped", b"".join(b"\\u%04x" % b for b in raw)
    yield "escaped", b"".join(b"%%%02x" % b for b in raw)
    yield "escaped", b"".join(b"&#%d;" % b for b in raw)
    yield "escaped", urllib.parse.quote(text, safe="").encode().lower()
    yield "a list of bytes", b", ".join(b"%d" % b for b in raw)
    yield "a list of bytes", b" ".join(b"%02x" % b for b in raw)
    for skip in range(3):  # only what the neighbours cannot change
        code = base64.b64encode(b"\0" * skip + raw).decode()
        yield "base64", re.sub("=+$", "", code)[-(-skip * 8 // 6):-2].lower().encode()


found = 0
canaries = [line.strip() for line in open(sys.argv[1], encoding="utf-8") if line.strip()]
files = 0
for top in sys.argv[2:]:
    names = [os.path.join(d, f) for d, _, fs in os.walk(top) for f in fs] if os.path.isdir(top) else [top]
    for name in names:
        if os.path.islink(name) or not os.path.isfile(name):
            continue
        files += 1
        with open(name, "rb") as f:
            data = name.encode().lower() + b"\n" + f.read().lower()
        for canary in canaries:
            for form, want in forms(canary):
                if want in data:
                    print("%s: %s (%s)" % (name, form, canary))
                    found = 1
if not files:
    print("no files")
sys.exit(found or not files)
