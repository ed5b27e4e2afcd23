/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/html.h"
#include "images/embed.h"

/* agent/host/pr/page: the two files are text with a NUL at their end, in this order (page.mk). */
extern const struct embedded page_files[];

const char *html_style(void)
{
	return (const char *)page_files[0].data;
}

const char *html_script(void)
{
	return (const char *)page_files[1].data;
}
