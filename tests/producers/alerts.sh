#!/bin/sh
# Debian's own Prometheus and Alertmanager watch a service whose error rate rises, and tell the intake: firing, then resolved;
# a report of the same time carries the alert.  The programs are unpacked, not installed.  Needs root and Debian's archive once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
dir=$(mktemp -d "$top/build/alerts.XXXXXX")
. "$top/tests/intake/lib.sh"
pids=
stop() {
	for p in $pids; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	stop_intake
	rm -rf "$dir"
}
trap stop EXIT
state=$dir/state
tools=$top/build/monitors
. "$top/tests/sh/fetch.sh"
unpack_debs "$tools" prometheus prometheus-alertmanager || exit 1
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

toy shop
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir/services/shop.json"
new_token monitor
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services",
  "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "monitor", "token_sha256": "$digest" }] } }
END
start_intake

# a service that only has figures: its errors rise when the file says so
cat >"$dir/figures.py" <<'END'
import http.server, sys, time
class Figures(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        rate = float(open(sys.argv[1]).read())
        text = 'shop_errors_total %f\nshop_error_ratio %f\n' % (time.time() * rate, rate)
        self.send_response(200); self.end_headers(); self.wfile.write(text.encode())
    def log_message(self, *a): pass
s = http.server.HTTPServer(('127.0.0.1', 0), Figures)
print(s.server_address[1], flush=True)
s.serve_forever()
END
echo 0 >"$dir/rate"
/usr/bin/python3 "$dir/figures.py" "$dir/rate" >"$dir/figures" & pids="$pids $!"
until_true test -s "$dir/figures"
am=$(free_port)
cat >"$dir/am.yml" <<END
route: { receiver: sickbay, group_wait: 0s, group_interval: 1s, repeat_interval: 1m }
receivers:
  - name: sickbay
    webhook_configs:
      - url: http://127.0.0.1:$port/alertmanager
        send_resolved: true
        http_config: { authorization: { credentials: $token } }
END
cat >"$dir/rules.yml" <<'END'
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: HighErrorRate
        expr: shop_error_ratio > 0.5
        labels: { service: shop }
        annotations: { summary: "more than half of the requests fail", value: "{{ $value }}" }
END
cat >"$dir/prom.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ $dir/rules.yml ]
alerting: { alertmanagers: [ { static_configs: [ { targets: [ "127.0.0.1:$am" ] } ] } ] }
scrape_configs: [ { job_name: shop, static_configs: [ { targets: [ "127.0.0.1:$(cat "$dir/figures")" ] } ] } ]
END
# its templates lie where a package has them: in a mount namespace of its own
# shellcheck disable=SC2016 # of the inner shell
unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0/usr/share" /usr/share && exec "$0/usr/bin/prometheus-alertmanager" "$@"' \
	"$tools" --config.file="$dir/am.yml" --storage.path="$dir/am" --web.listen-address="127.0.0.1:$am" \
	--cluster.listen-address= >"$dir/am.log" 2>&1 & pids="$pids $!"
"$tools/usr/bin/prometheus" --config.file="$dir/prom.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="127.0.0.1:$(free_port)" \
	--alertmanager.notification-queue-capacity=10 >"$dir/prom.log" 2>&1 & pids="$pids $!"
file() { ls "$state"/alerts/shop-*.json 2>/dev/null; }
has() { grep -q "$1" "$state"/alerts/shop-*.json; }

# a report, then the alert about it
curl -s -X POST "http://127.0.0.1:$port/v1/incidents" -H "Authorization: Bearer $token" -d "$(incident shop price "$(date -u +%Y-%m-%dT%H:%M:%SZ)")" >/dev/null
digested
echo 0.9 >"$dir/rate"
check "a rise becomes an alert of the service" until_true file
check "of its kind" has '"kind": "error-rate"'
check "with what it says" has "more than half of the requests fail"
check "it makes no incident of its own, as there is a report" [ "$("$sickbay" incident list --state "$state" --json | grep -c '"incident"')" = 1 ]
check "which carries it, once it is taken up" sh -c "'$sickbay' service check '$dir/services/shop.json' --state '$state' >/dev/null 2>&1; \
	'$sickbay' heal --config '$dir/config.json' --state '$state' --incident \$('$sickbay' incident list --state '$state' --json | sed -n 's/.*\"incident\": \"\\([^\"]*\\)\".*/\\1/p') >/dev/null 2>&1; \
	grep -q '\"metrics\"' '$state'/cases/*/1-incident.json"
echo 0 >"$dir/rate"
check "when it falls, the alert ends" until_true has '"ends"'
check "the log has its beginning" logged intake.alert
check "and its end" logged intake.resolved
done_testing
