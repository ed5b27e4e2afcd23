/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cJSON.h"

/*
 * Production of the C cases: the daemon of a small device.  Each line of its
 * input is a request, {"do": "rename", "name": TEXT} or {"do": "queue", "job":
 * OBJECT}; it answers with its state.  It trusts its clients too much.
 */
static cJSON *label, *jobs;

static void handle(const cJSON *request)
{
	const char *verb = cJSON_GetStringValue(cJSON_GetObjectItem(request, "do"));

	if (verb && strcmp(verb, "rename") == 0) {
		cJSON_SetValuestring(label,
				     cJSON_GetStringValue(cJSON_GetObjectItem(request, "name")));
	} else if (verb && strcmp(verb, "queue") == 0) {
		cJSON *job = cJSON_GetObjectItem(request, "job");

		cJSON_InsertItemInArray(jobs, 0, cJSON_Duplicate(job, 1));
	}
}

int main(void)
{
	char line[4096];

	label = cJSON_CreateString("front door");
	jobs = cJSON_CreateArray();
	cJSON_AddItemToArray(jobs, cJSON_CreateNumber(7));
	while (fgets(line, sizeof(line), stdin)) {
		cJSON *request = cJSON_Parse(line);
		char *state;

		handle(request);
		state = cJSON_PrintUnformatted(jobs);
		printf("%s %s\n", label->valuestring, state);
		free(state);
		cJSON_Delete(request);
	}
	return 0;
}
