#!/bin/bash
# run.sh TEST: what prove runs each test with.  A program is executed, a script is given to sh.
# With STRICT=1 a skipped test is a failed one: nothing is believed that was not run.
case $1 in *.sh) set -- sh "$@" ;; esac
[ "${STRICT:-}" = 1 ] || exec "$@"
set -o pipefail
"$@" | awk '
	tolower($0) ~ /^1\.\.0[ \t]*#[ \t]*skip/ { sub(/^1\.\.0[ \t]*#[ \t]*/, ""); print "1..1"; print "not ok 1 - STRICT: " $0; next }
	tolower($0) ~ /^ok .*#[ \t]*skip/ { sub(/^ok/, "not ok"); sub(/#[ \t]*/, "- STRICT: "); print; next }
	{ print; fflush() }'
