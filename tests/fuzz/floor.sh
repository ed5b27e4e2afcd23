#!/bin/sh
# floor.sh FILE: the floors that a fuzz target includes from, itself or by a header of this
# directory; it is linked with them and what is below.
here=$(dirname "$1")
# shellcheck disable=SC2046
set -- "$1" $(sed -n 's|^#include "tests/fuzz/\(.*\)"|\1|p' "$1" | sed "s|^|$here/|")
while read -r path floor; do
	grep -qh "^#include \"$path" "$@" && echo "$floor"
done <<EOF
agent/host/cli/ f7
agent/host/pipeline/ f6
agent/host/pr/ f6
agent/host/gate/ f5
agent/host/testrun/ f5
agent/host/proof/ f5
agent/host/incident/ f4
agent/host/case/ f4
agent/host/queue/ f4
agent/inside/ inside
agent/syntax/ syntax
agent/broker/ broker
agent/front/ front
agent/intake/ intake
runtime/decode/ decode
runtime/audit/ audit
policy/ policy
images/ images
runtime/sandbox/ sandbox
runtime/proto/ proto
runtime/base/ base
EOF
