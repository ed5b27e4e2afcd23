# shellcheck shell=sh
# Sourced by tests that look at processes by where they descend from, never by name alone.
below() { # below PID [NAME]: it and the processes that descend from it; those of that name
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" -v name="${2:+($2)}" '
		{ p = $1; comm[p] = $2; sub(/^.*\) /, ""); parent[p] = $2 }
		END {
			want[root] = 1
			do { more = 0; for (p in parent) if (!(p in want) && parent[p] in want) { want[p] = 1; more = 1 } } while (more)
			for (p in want) if (name == "" || comm[p] == name) print p
		}'
}
