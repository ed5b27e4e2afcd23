#!/bin/sh
# fuzz.sh [DIR]: replays each target's corpus, then fuzzes for FUZZ_SECONDS in all (180), and shows
# on a target with a planted bug that a bug would have been found.  DIR (build/fuzz) holds the built targets.
. "$(dirname "$0")/../sh/lib.sh"
here=$(dirname "$0") dir=${1:-build/fuzz}
work=$dir/work
rm -rf "$work"
mkdir -p "$work"
# a target that crashes, as the planted one must, cannot clear its scratch directory itself
scratch() { ls -d /dev/shm/sickbay-fuzz-* 2>/dev/null; }
had=$(scratch)
clear_scratch() {
	for left in $(scratch); do
		case "$had" in *"$left"*) ;; *) rm -rf "$left" ;; esac
	done
}
trap clear_scratch EXIT
targets=
for source in "$here"/fuzz_*.c; do
	base=${source##*/}
	targets="$targets $dir/${base%.c}"
done
# shellcheck disable=SC2086
set -- $targets
seconds=$((${FUZZ_SECONDS:-180} / ($# > 0 ? $# : 1)))
[ "$seconds" -gt 0 ] || seconds=1
corpus_of() { # TARGET: its corpus if it has one; more than one by "NAME-*"
	ls -d "$here/corpus/$1" "$here/corpus/$1"-* 2>/dev/null
}
libfuzzer() { target=$1; shift; "$target" -artifact_prefix="$work/" -rss_limit_mb=1024 -timeout=20 -print_final_stats=0 "$@" 2>&1; }
replay() { # shellcheck disable=SC2046
	libfuzzer "$1" -runs=0 $(corpus_of "$2"); }
fuzz() { # new inputs go to the working directory, never to the repository
	mkdir -p "$work/$2"
	# shellcheck disable=SC2046
	libfuzzer "$1" -max_total_time="$3" -max_len=65536 "$work/$2" $(corpus_of "$2"); }
crashes() { ! fuzz "$1" "$2" "$3" >"$work/planted.log" && grep -q 'ERROR: AddressSanitizer' "$work/planted.log"; }

for t in "$@"; do
	of=${t##*/fuzz_}
	check "$of: every input of the corpus is handled" replay "$t" "$of"
	check "$of: nothing is found in $seconds s" fuzz "$t" "$of" "$seconds"
done
for t in "$dir"/fuzz_*.planted; do
	check "a bug planted in ${t##*/} is found" crashes "$t" "$(basename "$t" .planted | sed s/fuzz_//)" 30
done
done_testing
