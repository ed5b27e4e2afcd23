#!/bin/sh
# What production said is for a group of its own to read, where the host has that group: here in a mount namespace whose
# /etc/group names it.  Needs root.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
if [ -z "${IN_GROUP-}" ]; then
	exec unshare --mount --propagation private env IN_GROUP=1 sh "$0" "$@"
fi
. tests/sh/lib.sh
. tests/privacy/lib.sh
gid=60810
open=$(mktemp -d /tmp/sickbay-group.XXXXXX); trap 'rm -rf "$work" "$open"' EXIT
chmod 755 "$open" # people who are not root come this way
state=$open/state
cp /etc/group "$work/group"
echo "sickbay-raw:x:$gid:" >>"$work/group"
mount --bind "$work/group" /etc/group || exit 1

mkdir -p "$work/shop/repo/test"
echo '{ "name": "shop", "main": "price.js" }' >"$work/shop/repo/package.json"
printf '%s\n' "exports.price = function price(item) {" "  return item.length;" "};" >"$work/shop/repo/price.js"
printf '%s\n' "const { test } = require('node:test');" "const shop = require('../price.js');" \
	"test('one', () => { shop.price('a'); });" >"$work/shop/repo/test/price.test.js"
commit shop
service shop javascript "$node_tests"
sed -i 's/"mode": "propose"/"mode": "observe"/' "$work/shop/service.json"
cat >"$work/report.ndjson" <<'J'
{"time":"2026-11-22T08:44:22.771Z","level":"error","service":"shop","err":{"type":"TypeError","message":"Cannot read properties of null (reading 'length')","stack":"TypeError: Cannot read properties of null (reading 'length')\n    at exports.price (/srv/shop/price.js:2:15)"},"call":{"module":"shop","export":"price","args":[null]},"user":"zqgroupcanary"}
J
echo "{ \"commit\": \"$base\" }" >"$work/deploy.json"
check "the service is ready" "$sickbay" service check "$work/shop/service.json" --state "$state"
check "a report is taken" sh -c '"$1" heal --from node --service "$2/shop/service.json" --deploy "$2/deploy.json" --state "$3" <"$2/report.ndjson"' \
	sh "$sickbay" "$work" "$state"
digest=$("$sickbay" raw list --state "$state" --json | grep -o '[0-9a-f]\{64\}' | head -n 1)
file=$(find "$state/raw" -type f -name "*$digest*" | head -n 1)
mode() { stat -c '%a %g' "$1"; }
check "the folder is the group's" [ "$(mode "$state/raw")" = "750 $gid" ]
check "what production said is the group's to read" [ "$(mode "$file")" = "640 $gid" ]
as() { setpriv --reuid 65534 --regid "$1" --clear-groups cat "$file"; }
check "a member of the group reads it" sh -c 'setpriv --reuid 65534 --regid "$1" --clear-groups grep -rq zqgroupcanary "$2"' sh "$gid" "$state/raw"
refuses "nobody else does" 1 "Permission denied" as 65534
refuses "and the group sees nothing beside it" 2 "cannot open directory" setpriv --reuid 65534 --regid "$gid" --clear-groups ls "$state"
check "the log holds" "$sickbay" audit verify --state "$state"
done_testing
