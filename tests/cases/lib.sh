# shellcheck shell=sh
# Sourced by the fetch.sh of each case: upstream sources into git repositories, the same bytes and so the same commits
# everywhere.  Nothing that is fetched is executed.
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM LC_ALL
umask 022

: "${cases:?the directory of the cases}"

die() { echo "fetch.sh: $*" >&2; exit 1; }

verify() { # verify ALGORITHM DIGEST FILE
	echo "$2  $3" | "${1}sum" --check --status || die "$3 is not the expected file ($1 $2)"
}

npm_get() { # npm_get NAME VERSION SHA512 DIR: prints the path of the package's tarball
	npm_file=$4/$1-$2.tgz
	if ! [ -s "$npm_file" ]; then
		mkdir -p "$4"
		(cd "$4" && npm pack --silent --ignore-scripts "$1@$2" >/dev/null) || die "npm pack $1@$2 failed"
	fi
	verify sha512 "$3" "$npm_file"
	echo "$npm_file"
}

orig_get() { # orig_get PACKAGE VERSION SHA256 DIR: prints the path of the orig tarball of a Debian source package
	orig_file=$(sh "$cases/fetch-orig.sh" "$1" "$2" "$4") || exit 1
	verify sha256 "$3" "$orig_file"
	echo "$orig_file"
}

repo_new() { # repo_new DIR: an empty repository with the branch main
	rm -rf "$1"
	git -c init.defaultBranch=main init -q "$1"
}

repo_commit() { # repo_commit DIR DATE MESSAGE TAG: everything in the work tree, ignored files too
	git -C "$1" add -A -f
	GIT_AUTHOR_NAME=upstream GIT_AUTHOR_EMAIL=upstream@example.invalid GIT_AUTHOR_DATE=$2 \
		GIT_COMMITTER_NAME=upstream GIT_COMMITTER_EMAIL=upstream@example.invalid GIT_COMMITTER_DATE=$2 \
		git -C "$1" -c commit.gpgSign=false commit -q --no-verify -m "$3"
	git -C "$1" tag "$4"
}

repo_tarball() { # repo_tarball DIR TARBALL: the work tree becomes what the tarball holds
	find "$1" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
	tar -C "$1" --strip-components=1 --no-same-owner --no-same-permissions -xf "$2"
}

deploy_json() { # deploy_json DIR RELEASE TIME TAG [PREVIOUS]: what the deployment knows
	printf '{ "commit": "%s", ' "$(git -C "$1" rev-parse "$4^{commit}")"
	[ $# -lt 5 ] || printf '"previous": "%s", ' "$(git -C "$1" rev-parse "$5^{commit}")"
	printf '"release": "%s", "time": "%s", "known": "tag %s" }\n' "$2" "$3" "$4"
}
