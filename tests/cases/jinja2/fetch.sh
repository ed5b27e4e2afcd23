#!/bin/sh
# fetch.sh DIR: the case jinja2, ready for `sickbay heal --service DIR/service.json`, with Debian's orig tarball as a
# repository of one commit.  A second call needs no network.
set -eu
[ $# = 1 ] || { echo "usage: fetch.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
cases=${here%/*}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# shellcheck source=tests/cases/lib.sh
. "$cases/lib.sh"

tarball=$(orig_get jinja2 3.1.2 31351a702a408a9e7595a8fc6150fc3f43bb6bf7e319770cbc0db9df9437e852 "$dir/upstream")
repo_new "$dir/repo"
repo_tarball "$dir/repo" "$tarball"
repo_commit "$dir/repo" 2022-04-28T00:00:00Z "3.1.2" 3.1.2
deploy_json "$dir/repo" pages@3.1.2 2026-11-22T05:55:00Z 3.1.2 >"$dir/deploy.json"
for f in service.json recipe.json report.txt input.json metrics.json expect.json pages.py; do cp "$here/$f" "$dir/$f"; done
