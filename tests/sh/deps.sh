#!/bin/sh
# deps.sh [demo|check|lint]: installs the Debian packages that building and running the demo need, the tests besides, or lint
# as well (the default): only what is missing.
set -eu
demo="build-essential pkg-config git ca-certificates perl
libseccomp-dev libcap-dev libnl-3-dev libnl-route-3-dev libjansson-dev libcurl4-openssl-dev
libmicrohttpd-dev libarchive-dev libssl-dev libexpat1-dev libtree-sitter-dev libdw-dev libbz2-dev liblzma-dev zlib1g-dev"
check="curl python3-jsonschema chromium chromium-driver docker-registry openssl zstd clang libclang-rt-14-dev bubblewrap dpkg-dev mandoc systemd poppler-utils"
lint="clang-format clang-tidy cppcheck shellcheck"
case ${1:-lint} in
demo) want=$demo ;;
check) want="$demo $check" ;;
lint) want="$demo $check $lint" ;;
*) echo "usage: deps.sh [demo|check|lint]" >&2; exit 2 ;;
esac
command -v node >/dev/null || want="$want nodejs"
command -v npm >/dev/null || want="$want npm"
[ -x /usr/bin/python3 ] || want="$want python3"
missing=
for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing" >&2
log=$(mktemp); trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "the packages could not be installed: see above" >&2
    exit 1
fi
