#!/bin/sh
# What must not stand in the sources, each with its reason.
set -eu
bad=0
refuse() { # refuse REASON PATTERN PATHSPEC...
	reason=$1 pattern=$2
	shift 2
	found=$(git grep --untracked -nIwE -e "$pattern" -- "$@" ':!tests/lint/words.sh' ':!LICENSE' || true)
	[ -z "$found" ] && return
	echo "$found" | sed "s|^|$reason: |"
	bad=1
}
docs=':!*.md'
refuse "a package of the test cases is named outside tests and documentation" \
	'[qQ][sS]|[jJ]inja2?|c[jJ][sS][oO][nN]' . ':!tests' ':!docs' "$docs"
refuse "only a person merges: there is no such call" \
	'merge_pull_request|pull_merge|merge_merge_request|mergePullRequest|pulls?/[^" ]*/merge|merge_requests/[^" ]*/merge|auto_?merge|approve|approvals?|git merge|--ff-only' \
	agent runtime images policy "$docs"
refuse "a test must not end or hide processes by name" 'pkill|killall|nohup' 'tests/*.sh' Makefile '*.mk' .ci
refuse "an unbounded or shell-running function" \
	'(gets|strcpy|strcat|sprintf|vsprintf|system|popen|tmpnam|mktemp|alloca) *\(' 'runtime/*.[ch]' 'images/*.[ch]' 'policy/*.[ch]' 'agent/*.[ch]'
refuse "a registry's address is the host's to configure" \
	'registry\.npmjs\.org|deb\.debian\.org|pypi\.org|crates\.io|proxy\.golang\.org' . "$docs"
refuse "unfinished" '(TODO|FIXME|XXX|HACK)(:|\()' . ':!tests/fuzz/corpus' "$docs"
for file in $(git ls-files --cached --others --exclude-standard '*.[ch]'); do
	[ -e "$file" ] || continue
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$file: has no licence line"; bad=1; }
done
exit $bad
