/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Says the same for ever, whatever is asked. */
module.exports = { turns: [{ say: 'A few words of an answer.' }], any: true, loop: true };
