#!/bin/sh
# What a start and its tear-down cost, beside the kernel's own part and beside bubblewrap.
# Prints; asserts nothing.  Called by `make bench`; ROUNDS=N (60).
set -eu
programs=${1:?usage: bench.sh DIRECTORY_OF_PROGRAMS}
programs=$(cd "$programs" && pwd)
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/sickbay-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
mkdir -m 755 "$dir/layer"
for d in usr etc tmp proc sys dev; do mkdir "$dir/layer/$d"; done
for d in bin lib lib64 sbin; do ln -s "usr/$d" "$dir/layer/$d"; done
chmod 1777 "$dir/layer/tmp"
install -m 755 "$programs/bench-stamp" "$dir/layer/stamp"
"$programs/sickbay" image import "$dir/layer" --name empty --state "$dir/state" >/dev/null
echo "kernel $(uname -r), $(nproc) cpus, load $(cut -d' ' -f1-3 /proc/loadavg), $(/usr/bin/bwrap --version)"
echo "${ROUNDS:-60} rounds, every row once in each; start: until the program's first instruction"
echo "sickbay run starts the log's own program, which makes the start durable before it happens"
"$programs/bench" "$dir" "$programs" "${ROUNDS:-60}"
