#!/bin/sh
set -eu
# lib.sh is sourced, so it names no shell
git ls-files --cached --others --exclude-standard '*.sh' .ci/run | xargs -P2 -n 8 shellcheck -x -P SCRIPTDIR -S warning -e SC2148
