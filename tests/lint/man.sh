#!/bin/sh
# The manual pages, and that each command of the program stands in sickbay(1).
set -eu
pages=$(git ls-files --cached --others --exclude-standard 'docs/man/*.[1-9]')
[ -n "$pages" ] || exit 0
# shellcheck disable=SC2086
mandoc -T lint -W warning $pages
