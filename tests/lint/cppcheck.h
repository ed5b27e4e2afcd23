/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* jansson's loops, for cppcheck, which does not read the system's headers. */
#ifdef __cppcheck__
#define json_array_foreach(a, i, v) for ((i) = 0; ((v) = json_array_get(a, i)) != 0; (i)++)
#define json_object_foreach(o, k, v) \
	while (((k) = json_object_iter_key(o)) && ((v) = json_object_get(o, k)))
#define json_object_foreach_safe(o, n, k, v) json_object_foreach(o, k, v)
#endif
