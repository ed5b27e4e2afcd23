#!/bin/sh
# floor.sh FILE: the highest floor that a fuzz target includes from; it is linked with that and what is below.
while read -r path floor; do
	grep -q "^#include \"$path" "$1" && echo "$floor" && exit 0
done <<EOF
agent/host/cli/ f7
agent/host/pipeline/ f6
agent/host/pr/ f6
agent/host/gate/ f5
agent/host/testrun/ f5
agent/host/proof/ f5
agent/host/ f4
agent/inside/ inside
agent/syntax/ syntax
runtime/decode/ decode
runtime/audit/ audit
policy/ policy
images/ images
runtime/sandbox/ sandbox
runtime/proto/ proto
runtime/base/ base
EOF
echo "$1: includes from no floor" >&2
exit 1
