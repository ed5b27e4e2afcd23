#!/bin/sh
# What a start and its tear-down cost, beside the kernel's own part and beside bubblewrap.
# Prints; asserts nothing.  Called by `make bench`; ROUNDS=N (60).
set -eu
programs=${1:?usage: bench.sh DIRECTORY_OF_PROGRAMS}
programs=$(cd "$programs" && pwd)
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/sickbay-bench.XXXXXX")
log=
# shellcheck disable=SC2317 # called by the trap
clean() {
	[ -z "$log" ] || { kill "$log" && wait "$log"; } 2>/dev/null || :
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
mkdir -m 755 "$dir/layer"
for d in usr etc tmp proc sys dev; do mkdir "$dir/layer/$d"; done
for d in bin lib lib64 sbin; do ln -s "usr/$d" "$dir/layer/$d"; done
chmod 1777 "$dir/layer/tmp"
install -m 755 "$programs/bench-stamp" "$dir/layer/stamp"
for state in state resident; do
	"$programs/sickbay" image import "$dir/layer" --name empty --state "$dir/$state" >/dev/null
done
"$programs/sickbay" audit serve --state "$dir/resident" &
log=$!
until [ -S "$dir/resident/audit.socket" ]; do sleep 0.1; done
echo "kernel $(uname -r), $(nproc) cpus, load $(cut -d' ' -f1-3 /proc/loadavg), $(/usr/bin/bwrap --version)"
echo "${ROUNDS:-60} rounds, every row once in each; start: until the program's first instruction"
echo "sickbay run: its start is durable in the log before the program's first instruction"
"$programs/bench" "$dir" "$programs" "${ROUNDS:-60}"
echo
"$programs/bench-broker" "$programs" $((${ROUNDS:-60} * 10))
echo
sh "$(dirname "$0")/gate.sh" "$programs"
echo
sh "$(dirname "$0")/intake.sh" "$programs"
