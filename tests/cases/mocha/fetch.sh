#!/bin/sh
# fetch.sh DIR: a small service of our own whose tests are written for mocha, ready for `sickbay heal --service DIR/service.json`.
set -eu
[ $# = 1 ] || { echo "usage: fetch.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
cases=${here%/*}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# shellcheck source=tests/cases/lib.sh
. "$cases/lib.sh"

repo_new "$dir/repo"
cp -r "$here/repo/." "$dir/repo/"
repo_commit "$dir/repo" 2026-02-25T00:00:00Z "shelves and their labels" v1.0.0
deploy_json "$dir/repo" labels@1.0.0 2026-11-22T06:02:00Z v1.0.0 >"$dir/deploy.json"
for f in service.json recipe.json package.json package-lock.json metrics.json report.ndjson expect.json; do
	cp "$here/$f" "$dir/$f"
done
