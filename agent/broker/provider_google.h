/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider_keep.h"

#define GOOGLE_OWN_ID "own-call-" /* begins ids that the provider did not give */

/* Google generateContent: the tables of provider_google.c. */
extern const struct keep google_request[], google_answer[], google_error[];
