#!/bin/bash
# Each header compiles alone and says so but once.
set -eu
bad=0
one() {
	local flags
	eval "flags=($LINT_CFLAGS)" # as make's shell reads them
	grep -q '^#pragma once' "$1" || { echo "$1: has no #pragma once" >&2; return 1; }
	cc "${flags[@]}" -Wno-pedantic -Wno-unused-function -Wno-unused-variable -Wno-unused-const-variable -fsyntax-only -include "$1" -x c /dev/null
}
export -f one
git ls-files --cached --others --exclude-standard '*.h' | xargs -P2 -I{} bash -c 'one "$1"' bash {} || bad=1
exit $bad
