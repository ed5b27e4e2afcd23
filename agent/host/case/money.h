/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/host/case/host_config.h"
#include "runtime/proto/model.h"

/*
 * US dollars, exactly: whole numbers of 1e-12 dollars, so that a token at any
 * price of six decimals for a million costs a whole number.  No sum of what a
 * case can spend overflows; what would is held at MONEY_MAX.
 */
__extension__ typedef unsigned __int128 money;

#define MONEY_MAX  ((money)-1)
#define MONEY_TEXT 48 /* bytes of a printed amount, with the NUL */

/* "4", "4.00": at most 12 digits before the point and 12 after it; else -EINVAL. */
int money_parse(const char *text, money *out);
/* "3.00" dollars for a million tokens: what one costs; at most 6 digits on either side. */
int money_price(const char *text, money *token);
money money_add(money a, money b);
money money_sub(money a, money b); /* 0 where b is more */
money money_times(money a, uint64_t n);
/* All of it, with two decimals at least: "0.0031", "4.00". */
void money_text(money m, char out[MONEY_TEXT]);
/* To the cent, rounded up: nobody pays more than is shown. */
void money_cents(money m, char out[MONEY_TEXT]);

/* What a token costs by its kind. */
struct money_rates {
	money input, output, cached, cache_write;
};

/* Prices that are not stated are as input. -EINVAL: one is no amount. */
int money_rates(const struct model_price *p, struct money_rates *out);
money money_used(const struct money_rates *r, const struct model_usage *u);
/* Of so many tokens read and written, whatever the cache does. */
money money_most(const struct money_rates *r, uint64_t input, uint64_t output);
