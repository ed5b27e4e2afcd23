/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/gate/model_impl.h"

/*
 * What a call may cost at most.  A token is at least one byte of a text,
 * so a request without pictures is never more tokens than bytes, and what a provider writes
 * around it; where one was seen to count more, so much more is reserved from then
 * on.  An answer is as long as the request lets it be.  What is reserved
 * stays reserved until the call is settled: calls that run beside each other
 * cannot together spend more than is there.
 */
#define FLOOR	    16u	  /* tokens; a shorter answer is of no use */
#define PER_MESSAGE 16u	  /* tokens that a provider puts around each */
#define PER_TOOLS   1024u /* and before a list of tools */

const char *model_role(const struct model_door *d)
{
	const int stage = case_stage(d->s.kase);

	if (stage == STAGE_MATCH)
		return policy_role_name(ROLE_REPRODUCE);
	return stage == STAGE_PATCH ? policy_role_name(ROLE_PATCH) : stage_name(stage);
}

static bool is_media(const json_t *v)
{
	static const char *const kinds[] = { "media_type", "mimeType", "format" };

	if (json_is_string(v))
		return strncmp(json_string_value(v), "data:", 5) == 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (json_is_string(json_object_get(v, "data")) && json_object_get(v, kinds[i]))
			return true;
	return false;
}

/* A picture, a document or a sound: compressed, it may be any number of tokens. */
static bool carries_media(const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (is_media(v))
		return true;
	json_array_foreach(v, i, member) {
		if (carries_media(member))
			return true;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		if (carries_media(member))
			return true;
	}
	return false;
}

static uint64_t input_at_most(const struct model_door *d, const struct model_call *c)
{
	static const char *const lists[] = { "messages", "input", "contents" };
	uint64_t n = c->request_bytes + PER_MESSAGE + d->beyond;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		n += PER_MESSAGE * json_array_size(json_object_get(c->body, lists[i]));
	if (json_array_size(json_object_get(c->body, "tools")))
		n += PER_TOOLS;
	if (c->protocol != MODEL_TURN && carries_media(c->body))
		return c->at.price->max_input;
	return n < c->at.price->max_input ? n : c->at.price->max_input;
}

static int used_up(const struct model_call *c, const char *key, const char *unit, uint64_t most,
		   uint64_t used, struct policy_verdict *why)
{
	return model_refuse(why, MODEL_BUDGET, policy_name(c->policy),
			    "the policy's %s is %llu: %llu %s are left, too few for this request; "
			    "end with what you have",
			    key, (unsigned long long)most,
			    (unsigned long long)(used < most ? most - used : 0), unit);
}

static int by_tokens(struct model_call *c, const struct policy_budget *b,
		     const struct call_sum *used, uint64_t least, struct policy_verdict *why)
{
	if (b->max_turns && used->turns >= b->max_turns)
		return used_up(c, "max_turns", "turns", b->max_turns, used->turns, why);
	if (b->max_input_tokens && used->input + c->most.input > b->max_input_tokens)
		return used_up(c, "max_input_tokens", "tokens", b->max_input_tokens, used->input,
			       why);
	if (!b->max_output_tokens)
		return 0;
	if (used->output + least > b->max_output_tokens)
		return used_up(c, "max_output_tokens", "tokens", b->max_output_tokens, used->output,
			       why);
	if (c->max_output > b->max_output_tokens - used->output)
		c->max_output = b->max_output_tokens - used->output;
	return 0;
}

