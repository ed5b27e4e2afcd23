# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034 # programs of other shells; what the tests and lib.sh use
# Sourced by the test of each case, beside tests/sh/lib.sh: the case from the raw report to the pull request, in a
# directory of its own that is removed at the end.
: "${case:?name of the case}" "${format:?of the report}" "${report:?file name of the report}"
top=$(pwd)
sickbay=${SICKBAY:-$top/build/sickbay}
python=/usr/bin/python3
work=$(mktemp -d "$top/build/case.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2034 # used by the tests
state=$work/state at=$work/case

json() { # json FILE EXPRESSION: the expression over the parsed file `j`, in Python
	"$python" -c 'import json, sys
j = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

same() { # same NAME WANT GOT
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else bad=1; echo "not ok $n - $1"; echo "# want $2"; echo "# got  $3"; fi
}

# The upstream source is kept from run to run, the repository is not: a healed one has a branch more.
# shellcheck source=tests/sh/fetch.sh
. "$top/tests/sh/fetch.sh"
if ! fetch_case "$case" "$at" >"$work/log" 2>&1; then
	sed 's/^/# /' "$work/log"
	echo "1..0 # skip the source of $case cannot be fetched"
	exit 0
fi

place() { # place FILE PATH...: the coordinate at this path of a JSON file, as far as the case states it
	"$python" -c 'import json, sys
j, want = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))["coordinate"]
print(*("%s=%s" % (k, j["coordinate"].get(k)) for k in sorted(want)))' "$1" "$at/expect.json"
}

convert_case() { # the raw report becomes an incident with the expected coordinate
	set -- --from "$format" --service "$at/service.json" --deploy "$at/deploy.json" --metrics "$at/metrics.json"
	[ ! -e "$at/input.json" ] || set -- "$@" --input "$at/input.json"
	check "$case: the raw report is converted" sh -c 'out=$1; shift; "$@" >"$out"' sh "$work/incident.json" \
		"$sickbay" incident convert "$@" "$at/$report"
	same "$case: its coordinate is the expected one" "$(place "$at/expect.json")" "$(place "$work/incident.json")"
}

packages() { # packages RECIPE...: what is fetched for members of the replica; without network there is nothing to show
	for recipe; do
		"$sickbay" image prepare --state "$state" "$at/$recipe" >"$work/log" 2>&1 && continue
		sed 's/^/# /' "$work/log"
		echo "1..0 # skip the packages of $case cannot be fetched"
		exit 0
	done
}

heal_case() { # the pipeline to its end: a proposed pull request
	check "$case: the service is ready" "$sickbay" service check "$at/service.json" --state "$state"
	# a relative directory, as an operator may write it; helpers run elsewhere
	check "$case: healed" "$sickbay" heal "$work/incident.json" --service "$at/service.json" --state "${state#"$top/"}"
	for record in "$state"/cases/*; do :; done
	same "$case: reproduced at the coordinate" exact "$(json "$record/3-match.json" 'j["match"]')"
	same "$case: proposed" proposed "$(json "$record/7-outcome.json" 'j["outcome"]')"
	same "$case: one result for each test of the base commit" "$(json "$at/expect.json" 'j["tests"]')" \
		"$(json "$record/2-replica.json" 'len(j["baseline"]["base"]["status"])')"
	git -c init.defaultBranch=main clone -q "$at/repo" "$work/clone"
	check "$case: fix.patch applies with git am" git -C "$work/clone" -c user.name=t -c user.email=t@example.invalid \
		am -q "$record/fix.patch"
	test=$(json "$record/3-match.json" 'j["test_path"]')
	check "$case: the new test is part of it" test -s "$work/clone/$test"
}

quiet() { # quiet NAME TEXT: the new test does not have this text of production
	check "$1" sh -c '! grep -qF -- "$1" "$2"' sh "$2" "$work/clone/$test"
}

in_replica() { # in_replica SCRIPT: runs it in a replica, in the healed tree with its toolchain's packages
	tar -C "$work/clone" --exclude=.git -cf "$work/tree.tar" .
	"$sickbay" run --state "$state" --image host -- sh -c 'mkdir /tmp/tree && cd /tmp/tree && tar xf - && '"$1" <"$work/tree.tar"
}
