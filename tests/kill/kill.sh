#!/bin/sh
# kill -9 of the orchestrator at a random point of each stage, then `case resume`: the same case as one that nobody
# interrupted, and nothing left of the runs that were killed.  One case is killed once in each stage that was chosen.
#   SEED=N      the points, as printed by an earlier run       KILLS=all   every stage; else two that the seed chooses
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/kill.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
. "$top/tests/sh/fetch.sh"
cases=$work/case
fetch_case qs "$cases" >/dev/null 2>&1 || { echo "1..0 # skip the package cannot be fetched"; exit 0; }

seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
echo "# SEED=$seed"
rnd() { # rnd N: r is one of 0 .. N-1
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	r=$((seed / 65536 % $1))
}
stages="replica match patch proof pullreq"
if [ "${KILLS:-}" != all ]; then
	rnd 4; first=$((r + 1))
	rnd $((5 - first)); second=$((first + 1 + r))
	stages=$(echo $stages | cut -d' ' -f$first,$second)
fi
record() { case $1 in begin) echo 1-incident ;; replica) echo 2-replica ;; match) echo 3-match ;; patch) echo 4-patch ;; proof) echo 5-proof ;; pullreq) echo 6-pullreq ;; esac; }
before() { case $1 in replica) echo begin ;; match) echo replica ;; patch) echo match ;; proof) echo patch ;; pullreq) echo proof ;; esac; }

# The points of a stage are its effects in the log: the same ones, however loaded the machine is.
effects() { # effects STATE STAGE: how many since the stage began
	case $2 in begin | replica) what='"type":"case.begin"' ;; *) what="\"record\":\"$(record "$(before "$2")").json\"" ;; esac
	cat "$1"/audit/events/*.ndjson | awk -v what="$what" -v end="\"record\":\"$(record "$2").json\"" '
		index($0, what) { n = 0; on = 1; next }
		index($0, end) { on = 0 }
		on && /"type":"(replica.start|gate.submit|push)"/ { n++ }
		END { print n + 0 }'
}
tree() { # tree PID: it and all that descends from it, as PID:START
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" '
		{ p = $1; sub(/^.*\) /, ""); parent[p] = $2; start[p] = $20 }
		END {
			want[root] = 1
			do { more = 0; for (p in parent) if (!(p in want) && parent[p] in want) { want[p] = 1; more = 1 } } while (more)
			for (p in want) if (p in start) print p ":" start[p]
		}'
}
alive() { # alive PID:START ...
	for one in "$@"; do # one that only its parent has to hear of is no process any more
		# shellcheck disable=SC2046 # the fields of stat
		set -- $(sed 's/^.*) //' "/proc/${one%:*}/stat" 2>/dev/null)
		[ "${20:-}" = "${one#*:}" ] && [ "$1" != Z ] && echo "process $one"
	done
}
free_ids() { # id ranges whose owner is gone
	for lock in /run/sickbay/ids/* "$state"/ids/*; do
		[ -e "$lock" ] && flock -n "$lock" true && echo "$lock"
	done
}
note() { # note: what the run that is about to be killed has
	have=$(tree "$pid")
	seen="$seen $have"
	for one in $have; do
		groups="$groups $(sed -n 's|.*/\(sickbay/[^/]*\).*|\1|p' "/proc/${one%:*}/cgroup" 2>/dev/null | sort -u)"
		net=$(readlink "/proc/${one%:*}/ns/net" 2>/dev/null)
		[ -z "$net" ] || [ "$net" = "$(readlink /proc/self/ns/net)" ] || nets="$nets $net"
	done
}
seen='' groups='' nets='' ids=''

ready=$work/ready
cp -r "$cases" "$work/qs"
check "the service is ready" "$sickbay" service check "$work/qs/service.json" --state "$ready"
rm -f "$ready"/services/shop/baseline-* # so that the first stage has something to be killed in
start() { # start DIR: a case of its own, with a repository of its own, in the background
	mkdir "$1"
	cp -a "$ready" "$1/state"
	cp -r "$cases" "$1/qs"
	state=$1/state
	"$sickbay" heal --from node --service "$1/qs/service.json" --state "$state" --deploy "$1/qs/deploy.json" --json \
		<"$1/qs/report.ndjson" >"$1/out" 2>&1 &
	pid=$!
}

