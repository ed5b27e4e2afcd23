#!/bin/sh
# The manual pages against the tables of the program: each command and option of sickbay(1), each key of
# sickbay-service(5), and nothing else.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
sickbay=$(realpath "${SICKBAY:-build/sickbay}")
page=$top/docs/man/sickbay.1
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT

rows() { "$sickbay" "$@" help | sed -n '/^  /s/^  *\([a-z -]*[a-z]\)  .*/\1/p'; } # of a table of commands
leaves() { # groups are replaced by their commands
	rows | while read -r name; do
		case $(timeout 5 "$sickbay" "$name" help 2>/dev/null </dev/null) in
		"usage: sickbay $name COMMAND"*) rows "$name" ;;
		*) echo "$name" ;;
		esac
	done
}
leaves | sort >"$dir/commands"
sed -n '/^\.Sh COMMANDS/,/^\.Sh EVENTS/s/^\.Ss //p' "$page" | sort >"$dir/paged"
check "each command stands in sickbay(1), and no other" diff "$dir/commands" "$dir/paged"
check "there are commands to compare" grep -qx "audit verify" "$dir/commands"

of_program() { # shellcheck disable=SC2086 # two words
	"$sickbay" $1 --help 2>/dev/null </dev/null | sed -n 's/^  --\([a-z-]*\).*/\1/p' | sort
}
of_page() { awk -v s=".Ss $1" '$0 == s { on = 1; next } /^\.S[sh]/ { on = 0 } on' "$page" |
	sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' | sort; }
while read -r command; do
	of_program "$command" >"$dir/a"
	of_page "$command" | diff "$dir/a" - >"$dir/left"
	check "the options of '$command' stand in sickbay(1)" diff /dev/null "$dir/left"
done <"$dir/commands"

grep -oh '\.name = "[a-z_]*"' "$top/agent/host/case/service.c" "$top/agent/host/case/service_backing.c" | cut -d'"' -f2 | sort -u >"$dir/keys"
sed -n '/^\.Sh KEYS/,/^\.Sh REPORTERS/s/^\.\(It Cm\|Ss\) \([a-z_]*\)$/\2/p' "$top/docs/man/sickbay-service.5" |
	sort -u >"$dir/paged"
check "each key of a service file stands in sickbay-service(5), and no other" diff "$dir/keys" "$dir/paged"
{
	grep -oh '\.name = "[a-z_]*"' "$top/agent/host/case/host_config.c" | cut -d'"' -f2
	grep -oh 'AT(registry_place, [a-z]*' "$top/runtime/proto/broker_registry.c" | cut -d' ' -f2
} | sort -u >"$dir/keys"
sed -n '/^\.Sh KEYS/,/^\.Sh SEE/s/^\.\(It Cm\|Ss\) \([a-z_]*\)$/\2/p' "$top/docs/man/sickbay-config.5" | sort -u >"$dir/paged"
check "each key of the host's configuration stands in sickbay-config(5), and no other" diff "$dir/keys" "$dir/paged"
sed -n '/^\.Bd/,/^\.Ed/{/^\.Ed/q;/^\./!p}' "$top/docs/man/sickbay-service.5" |
	sed "s|\.\./shop|$top|; s|recipe.json|$dir/recipe.json|" >"$dir/service.json"
check "the example in it is a service file" "$sickbay" incident convert --from node --service "$dir/service.json" \
	"$top/tests/cases/qs/report.ndjson"
find "$top/agent/host" "$top/images" "$top/runtime/audit" "$top/runtime/proto" -name '*.c' -exec perl -0ne '
	print "$2\n" while /((?:audit_(?:note|commit|effect)|record_publish)\([^";]*?,|"type",(?=\s*"[a-z]+[.]))\s*"([a-z.-]+)"/g' {} + | sort -u >"$dir/events"
sed -n '/^\.Sh EVENTS/,/^\.Sh OUTCOMES/s/^\.It Cm //p' "$page" | sort -u >"$dir/paged"
check "each event of the log stands in sickbay(1), and no other" diff "$dir/events" "$dir/paged"
for status in 0 1 2 3 4 125; do
	check "exit status $status is explained" sh -c "sed -n '/^.Sh EXIT/,/^.Sh EX/p' '$page' | grep -qx '.It $status'"
done
done_testing
