#!/bin/sh
# fetch.sh DIR: see ../cjson/fetch.sh
exec sh "$(dirname "$0")/../cjson/fetch.sh" "$@" cjson-setvaluestring
