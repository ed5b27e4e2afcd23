# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced beside tests/sh/lib.sh: forges that are none (double.py), and git's own http-backend behind nginx, unpacked from
# Debian's packages and not installed.
: "${top:?the directory of the sources}"
pids=
tools=$top/build/git-http
# shellcheck source=tests/sh/fetch.sh
. "$top/tests/sh/fetch.sh"
unpack_debs "$tools" nginx nginx-common fcgiwrap libfcgi0ldbl || exit 1
stop_forge() { for p in $pids; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; pids=; }
started() { # started FILE: until it says where it listens; in $at
	for _ in $(seq 100); do
		at=$(sed -n 's/^listening //p' "$1")
		[ -z "$at" ] || return 0
		sleep 0.1
	done
	return 1
}
double() { # double KIND [OPTION ...]: at $api
	kind=$1; shift
	: >"$work/double.out"
	/usr/bin/python3 "$top/tests/forge/double.py" "$kind" --log "$work/double.log" --token forge-token "$@" \
		>"$work/double.out" 2>>"$work/double.err" &
	pids="$pids $!"
	started "$work/double.out"
	api=http://127.0.0.1:$at
}
git_server() { # git_server DIR: its repositories at $git, for the user and token of $work/htpasswd
	mkdir -p "$work/nginx"
	printf 'x-access-token:%s\noauth2:%s\ntoken:%s\n' "$(openssl passwd -apr1 forge-token)" "$(openssl passwd -apr1 forge-token)" \
		"$(openssl passwd -apr1 forge-token)" >"$work/nginx/htpasswd"
	gitport=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$work/nginx/conf" <<-END
		daemon off; pid $work/nginx/pid; error_log $work/nginx/error.log; worker_processes 1; user root;
		events { worker_connections 64; }
		http {
		  access_log $work/nginx/access.log; client_body_temp_path $work/nginx/body; proxy_temp_path $work/nginx/p;
		  fastcgi_temp_path $work/nginx/f; uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s; client_max_body_size 0;
		  server {
		    listen 127.0.0.1:$gitport;
		    location / {
		      auth_basic git; auth_basic_user_file $work/nginx/htpasswd;
		      fastcgi_pass unix:$work/nginx/fcgi;
		      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
		      fastcgi_param GIT_HTTP_EXPORT_ALL ""; fastcgi_param GIT_PROJECT_ROOT $1; fastcgi_param HOME $work;
		      fastcgi_param PATH_INFO \$uri; fastcgi_param QUERY_STRING \$query_string;
		      fastcgi_param REQUEST_METHOD \$request_method; fastcgi_param CONTENT_TYPE \$content_type;
		      fastcgi_param CONTENT_LENGTH \$content_length; fastcgi_param REMOTE_USER \$remote_user;
		      fastcgi_param REMOTE_ADDR \$remote_addr;
		    }
		  }
		}
	END
	LD_LIBRARY_PATH=$(dirname "$(find "$tools" -name 'libfcgi.so*' | head -n 1)") GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_COUNT=1 \
		GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "$tools/usr/sbin/fcgiwrap" -s "unix:$work/nginx/fcgi" \
		>"$work/nginx/fcgi.log" 2>&1 &
	pids="$pids $!"
	"$tools/usr/sbin/nginx" -c "$work/nginx/conf" -p "$work/nginx" >"$work/nginx/log" 2>&1 &
	pids="$pids $!"
	for _ in $(seq 100); do
		curl -s -o /dev/null "http://127.0.0.1:$gitport/" && break
		sleep 0.1
	done
	git=http://127.0.0.1:$gitport
}
