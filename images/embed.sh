#!/bin/sh
# embed.sh TABLE ROOT FILE...: prints C that holds the files, named relative to ROOT, as the table TABLE.
set -eu
table=$1 root=$2
shift 2
echo '#include "images/embed.h"'
i=0
for file; do
	echo "static const unsigned char data_${i}[] = {"
	od -An -v -tx1 "$file" | sed 's/\([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo "0 };"
	i=$((i + 1))
done
echo "const struct embedded ${table}[] = {"
i=0
for file; do
	echo "	{ \"${file#"$root"/}\", data_$i, sizeof(data_$i) - 1 },"
	i=$((i + 1))
done
echo "	{ 0, 0, 0 },"
echo "};"
