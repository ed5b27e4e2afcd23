#!/bin/sh
# The repository's .clang-format.
set -eu
git ls-files --cached --others --exclude-standard '*.[ch]' | xargs -P2 -n 20 clang-format --dry-run -Werror
