#!/bin/sh
# The case django end to end: its data is in PostgreSQL, beside it in the replica.
set -u
cd "$(dirname "$0")/../../.." || exit 1
case=django format=python report=report.txt
. tests/sh/lib.sh
. tests/cases/heal.lib.sh
convert_case
heal_case
done_testing
