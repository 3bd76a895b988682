# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Records the classes with ATTACH and MODE, both lists of words.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

classes="split-unmap split-migrate split-head truncate-unmap"

# The classes whose stressor makes both sides overlap. The phase of split-head is too short for
# that, and not seen in light mode.
overlapping="split-unmap split-migrate truncate-unmap"

# recording ATTACH MODE: until there was something of each class
recording() {
	conditions=walkers:split-head=1
	for class in $overlapping; do
		conditions="$conditions overlaps:$class=1"
	done
	stressors=
	for class in $classes; do
		stressors="$stressors,thprace-stress $class -d 2.5"
	done
	IFS=,
	# shellcheck disable=SC2086 # one word each
	set -- "$1" "$2" ${stressors#,}
	unset IFS
	attach=$1 mode=$2
	shift 2
	record_until "$conditions" "--attach $attach --mode $mode --all" "$@"
	set -- "$attach" "$mode"
	thprace report --format json x.thpr >report.json
	report_status=$?
	is "$status" 0 "record: done, no escape" || diag "$(cat err)"
	like out "seconds|s in $2 mode" "record: summary"
	unlike err . "record: no message"
	is "$report_status" 0 "report: done"
	thprace report --crosscheck x.thpr >check
	is $? 0 "crosscheck: status 0" || diag "$(cat check)"
	like check "^crosscheck: equal$" "crosscheck: equal"
	like report.json '"type":"header".*"complete":true,"damage":\[\],' "trace: complete"
	more "$(number header windows report.json)" 100 "windows"
	more "$(number header records report.json)" 100 "records"
}

check_classes() {
	for class in $classes; do
		echo "# $class: $(of_class walkers "$class" report.json) walkers," \
			"$(of_class overlaps "$class" report.json) overlaps"
		more "$(of_class walkers "$class" report.json)" 0 "$class: walkers"
		is "$(of_class escapes "$class" report.json)" 0 "$class: no escape"
		is "$(of_class unattributed "$class" report.json)" 0 "$class: none unattributed"
	done
	for class in $overlapping; do
		more "$(of_class overlaps "$class" report.json)" 0 "$class: overlaps"
	done
}

check_counters() {
	seen=$(number loss seen report.json)
	submitted=$(number loss submitted report.json)
	filtered=$(number loss filtered report.json)
	lost=$(number loss lost report.json)
	is "$lost" 0 "nothing lost"
	more "$seen" 0 "records seen"
	is "$seen" "$((submitted + filtered + lost))" "seen = submitted + filtered + lost"
	like report.json '"type":"loss".*"identity":true' "... and the program says so"
	is "$(number program missed report.json | sum)" 0 "no run of a program was missed"
	more "$(number program run_ns report.json | sum)" 0 "run time is measured"
}

# check_light_phases, check_precise_phases: what each mode can measure
check_light_phases() {
	is "$(of_phase count phase1 report.json)" 0 "phase 1 not measured"
	is "$(of_phase count phase2 report.json)" 0 "phase 2 not measured"
	more "$(of_phase count whole report.json)" 0 "whole windows are"
	like report.json '"point":"rmap",.*"kind":"-","state":"skipped"' "rmap: skipped"
	is "$(grep -c '"type":"probe","point":"rmap.*"state":"attached"' report.json)" 0 \
		"nothing between clear and decrement"
	is "$(grep '"type":"program"' report.json | grep -c '"point":"rmap')" 0 "... loaded neither"
}

check_precise_phases() {
	more "$(of_phase count phase1 report.json)" 0 "phase 1 measured"
	more "$(of_phase count phase2 report.json)" 0 "phase 2 measured"
	is "$(of_phase count whole report.json)" "$(number header windows report.json)" "whole: every window"
	like report.json '"point":"rmap","function":"page_remove_rmap",.*"state":"attached"' \
		"rmap: attached"
}

# check_kinds ATTACH: nothing is attached in another way
check_kinds() {
	other=kprobe calls=0
	case $1 in
	auto) calls=5 ;;
	kprobe) other=fentry ;;
	esac
	kinds=$(grep '"type":"probe"' report.json | grep '"state":"attached"' |
		sed 's/.*"kind":"\([^"]*\)".*/\1/')
	more "$(echo "$kinds" | grep -cE "fentry|fexit|kprobe|kretprobe|calls")" 8 "probes attached"
	case $kinds in
	*"${other%entry}"[er]* | *"$other"*) ok 1 "all by $1" || diag "$kinds" ;;
	*) ok 0 "all by $1" ;;
	esac
	is "$(echo "$kinds" | grep -cx calls)" "$calls" "what is called for each small page: probed at $calls points' calls"
	like report.json '"point":"poison","function":"memory_failure","kind":"-","state":"absent","reason":".*not in' \
		"memory_failure: absent, with the reason"
	like report.json '"class":"hwpoison-unmap",.*"observable":false,"reason":".*memory_failure' \
		"hwpoison-unmap: not observable, with the reason"
}

# shellcheck disable=SC2153 # from the environment
for attach in $ATTACH; do
	for mode in $MODE; do
		echo "# $attach, $mode"
		recording "$attach" "$mode"
		check_classes
		check_counters
		"check_${mode}_phases"
		check_kinds "$attach"
		is_clean "$attach, $mode"
	done
done
done_testing
