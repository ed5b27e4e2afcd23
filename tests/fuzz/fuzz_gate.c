/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "runtime/base/msg.h"
#include "runtime/proto/gate.h"
#include "runtime/proto/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
	struct gate_hello hello;
	struct gate_evaluate evaluate;
	struct gate_submit submit;
	struct gate_give_up give_up;
	struct gate_note note;
	struct gate_verdict verdict;
	struct gate_refusal refusal;
	struct gate_task task;
	struct gate_model model;
	struct gate_event event;
	struct gate_model_end model_end;
	struct gate_cancel cancel;
	struct gate_run run;
	struct gate_ran ran;
	struct gate_check check;
	struct gate_budget budget;
	struct gate_left left;
	struct member_command command;
	struct member_probe probe;
	struct member_stop stop;
	struct member_result result;
};

/* What an agent may send, and what it may hear, and a member: a body refused with its place, or one
 * that is written back as read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jmap *const maps[] = {
		gate_hello_map,	    gate_evaluate_map, gate_submit_map,	   gate_give_up_map,
		gate_note_map,	    gate_verdict_map,  gate_refusal_map,   gate_task_map,
		member_command_map, member_probe_map,  member_stop_map,	   member_result_map,
		gate_model_map,	    gate_event_map,    gate_model_end_map, gate_cancel_map,
		gate_run_map,	    gate_ran_map,      gate_check_map,	   gate_budget_map,
		gate_left_map,
	};
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *back = NULL;
	struct err e = ERR_INIT;
	union any one, two;
	const struct jmap *map;

	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	if (size < 1 || msg_decode(data + 1, size - 1, &value, &e) < 0)
		return 0;
	map = maps[data[0] % (sizeof(maps) / sizeof(maps[0]))];
	if (jmap_read(map, value, &one, "", &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0')
			__builtin_trap();
	} else {
		back = jmap_write(map, &one);
		if (!back || jmap_read(map, back, &two, "", &e) < 0)
			__builtin_trap();
		jmap_release(map, &two);
	}
	jmap_release(map, &one);
	return 0;
}