static int by_money(struct model_call *c, const struct policy_budget *b,
		    const struct call_sum *used, uint64_t least, struct policy_verdict *why)
{
	const money reading = money_most(&c->rates, c->most.input, 0);
	char left_text[MONEY_TEXT], need[MONEY_TEXT];
	money most, left, tokens;

	if (!b->max_cost_usd[0])
		return 0;
	if (money_parse(b->max_cost_usd, &most) < 0)
		return model_refuse(why, MODEL_BUDGET, policy_name(c->policy),
				    "max_cost_usd \"%s\" is no amount", b->max_cost_usd);
	left = money_sub(most, used->usd);
	if (money_most(&c->rates, c->most.input, least) > left) {
		money_text(left, left_text);
		money_text(money_most(&c->rates, c->most.input, least), need);
		return model_refuse(why, MODEL_BUDGET, policy_name(c->policy),
				    "the policy's max_cost_usd is %s: US$%s are left, and this "
				    "request may cost US$%s; end with what you have",
				    b->max_cost_usd, left_text, need);
	}
	tokens = c->rates.output ? (left - reading) / c->rates.output : c->max_output;
	if (tokens < c->max_output)
		c->max_output = (uint64_t)tokens;
	return 0;
}

/* A provider refuses an answer that is shorter than the thinking before it. */
static int fits_thinking(const struct model_call *c, uint64_t wanted, struct policy_verdict *why)
{
	const json_t *thinking = json_object_get(c->body, "thinking");
	const json_int_t n = json_integer_value(json_object_get(thinking, "budget_tokens"));

	if (n <= 0 || c->max_output == wanted || c->max_output > (uint64_t)n)
		return 0;
	return model_refuse(
		why, "budget", policy_name(c->policy),
		"the policy's budget has %llu tokens of an answer left, and the request "
		"wants %lld for thinking: ask for less",
		(unsigned long long)c->max_output, (long long)n);
}

/* What was asked is heard to its end, or not asked. */
static int by_time(struct model_call *c, struct policy_verdict *why)
{
	c->total_ms = c->to.left_ms ? c->to.left_ms(c->to.ctx) : 0;
	if (!c->to.left_ms || c->total_ms)
		return 0;
	return model_refuse(why, MODEL_BUDGET, policy_name(c->policy),
			    "the policy's wall clock is used up: end with what you have");
}

int model_budget(const struct model_door *d, struct model_call *c, struct policy_verdict *why)
{
	const char *role = model_role(d);
	const struct call_sum used = calls_sum(d->calls, role);
	const uint64_t asked = model_wants(c->protocol, c->body);
	const uint64_t most = c->at.price->max_output;
	const uint64_t wanted = asked && asked < most ? asked : most;
	const uint64_t least = wanted < FLOOR ? wanted : FLOOR;
	struct policy_budget b;
	int r;

	policy_budget(c->policy, &b);
	c->max_output = wanted;
	c->most = (struct call_most){
		.role = role, .model = c->name, .request = c->request, .input = input_at_most(d, c)
	};
	r = by_time(c, why);
	if (r == 0)
		r = by_tokens(c, &b, &used, least, why);
	if (r == 0)
		r = by_money(c, &b, &used, least, why);
	if (r == 0)
		r = fits_thinking(c, wanted, why);
	c->most.output = c->max_output;
	c->most.usd = money_most(&c->rates, c->most.input, c->most.output);
	return r;
}

/* ---- what is left ---- */

static void put_left(json_t *o, const char *key, uint64_t most, uint64_t used)
{
	if (most)
		(void)json_object_set_new(
			o, key, json_integer((json_int_t)(used < most ? most - used : 0)));
}

json_t *model_left(struct model_door *d, const struct policy *p)
{
	const struct call_sum used = calls_sum(d->calls, model_role(d));
	json_t *o = json_object();
	char text[MONEY_TEXT];
	struct policy_budget b;
	money most;

	policy_budget(p, &b);
	if (!o)
		return NULL;
	if (b.max_cost_usd[0] && money_parse(b.max_cost_usd, &most) == 0) {
		money_text(money_sub(most, used.usd), text);
		(void)json_object_set_new(o, "usd", json_string(text));
	}
	put_left(o, "input", b.max_input_tokens, used.input);
	put_left(o, "output", b.max_output_tokens, used.output);
	put_left(o, "turns", b.max_turns, used.turns);
	return o;
}
