#!/bin/sh
# fetch.sh DIR CASE: the C case CASE (a directory beside this one), ready for `sickbay heal --service
# DIR/service.json`, with Debian's orig tarball as a repository of one commit.  A second call needs no network.
set -eu
[ $# = 2 ] || { echo "usage: fetch.sh DIR CASE" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
cases=${here%/*}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# shellcheck source=tests/cases/lib.sh
. "$cases/lib.sh"

tarball=$(orig_get cjson 1.7.15 5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2 "$dir/upstream")
repo_new "$dir/repo"
repo_tarball "$dir/repo" "$tarball"
repo_commit "$dir/repo" 2021-08-25T00:00:00Z "v1.7.15" v1.7.15
deploy_json "$dir/repo" device@1.7.15 2026-11-22T05:40:00Z v1.7.15 >"$dir/deploy.json"
for f in service.json recipe.json sanitizer.mk device.c; do cp "$here/$f" "$dir/$f"; done
for f in report.txt input.json metrics.json expect.json; do cp "$cases/$2/$f" "$dir/$f"; done
