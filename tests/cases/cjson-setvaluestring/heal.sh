#!/bin/sh
# The case cjson-setvaluestring end to end, built with sanitizers.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=cjson-setvaluestring format=sanitizer report=report.txt
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
quiet "$case: the label of the device stays out" "front door"
done_testing
