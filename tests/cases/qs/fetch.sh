#!/bin/sh
# fetch.sh DIR: the case qs, ready for `sickbay heal --service DIR/service.json`, with the released packages as a
# repository of two commits.  A second call needs no network.
set -eu
[ $# = 1 ] || { echo "usage: fetch.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
cases=${here%/*}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# shellcheck source=tests/cases/lib.sh
. "$cases/lib.sh"

old=$(npm_get qs 6.15.0 980653b4d09e7ad28c1fea528eb6fbe8d00cf15f5ad3923d68164e1f3b56cbf52a70975060db1fe7dbeb44a5a7a23013f58f866c8be84c10bef823c7aa90c185 "$dir/upstream")
new=$(npm_get qs 6.15.1 e981c41512fd99f81c02faa5fd78704ef7f98ca70e8a2ba9b761622711e4897d73e23ed62fc27f8d11d82e5b8e46f7355f1079ad5db42a878ad3481525a9aca6 "$dir/upstream")

repo_new "$dir/repo"
repo_tarball "$dir/repo" "$old"
repo_commit "$dir/repo" 2026-02-25T00:00:00Z "v6.15.0" v6.15.0
repo_tarball "$dir/repo" "$new"
repo_commit "$dir/repo" 2026-04-07T00:00:00Z "v6.15.1" v6.15.1
deploy_json "$dir/repo" shop@6.15.1 2026-11-22T06:02:00Z v6.15.1 v6.15.0 >"$dir/deploy.json"
for f in service.json recipe.json package.json package-lock.json metrics.json report.ndjson expect.json server.js; do
	cp "$here/$f" "$dir/$f"
done