start "$work/whole"
wait "$pid"; got=$?; pid=
check "a case that nobody interrupts ends in a pull request" [ "$got" = 0 ] || sed 's/^/# /' "$work/whole/out"
[ "$got" = 0 ] || done_testing
id=$(ls "$work/whole/state/cases")

start "$work/cut"
dir=$state/cases/$id
hit=0
for stage in $stages; do
	of=$(effects "$work/whole/state" "$stage")
	rnd $((of + 1)); effect=$r
	rnd 60; late=$((r + 10))
	while kill -0 "$pid" 2>/dev/null && ! [ -e "$dir/$(record "$(before "$stage")").json" ]; do sleep 0.02; done
	while kill -0 "$pid" 2>/dev/null && ! [ -e "$dir/$(record "$stage").json" ] &&
		[ "$(effects "$state" "$stage")" -lt "$effect" ]; do sleep 0.02; done
	[ "$stage" = pullreq ] || sleep "0.0$late"
	kill -STOP "$pid" 2>/dev/null # this is the point: what it has now is what it leaves
	note
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null; pid=
	ids="$ids $(free_ids)"
	where=$stage
	[ -e "$dir/$(record "$stage").json" ] && where="after $stage" || hit=$((hit + 1))
	echo "# killed: $where, at effect $effect of $of, 0.0$late s later"
	"$sickbay" case resume "$id" --state "$state" --json >>"$work/cut/out" 2>&1 &
	pid=$!
done
wait "$pid"; got=$?; pid=
check "the resumed case ends in a pull request" [ "$got" = 0 ] || sed 's/^/# /' "$work/cut/out"
check "a kill hit its stage" [ "$hit" -gt 0 ]

same() { # the records, and the side files
	node "$here/compare.js" "$work/whole/state/cases/$id" "$dir" >"$work/differ"
	cat "$work/differ"
	! [ -s "$work/differ" ]
}
check "test, diff, attempts and records are those of the case that nobody interrupted" same
branch() { git -c safe.directory='*' -C "$work/$1/qs/repo" rev-parse "refs/heads/sickbay/$id^{tree}"; }
check "the branch holds the same tree" [ "$(branch whole)" = "$(branch cut)" ]
pushed() {
	commit=$(git -c safe.directory='*' -C "$work/cut/qs/repo" rev-parse "refs/heads/sickbay/$id")
	grep -q "\"commit\": \"$commit\"" "$dir/6-pullreq.json"
}
check "the record names the commit that was pushed" pushed
check "the log is whole" "$sickbay" audit verify --state "$state"

nothing() { # nothing of the killed runs is there
	left=$({
		alive $seen
		for g in $groups; do find /sys/fs/cgroup -maxdepth 3 -type d -path "*/$g" 2>/dev/null; done
		for net in $nets; do find /proc/[0-9]*/ns -name net -lname "$net" 2>/dev/null | head -n 1; done
		for lock in $ids; do [ -e "$lock" ] && flock -n "$lock" true && echo "$lock"; done
		grep -F "$work" /proc/self/mountinfo
		losetup -ln -O NAME,BACK-FILE 2>/dev/null | grep -F "$work"
		find "$state/tmp" -mindepth 1
		find "$state/images/layers" -maxdepth 1 -name '.*' -mindepth 1
		find "$state" -name '.tmp-*'
		find "$state/repos" -mindepth 2 \( -name '*.lock' -o -name 'tmp_*' -o -name 'sickbay-index.*' \)
		find "$state/repos" "$work/cut/qs/repo/.git" \( -name '*.git.new' -o -name 'tmp_objdir*' -o -name '*.lock' \) ! -path "$state/repos/shop.lock"
	} 2>/dev/null)
	echo "$left"
	[ -z "$left" ]
}
check "nothing is left of the runs that were killed" nothing
quiet() { ! grep -i warning "$work/cut/out"; }
check "and nothing was in the way of clearing it" quiet
done_testing
