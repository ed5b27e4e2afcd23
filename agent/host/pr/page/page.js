// SPDX-License-Identifier: Apache-2.0
// Keys for who does not use a mouse, and evidence that is not left out on paper. Nothing is missing without it.
'use strict';
const parts = [...document.querySelectorAll('main section')];
const all = () => [...document.querySelectorAll('details')];
let at = -1;
function go(by) {
  at = Math.max(0, Math.min(parts.length - 1, at + by));
  parts[at].focus({ preventScroll: true });
  parts[at].scrollIntoView();
}
document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'j') go(1);
  else if (e.key === 'k') go(-1);
  else if (e.key === 'o') {
    const shut = all().some((d) => !d.open);
    all().forEach((d) => { d.open = shut; });
  }
});
// What is wider than its place can be moved by the arrows once it has the focus.
function reach() {
  for (const e of document.querySelectorAll('.wide, .draw, pre')) {
    if (e.scrollWidth > e.clientWidth) e.tabIndex = 0;
    else e.removeAttribute('tabindex');
  }
}
reach();
addEventListener('resize', reach);
document.addEventListener('toggle', reach, true);
let closed = [];
addEventListener('beforeprint', () => {
  closed = all().filter((d) => !d.open);
  closed.forEach((d) => { d.open = true; });
});
addEventListener('afterprint', () => closed.forEach((d) => { d.open = false; }));
