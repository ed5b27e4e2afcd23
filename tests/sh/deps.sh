#!/bin/sh
# Installs the Debian packages that building, testing and the demo need; only what is missing.
set -eu
want="build-essential pkg-config git ca-certificates perl
libseccomp-dev libcap-dev libnl-3-dev libnl-route-3-dev libjansson-dev libcurl4-openssl-dev
libarchive-dev libssl-dev libexpat1-dev libtree-sitter-dev
python3-jsonschema clang clang-format clang-tidy cppcheck libclang-rt-14-dev shellcheck mandoc bubblewrap dpkg-dev"
command -v node >/dev/null || want="$want nodejs"
command -v npm >/dev/null || want="$want npm"
[ -x /usr/bin/python3 ] || want="$want python3"
missing=
for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing" >&2
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
