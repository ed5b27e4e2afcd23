#!/bin/sh
# `sickbay pause` in the middle of a heal, on a full disk, and in another process.  Needs root.
# shellcheck disable=SC2016,SC2119 # programs of other shells; functions without arguments
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/control/toy.lib.sh
. "$(dirname "$0")/toy.lib.sh"
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT

timeout=5s
toy 'i=0; while [ $i -lt 15 ]; do sleep 0.1; i=$((i + 1)); done; echo "ok 1 - a price"; echo 1..1'

refuses "a scope is wanted" 2 "pause wants --service NAME or --all" pause --reason why
refuses "a reason is wanted" 2 "pause wants --reason TEXT: whoever finds it paused reads it" pause --all
refuses "one scope at a time" 2 "pause: --all or --service NAME, not both" pause --all --service shop --reason x
refuses "a service has a plain name" 1 "'../x' is not the name of a service" pause --service ../x --reason x
refuses "nothing can go on that was not paused" 3 "'all' is not paused" unpause --all
refuses "unpause wants a scope" 2 "unpause wants --service NAME or --all" unpause
check "without options it says that nothing is" prints "nothing is paused" pause

healing
check "a heal runs its suite" running
check "it is paused in the middle" prints "paused: shop" pause --service shop --reason "a bad day"
check "each of its replicas is seen frozen" until_it all_frozen
check "the pause is in the log, with the login uid" logged '"scope":"shop","reason":"a bad day"'
check "without options it says what is paused, since when and why" prints "a bad day" pause
check "and as JSON" prints '"service": "shop"' pause --json
refuses "nothing is started for the service" 3 "paused (shop: a bad day): nothing is started until 'sickbay unpause'" heal
before=$(replicas start | wc -l)
sleep 5 # longer than the suite may take: its clock stands still
check "it stands still" all_frozen
check "nothing was started meanwhile" [ "$before" = "$(replicas start | wc -l)" ]
check "it goes on" prints "no longer paused: shop" unpause --service shop
wait "$pid"; got=$?
pid=
check "the heal completes" [ "$got" = 0 ]
check "as if nothing had been" grep -q "shop-1-1: observed" "$work/out"
check "its suite was complete" prints '"complete": true' kase show shop-1-1 --json
check "that it went on is in the log" logged '"type":"pause.clear","scope":"shop"'

echo '// another commit' >>"$work/repo/a.js"
commit_all
deployed
healing
pause --all --reason "the machine is taken away" >/dev/null
check "another heal is frozen" until_it all_frozen
live >"$work/orphans"
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
refuses "a killed one does not go on while it is paused" 3 "paused (all: the machine is taken away)" kase resume shop-1-2
check "what it left frozen is gone" sh -c 'while read -r one; do for g in /sys/fs/cgroup/sickbay/"$one".* /sys/fs/cgroup/*/sickbay/"$one".*; do [ ! -e "$g" ] || exit 1; done; done <"$1"' sh "$work/orphans"
unpause --all >/dev/null
check "it goes on afterwards, as another process" prints "shop-1-2: observed" kase resume shop-1-2

check "another service may be paused" pause --service mail --reason x
check "without stopping this one" heal
check "all may be paused" pause --all --reason "the worst day"
refuses "then nothing is started" 3 "paused (all: the worst day)" heal
refuses "also no case that waits" 3 "paused (all: the worst day)" kase resume shop-1-3
check "all may go on" unpause --all
check "the one that was named stays paused" prints "mail" pause

# A full disk: neither a block nor an inode is left.
mkdir "$work/full"
if mount -t tmpfs -o size=4m,nr_inodes=120 none "$work/full" 2>/dev/null; then
	state=$work/full/state
	pause --service mail --reason first >/dev/null # makes the log, and what is held in reserve
	unpause --service mail >/dev/null
	dd if=/dev/zero of="$work/full/fill" bs=4096 2>/dev/null
	i=0
	while true >"$work/full/inode-$i"; do i=$((i + 1)); done 2>/dev/null
	check "the disk is full" sh -c '! echo x >"$1"/one-more 2>/dev/null' sh "$work/full"
	check "pausing works all the same" prints "paused: shop" pause --service shop --reason "disk full"
	check "everything can be paused, too" prints "paused: all" pause --all --reason "disk full"
	check "it is seen by another process" prints '"why": "disk full"' pause --json
	rm -f "$work/full/fill" "$work/full"/inode-*
	check "with space again it goes on" unpause --all
	check "what the log was owed is in it" logged '"type":"pause.set","scope":"shop","reason":"disk full"'
	check "nothing is owed any more" sh -c '! "$@" | grep -q "not in the log"' sh "$sickbay" pause --state "$state"
	check "the log verifies" "$sickbay" audit verify --state "$state"
	umount "$work/full"
fi


# ---- what is no case ----
other=$work/other
"$sickbay" pause --all --reason "worst day" --state "$other" >"$work/out" 2>&1
refuses "nothing is run while all is paused" 125 "paused (all: worst day): 'sickbay unpause' lets it go on" \
	"$sickbay" run --state "$other" --image host -- true
"$sickbay" unpause --all --state "$other" >"$work/out" 2>&1
"$sickbay" run --state "$other" --image host -- sh -c 'i=0; while [ $i -lt 20 ]; do echo $i; i=$((i + 1)); sleep 0.2; done' >"$work/counted" 2>"$work/err" &
runs=$!
soon() { for _ in $(seq 100); do "$@" && return; sleep 0.1; done; }
soon test -s "$work/counted"
"$sickbay" pause --all --reason again --state "$other" >"$work/out" 2>&1
soon grep -q 'paused: all: again' "$work/err"
before=$(wc -l <"$work/counted"); sleep 1
check "what runs stands still" [ "$(wc -l <"$work/counted")" = "$before" ]
"$sickbay" unpause --all --state "$other" >"$work/out" 2>&1
wait "$runs"; status=$?
check "and goes on to its end" [ "$status" = 0 ]
check "nothing of it is lost" [ "$(wc -l <"$work/counted")" = 20 ]
done_testing
