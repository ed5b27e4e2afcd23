# A registry of the test's own on loopback, an image in it, and servers that stand between; source after tests/sh/lib.sh.
here=$(dirname "$0")
sickbay=${SICKBAY:-build/sickbay}
work=$(mktemp -d) started=
state=$work/state
clean_up() {
	for one in $started; do kill "$one" 2>/dev/null; wait "$one" 2>/dev/null; done
	rm -rf "$work"
}
trap clean_up EXIT
rig() { /usr/bin/python3 "$here/rig.py" "$@"; }
first_port() { # FILE: of what a server printed, once it is there
	tries=0
	while ! [ -s "$1" ]; do
		tries=$((tries + 1)); [ $tries -lt 300 ] || { echo "Bail out! $1: no server"; exit 1; }
		sleep 0.1
	done
	sed -n 's/^listening //p' "$1"
}
serve() { # NAME ARG...: starts a server of the rig; its port is in $port
	file=$work/$1.port; shift
	/usr/bin/python3 "$here/rig.py" "$@" >"$file" 2>"$file.err" & # itself, so that it can be ended
	started="$started $!"
	port=$(first_port "$file")
}
start_registry() { # NAME [EXTRA YAML]: Debian's docker-registry; its port is in $port
	port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$work/$1.yml" <<END
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: "$work/$1" }, delete: { enabled: true } }
http: { addr: "127.0.0.1:$port" }
${2:-}
END
	docker-registry serve "$work/$1.yml" >"$work/$1.log" 2>&1 &
	started="$started $!"
	tries=0
	until /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null; do
		tries=$((tries + 1)); [ $tries -lt 100 ] || { echo "Bail out! no registry"; cat "$work/$1.log"; exit 1; }
		sleep 0.1
	done
}
push_image() { rig push "127.0.0.1:$1" "$2" >"$work/digests" || { echo "Bail out! no image"; exit 1; }; }
digest_of() { sed -n "s/^$1 //p" "$work/digests"; }
pull() { "$sickbay" image pull "$@" --state "$state"; }
inspect() { "$sickbay" image inspect "$1" --state "$state"; }
layer_of() { inspect "$1" | sed -n '/"layers"/,/\]/s/.*"\(sha256-[0-9a-f]*\)".*/\1/p' | sed -n "${2}p"; } # NAME NTH from the top
tree_of() { echo "$state/images/layers/$(layer_of "$@")"; }
forget() { "$sickbay" image remove "$1" --state "$state"; }
logged() { "$sickbay" audit show --json --state "$state"; } # a record a line
