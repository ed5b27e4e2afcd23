#!/bin/sh
# The case cjson-insertitem end to end, built with sanitizers.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=cjson-insertitem format=sanitizer report=report.txt
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
done_testing
