#!/bin/sh
# fetch.sh DIR: the case django, ready for `sickbay heal --service DIR/service.json`.
set -eu
[ $# = 1 ] || { echo "usage: fetch.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
cases=${here%/*}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# shellcheck source=tests/cases/lib.sh
. "$cases/lib.sh"

repo_new "$dir/repo"
cp -r "$here/source/." "$dir/repo/"
repo_commit "$dir/repo" 2026-11-09T00:00:00Z "v1.2.0" v1.2.0
deploy_json "$dir/repo" orders@1.2.0 2026-11-22T07:30:00Z v1.2.0 >"$dir/deploy.json"
for f in service.json recipe.json postgres.json metrics.json report.txt input.json expect.json; do cp "$here/$f" "$dir/$f"; done
