#!/bin/sh
# fetch-orig.sh PACKAGE VERSION DIR: puts the upstream ("orig") tarball of a Debian source package into DIR and
# prints its path.  Nothing is executed or unpacked; apt checks the archive's signatures.  The deb-src entries are the
# host's own deb entries, in a private apt state below DIR/.apt, so that the host's apt is not touched.
# A second call for the same version needs no network.
set -eu
[ $# = 3 ] || { echo "usage: fetch-orig.sh PACKAGE VERSION DIR" >&2; exit 2; }
package=$1 version=$2
mkdir -p "$3"
dir=$(cd "$3" && pwd)

found() { # the tarball of this upstream version, whatever it is compressed with
	for f in "$dir/${package}_$version".orig.tar.*; do
		case $f in *.asc) continue ;; esac
		[ -s "$f" ] && { echo "$f"; return 0; }
	done
	return 1
}
found && exit 0

apt=$dir/.apt
mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
chmod 755 "$dir" "$apt" 2>/dev/null || :
: >"$apt/sources.list"
[ ! -f /etc/apt/sources.list ] || sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' /etc/apt/sources.list >"$apt/sources.list"
for f in /etc/apt/sources.list.d/*; do
	case $f in
	*.list) sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' "$f" >"$apt/sources/${f##*/}" ;;
	*.sources) sed 's/^Types:.*/Types: deb-src/' "$f" >"$apt/sources/${f##*/}" ;;
	esac
done
# Only entries that name the distribution's own keyring, or none: third-party ones rarely have sources.
for f in "$apt"/sources/*; do
	[ -f "$f" ] || continue
	if grep -qi 'signed-by' "$f" && ! grep -qi 'debian-archive-keyring' "$f"; then rm -f "$f"; fi
done

get() { # apt-get on the private state; APT_CONFIG of the host stays in force for proxies and the like
	apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts="$apt/sources" \
		-o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@"
}
ls "$apt"/lists/*Sources* >/dev/null 2>&1 || get update >&2
# shellcheck disable=SC2016 # apt fills in $(FILENAME)
# The exact Debian revision is not ours to know: the newest one of this upstream version.
full=$(get indextargets --format '$(FILENAME)' 'Created-By: Sources' |
	while read -r list; do
		[ -s "$list" ] || continue
		/usr/lib/apt/apt-helper cat-file "$list" |
			awk -v p="$package" '/^Package: / { hit = $2 == p } hit && /^Version: / { print $2 }'
	done | awk -v v="$version" '{ u = $0; sub(/^[0-9]+:/, "", u); sub(/-[^-]*$/, "", u) } u == v { print }' | sort -V | tail -n 1)
[ -n "$full" ] || { echo "fetch-orig.sh: no source package $package of version $version in the host's archives" >&2; exit 1; }
(cd "$dir" && get source --download-only --tar-only "$package=$full" >&2)
found || { echo "fetch-orig.sh: $package $full has no orig tarball" >&2; exit 1; }
