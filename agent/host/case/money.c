/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/money.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNIT	 1000000000000ull /* of one dollar */
#define CENT	 10000000000ull
#define DECIMALS 12

/* Digits with at most `decimals` after the point, as a whole number of 10^-decimals. */
static int read_decimal(const char *s, unsigned decimals, money *out)
{
	const size_t whole = strspn(s, "0123456789");
	const size_t part = s[whole] == '.' ? strspn(s + whole + 1, "0123456789") : 0;
	money m = 0;

	if (whole == 0 || whole > decimals || part > decimals)
		return -EINVAL;
	if (s[whole] == '.' ? part == 0 || s[whole + 1 + part] : s[whole] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		m = m * 10 + (unsigned)(s[i] - '0');
	for (size_t i = 0; i < decimals; i++)
		m = m * 10 + (i < part ? (unsigned)(s[whole + 1 + i] - '0') : 0);
	*out = m;
	return 0;
}

int money_parse(const char *text, money *out)
{
	return read_decimal(text, DECIMALS, out);
}

int money_price(const char *text, money *token)
{
	return read_decimal(text, DECIMALS / 2, token); /* for a million: six digits less */
}

money money_add(money a, money b)
{
	return a > MONEY_MAX - b ? MONEY_MAX : a + b;
}

money money_sub(money a, money b)
{
	return a > b ? a - b : 0;
}

money money_times(money a, uint64_t n)
{
	return n && a > MONEY_MAX / n ? MONEY_MAX : a * n;
}

/* 128 bits are more than printf() knows: at least `least` digits. */
static const char *digits(money m, unsigned least, char out[MONEY_TEXT])
{
	size_t at = MONEY_TEXT - 1;

	out[at] = '\0';
	for (unsigned i = 0; i < least || m; i++, m /= 10)
		out[--at] = (char)('0' + (int)(m % 10));
	return out + at;
}

static void write_money(money whole, money part, unsigned places, char out[MONEY_TEXT])
{
	char a[MONEY_TEXT], b[MONEY_TEXT];

	(void)snprintf(out, MONEY_TEXT, "%.30s.%.12s", digits(whole, 1, a),
		       digits(part, places, b));
}

void money_text(money m, char out[MONEY_TEXT])
{
	size_t n;

	write_money(m / UNIT, m % UNIT, DECIMALS, out);
	for (n = strlen(out); out[n - 1] == '0' && out[n - 3] != '.'; n--)
		out[n - 1] = '\0';
}

void money_cents(money m, char out[MONEY_TEXT])
{
	const money cents = m / CENT + (m % CENT != 0);

	write_money(cents / 100, cents % 100, 2, out);
}

int money_rates(const struct model_price *p, struct money_rates *out)
{
	if (money_price(p->input, &out->input) < 0 || money_price(p->output, &out->output) < 0)
		return -EINVAL;
	out->cached = out->cache_write = out->input;
	if (p->cached && money_price(p->cached, &out->cached) < 0)
		return -EINVAL;
	return p->cache_write ? money_price(p->cache_write, &out->cache_write) : 0;
}

money money_used(const struct money_rates *r, const struct model_usage *u)
{
	const uint64_t apart = u->cached + u->cache_write;
	const uint64_t plain = u->input > apart ? u->input - apart : 0;
	money sum = money_times(r->input, plain);

	sum = money_add(sum, money_times(r->cached, u->cached));
	sum = money_add(sum, money_times(r->cache_write, u->cache_write));
	return money_add(sum, money_times(r->output, u->output));
}

money money_most(const struct money_rates *r, uint64_t input, uint64_t output)
{
	money dearest = r->input;

	if (r->cached > dearest)
		dearest = r->cached;
	if (r->cache_write > dearest)
		dearest = r->cache_write;
	return money_add(money_times(dearest, input), money_times(r->output, output));
}
