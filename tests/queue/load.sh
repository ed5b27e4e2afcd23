#!/bin/sh
# 500 reports over 20 fingerprints of 20 services, with a worker that is killed at random: one case for each, all of
# them counted, nothing left, and a log that verifies.  The same over one service is one storm.  Needs root.
#   SEED=N      the points, as printed by an earlier run
set -u
. "$(dirname "$0")/../sh/lib.sh"
. "$(dirname "$0")/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-load.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
echo "# SEED=$seed"
rnd() { # rnd N: r is one of 0 .. N-1
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	r=$((seed / 65536 % $1))
}
state=$dir/state
services="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"
mine() { # what belongs to this state directory or the worker's processes, of what sickbay makes on a host
	grep -F "$dir" /proc/self/mountinfo
	losetup -ln -O NAME,BACK-FILE 2>/dev/null | grep -F "$dir"
	running
	find "$state" -name '.tmp-*'
	find "$state/tmp" "$state/spool/new" "$state/spool/claimed" -mindepth 1 2>/dev/null
	for lock in "$state"/ids/*; do [ -e "$lock" ] && flock -n "$lock" true && echo "$lock"; done
}
worker() { "$sickbay" worker --state "$state" "$@"; }
incidents() { "$sickbay" incident list --state "$state" "$@"; }
cases() { find "$state/cases" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; }

ready=0
for s in $services; do
	toy "s$s"
	"$sickbay" service check "$dir/services/s$s.json" --state "$state" >"$dir/check" 2>&1 && ready=$((ready + 1)) ||
		sed 's/^/# /' "$dir/check"
	incident "s$s" price >"$dir/s$s.incident"
	cp "$dir/s$s.incident" "$dir/one.$s"
done
check "20 services are ready" [ "$ready" = 20 ]
[ "$ready" = 20 ] || done_testing
all=''
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
	for s in $services; do all="$all $dir/s$s.incident"; done
done

# half of the reports are there when the worker starts, half come while it is killed
at=0 first='' second=''
for one in $all; do
	at=$((at + 1))
	if [ $((at % 2)) = 0 ]; then first="$first $one"; else second="$second $one"; fi
done
submit() { "$sickbay" incident submit --services "$dir/services" --state "$state" "$@" >>"$dir/ids"; }
# shellcheck disable=SC2086 # names without blanks
submit_first() { submit $first; }
# shellcheck disable=SC2086
submit_second() { submit $second; }
check "250 reports are submitted" submit_first
submit_second &
feeder=$!
kills=0
for _ in 1 2 3 4 5 6; do
	"$sickbay" worker --state "$state" >>"$dir/log" 2>&1 &
	pid=$! # its own, not that of a shell around it
	rnd 12
	sleep "$(awk "BEGIN { print 0.05 + $r / 9 }")"
	kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
	wait "$pid" 2>/dev/null
	pid=
done
wait "$feeder"; fed=$?
check "250 more are submitted meanwhile" [ "$fed" = 0 ]
check "the worker was killed" [ "$kills" = 6 ]
echo "# cases when it was killed last: $(cases)"
check "a worker that drains the queue ends with 0" worker --drain
counted() { incidents --json | awk '/"reports":/ { gsub(",", ""); n += $2 } END { print n; exit n != 500 }'; }
check "500 reports are counted, none twice" counted
check "they are 20 incidents" [ "$(incidents | wc -l)" = 20 ]
check "each has ended" [ "$(incidents | grep -c ' ended ')" = 20 ]
check "there is one case for each" [ "$(cases)" = 20 ]
ended() { [ "$(find "$state/cases" -name 7-outcome.json | wc -l)" = 20 ]; }
check "each case has its outcome" ended
began() { [ "$("$sickbay" audit show --json --state "$state" | grep -c '"type":"case.begin"')" -ge 20 ]; }
check "each began in the log" began
check "there is no storm: the services and deploys differ" [ -z "$("$sickbay" storm list --state "$state")" ]
check "the log is whole" "$sickbay" audit verify --state "$state"
check "nothing is left of the workers that were killed" empty mine

# the same over one service
state=$dir/storm
"$sickbay" service check "$dir/services/s1.json" --state "$state" >"$dir/check" 2>&1
all=''
for s in $services; do incident s1 "f$s" >"$dir/f$s.incident"; done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
	for s in $services; do all="$all $dir/f$s.incident"; done
done
# shellcheck disable=SC2086
submit_all() { submit $all; }
check "500 reports of one service are submitted" submit_all
check "the worker drains the queue" worker --drain
check "they are counted" counted
storms() { "$sickbay" storm list --state "$state"; }
check "they are one storm" [ "$(storms | wc -l)" = 1 ]
check "of 20 incidents" prints " 20 incidents  open" storms
check "no repair began" [ "$(cases)" = 0 ]
check "the storm is in the log" logged '"type":"storm.open"'
storm=$(storms | cut -d' ' -f1)
check "status says what is held, and what a person can do" \
	prints "repairs wait until a person runs 'sickbay storm resume $storm'" "$sickbay" status --state "$state"
one=$(incidents | head -n 1 | cut -d' ' -f1)
refuses "a person's heal is refused, too" 3 "not begun: storm '$storm': 20 new incidents of one service" \
	"$sickbay" heal --incident "$one" --state "$state"
check "a person resumes it" "$sickbay" storm resume "$storm" --reason "one bad deploy, reverted" --state "$state"
check "the log says who and why" logged '"reason":"one bad deploy, reverted"'
refuses "it is resumed once" 1 "storm '$storm' was resumed at" \
	"$sickbay" storm resume "$storm" --reason again --state "$state"
check "one repair can be had alone" worker --once
check "it made one case" [ "$(cases)" = 1 ]
check "the log is whole" "$sickbay" audit verify --state "$state"
check "nothing is left" empty mine
done_testing
