#!/bin/sh
# A file includes from its own floor and from those below, nothing else: the floors are those that the
# Makefile links unit tests with, so the two cannot disagree.
set -eu
floor_of() {
	case $1 in
	runtime/base/*) echo base ;;
	runtime/proto/*) echo proto ;;
	runtime/sandbox/*) echo sandbox ;;
	runtime/decode/*) echo decode ;;
	runtime/audit/*) echo audit ;;
	runtime/symbols/*) echo symbols ;;
	runtime/init/init.h) echo base ;; # what pid 1 and its maker agree on
	runtime/init/*) echo init ;;
	images/*) echo images ;;
	policy/*) echo policy ;;
	agent/syntax/*) echo syntax ;;
	agent/inside/*) echo inside ;;
	agent/front/*) echo front ;;
	agent/intake/*) echo intake ;;
	agent/broker/*) echo broker ;;
	agent/host/incident/* | agent/host/case/* | agent/host/queue/*) echo f4 ;;
	agent/host/gate/* | agent/host/testrun/* | agent/host/proof/*) echo f5 ;;
	agent/host/pipeline/* | agent/host/pr/*) echo f6 ;;
	agent/host/cli/*) echo f7 ;;
	tests/unit/*) t=${1#tests/unit/}; echo "${t%%/*}" ;;
	*) echo none ;;
	esac
}
below() {
	case $1 in
	f7) echo "f7 $(below f6)" ;;
	init) echo "init base" ;;
	*) sed -n "s/^below_$1 *:= *//p" Makefile ;;
	esac
}
bad=0
for file in $(git ls-files --cached --others --exclude-standard 'runtime/*.[ch]' 'images/*.[ch]' 'policy/*.[ch]' 'agent/*.[ch]' 'tests/unit/*.[ch]'); do
	floor=$(floor_of "$file")
	allowed=$(below "$floor")
	[ -n "$allowed" ] || { echo "$file: lies on no floor"; bad=1; continue; }
	for path in $(sed -n 's/^#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file"); do
		case $path:$file in tests/*:tests/*) continue ;; esac
		case " $allowed " in
		*" $(floor_of "$path") "*) ;;
		*) echo "$file: includes '$path': floor $floor may use only: $allowed"; bad=1 ;;
		esac
	done
done
exit $bad
