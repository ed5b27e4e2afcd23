#!/bin/sh
# Requests are replayed: applications of Flask and Django, by the clients that these have for tests.  Needs root, and Debian's
# packages once.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sh/lib.sh
. tests/sh/lib.sh
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
work=$(mktemp -d "$top/build/http.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/http/http.lib.sh
. tests/http/http.lib.sh
cp tests/http/recipe.json "$work/recipe.json"
"$sickbay" image prepare --state "$state" "$work/recipe.json" >"$work/log" 2>&1 || {
	sed 's/^/# /' "$work/log"
	echo "1..0 # skip the packages cannot be fetched"
	exit 0
}

mkdir -p "$repo/shop" "$repo/tests"
: >"$repo/shop/__init__.py"
cat >"$repo/shop/rates.py" <<'END'
"""What is paid on top."""


class Rate:
    def __init__(self, percent):
        self.percent = percent


RATES = {"AT": Rate(20), "DE": Rate(19)}


def percent(country):
    rate = RATES.get(country)
    return rate.percent


def total(order):
    return sum(line["price"] for line in order["lines"]) * (100 + percent(order["country"])) / 100
END
cat >"$repo/shop/web.py" <<'END'
from flask import Flask, jsonify, request

from shop import rates

app = Flask(__name__)


@app.get("/rates")
def show():
    return jsonify(percent=rates.percent(request.args.get("country")))


@app.post("/orders")
def order():
    return jsonify(total=rates.total(request.get_json()))
END
cat >"$repo/shop/settings.py" <<'END'
SECRET_KEY = "not a secret"
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
END
cat >"$repo/shop/urls.py" <<'END'
import json

from django.http import JsonResponse
from django.urls import path

from shop import rates


def show(request):
    return JsonResponse({"percent": rates.percent(request.GET.get("country"))})


def order(request):
    return JsonResponse({"total": rates.total(json.loads(request.body))})


urlpatterns = [path("rates", show), path("orders", order)]
END
cat >"$repo/conftest.py" <<'END'
import django

django.setup()
END
cat >"$repo/tests/test_rates.py" <<'END'
from shop.rates import percent, total


def test_percent():
    assert percent("AT") == 20


def test_total():
    assert total({"country": "DE", "lines": [{"price": 100}]}) == 119
END
commit deployed

p='"/usr/bin/python3", "-m", "pytest", "-q", "-p", "pytest_sickbay", "-p", "no:cacheprovider"'
python_service() { # python_service HTTP: service.json
	cat >"$work/service.json" <<-J
		{ "version": 1, "name": "orders", "language": "python", "mode": "propose",
		  "repository": { "url": "repo", "target": "main" }, "image": { "production": "host" },
		  "paths": [{ "production": "/srv/orders/", "repository": "" }], "toolchain": { "recipe": "recipe.json" },
		  "run": { "cwd": "/srv/orders", "env": { "PYTHONPATH": "/srv/orders:/opt/toolchain/usr/lib/python3/dist-packages:/opt/sickbay/reporters",
		    "PYTHONPYCACHEPREFIX": "/opt/pycache", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
		    "DJANGO_SETTINGS_MODULE": "shop.settings" } },
		  "tests": [{ "name": "pytest", "format": "reporter", "command": [$p], "one": [$p, "@test"],
		    "harness": ["/usr/bin/python3", "-c", "import django, runpy, sys; django.setup(); runpy.run_path(sys.argv[1], run_name='__main__')",
		      "@test"],
		    "new_test": { "dir": "tests", "framework": "pytest", "module": "shop.rates", "http": { $1 } } }],
		  "agents": { "patch": { "kind": "command", "command": ["/bin/sed", "-i", "s/return rate.percent/& if rate else 0/", "shop/rates.py"] } },
		  "proof": { "baseline": 1, "repeat": 2, "variants": 20 } }
	J
}

replayed() { # replayed NAME HTTP LINE...: a proposal whose test has these lines, and no value of production
	what=$1
	python_service "$2"
	shift 2
	forget
	check "$what: the service is ready" "$sickbay" service check "$work/service.json" --state "$state"
	check "$what: the request is replayed" heal_ends proposed
	check "$what: at the coordinate of the report" is exact "$(json "$(record 3-match.json)" j.match)"
	check "$what: inputs near it were tried" is true \
		"$(json "$(record 5-proof.json)" 'j.steps.some((s) => s.step === 6 && / failed as production did and no longer do/.test(s.says))')"
	git show "$(git for-each-ref --format '%(refname)' refs/heads/sickbay):$(json "$(record 3-match.json)" j.test_path)" >"$work/test.py"
	sed 's/^/# /' "$work/test.py"
	for line; do
		check "$what: the test has '$line'" grep -qF -- "$line" "$work/test.py"
	done
	check "$what: and nothing of production's" sh -c '! grep -qE "Kosovo|4711|shop.example" "$1"' sh "$work/test.py"
}

incident AttributeError "'NoneType' object has no attribute 'percent'" shop/rates.py percent 14 '{
	"method": "GET", "url": "https://shop.example.com/rates", "query": "country=Kosovo&lang=de",
	"headers": [["Host", "shop.example.com"], ["Accept-Language", "de"]] }'
replayed "a query, Flask" '"client": "flask", "application": "shop.web:app"' "from shop.web import app" "client = app.test_client()" 'client.get("/rates"'

incident AttributeError "'NoneType' object has no attribute 'percent'" shop/rates.py percent 14 '{
	"method": "POST", "url": "https://shop.example.com/orders?ref=4711", "headers": { "Content-Type": "application/json" },
	"body": { "country": "Kosovo", "customer": 4711, "lines": [{ "price": 47.11 }] } }'
replayed "a body, Django" '"client": "django"' 'client.post("/orders", {' 'content_type="application/json"'
done_testing
