#!/bin/sh
# embed.sh FILE...: the files as one C table, named by what stands before ".json".
set -eu
echo '#include "policy/source.h"'
i=0
for f; do
    i=$((i + 1))
    printf 'static const char text_%d[] = {' "$i"
    od -An -v -tx1 "$f" | sed 's/ \(..\)/(char)0x\1,/g'
    echo '0};'
done
echo 'const struct embedded policy_embedded[] = {'
i=0
for f; do
    i=$((i + 1))
    printf '{ "%s", text_%d, sizeof(text_%d) - 1 },\n' "$(basename "$f" .json)" "$i" "$i"
done
echo '{ 0, 0, 0 } };'
