#!/bin/bash
# cached.sh TOOL: runs a slow checker over every C file, two at a time.  A file that was clean is not
# looked at again until it, a header of it, its flags or the tool's configuration change.
set -eu
tool=$1
cache=${LINT_CACHE:-build/lint}/$tool
mkdir -p "$cache"
one() { # one FILE: prints what is found
	local file=$1 key flags
	eval "flags=($LINT_CFLAGS)" # as make's shell reads them
	key=$({ cat .clang-tidy tests/.clang-tidy tests/lint/cached.sh; echo "$LINT_CFLAGS"; cc "${flags[@]}" -E "$file"; } | sha256sum)
	key=$cache/${key%% *}
	[ -e "$key" ] && return 0
	case $tool in
	tidy) clang-tidy --quiet "$file" -- "${flags[@]}" 2>/dev/null ;;
	analyzer) cc "${flags[@]}" -O1 -fanalyzer -Werror -Wno-analyzer-malloc-leak -Wno-unused-value -DERR_IS_NEVER_ZERO -c -o /dev/null "$file" ;;
	cppcheck) cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --library=posix \
		--suppress=memleak --suppress=resourceLeak --suppress=readdirCalled --suppress=comparePointers --error-exitcode=1 \
		-D_GNU_SOURCE -D__cppcheck__ --include=tests/lint/cppcheck.h -I. "$file" ;;
	esac || { echo "$tool: $file" >&2; return 1; }
	: >"$key"
}
export -f one
export tool cache
case $tool in tidy) paths='runtime images policy agent tests' ;; *) paths='runtime images policy agent' ;; esac
for path in $paths; do git ls-files --cached --others --exclude-standard "$path/*.c"; done |
	grep -v '^tests/cases/\|^tests/core/depot/' | xargs -P2 -I{} bash -c 'one "$1"' bash {}
