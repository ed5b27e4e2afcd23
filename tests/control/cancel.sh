#!/bin/sh
# `sickbay case cancel` of a case that another process works on, and what is kept of it.  Needs root.
# shellcheck disable=SC2016,SC2119 # programs of other shells; functions without arguments
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/control/toy.lib.sh
. "$(dirname "$0")/toy.lib.sh"
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT

toy 'echo trace >/srv/shop/left-behind; ln -s /etc/passwd /srv/shop/a-link; sleep 50; echo "ok 1 - a price"; echo 1..1'
start() { healing && sleep 0.5; } # it has a moment to write
ended() { wait "$pid"; got=$?; pid=; }

start
check "a heal runs its suite" running
check "it is cancelled by another process" kase cancel shop-1-1 --reason "wrong service"
ended
check "which it says itself" [ "$got" = 3 ]
check "with the reason" grep -q "shop-1-1: cancelled: wrong service" "$work/out"
check "none of its replicas is left" [ -z "$(live)" ]
check "it is in the log who asked for it" logged '"type":"case.cancel","case":"shop-1-1","reason":"wrong service"'
refuses "it cannot be cancelled twice" 1 "case 'shop-1-1' has ended already" kase cancel shop-1-1
refuses "nothing was kept of it" 1 "nothing was kept of case 'shop-1-1'" kase discard shop-1-1

start
check "another heal runs its suite" running
check "it is paused" pause --all --reason "let me look"
check "and cancelled while it is, with what it wrote" prints "kept what" kase cancel shop-1-2 --keep
ended
check "which ends it" [ "$got" = 3 ]
for one in "$state"/kept/shop-1-2/rp-*; do :; done
check "what the suite wrote is there" grep -q trace "$one/srv/shop/left-behind"
check "a link is what it was" [ "$(readlink "$one/srv/shop/a-link")" = /etc/passwd ]
check "only root may look at it" [ "$(stat -c %a "$state/kept")" = 700 ]
check "it is in the log that it was kept" logged '"type":"case.keep"'
check "it can be removed" kase discard shop-1-2
check "which is in the log, too" logged '"type":"case.discard","case":"shop-1-2"'
check "then it is gone" [ ! -e "$state/kept/shop-1-2" ]
refuses "a case that is not there is named" 1 "no case 'shop-9'" kase cancel shop-9
refuses "an option that means nothing is refused" 2 "unknown option '--keep'" kase show shop-1-1 --keep

done_testing
