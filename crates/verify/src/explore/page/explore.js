// What a page has beside its links: the switch of colours, keys, rows that can be
// clicked anywhere, the place in a long path, and what a search finds meanwhile.
'use strict';

const root = document.documentElement;

// A browser may refuse to remember.
function remember(name, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(name, value);
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

// Before anything is painted.
root.style.colorScheme = remember('colours') ?? '';

function switchColours() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const now = root.style.colorScheme || system;
  root.style.colorScheme = now === 'dark' ? 'light' : 'dark';
  remember('colours', root.style.colorScheme);
}

// Every link or button that has a key says so itself.
function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const taken = document.querySelector(`[data-keys~="${CSS.escape(event.key)}"]`);
  if (!taken) return;
  event.preventDefault();
  taken.click();
}

function clickRow(event) {
  const row = event.target.closest('table.lanes tbody tr');
  if (row && !event.target.closest('a') && !String(getSelection())) row.querySelector('a')?.click();
}

// Another place of the same page is looked at from where this one was.
const pane = () => document.querySelector('.pane');
function keepPlace() {
  if (pane()) remember(location.pathname, `${scrollY} ${pane().scrollTop} ${pane().scrollLeft}`);
}
function findPlace() {
  if (!pane()) return;
  const [page, top, left] = (remember(location.pathname) ?? '0 0 0').split(' ').map(Number);
  scrollTo(0, page);
  pane().scrollTo(left, top);
  const here = document.querySelector('tr.here').getBoundingClientRect();
  const seen = pane().getBoundingClientRect();
  const head = document.querySelector('.lanes thead').offsetHeight;
  if (here.bottom > seen.bottom) pane().scrollTop += here.bottom - seen.bottom;
  if (here.top < seen.top + head) pane().scrollTop -= seen.top + head - here.top;
  // What is wrong is to be seen, however many lanes stand before it.
  const wrong = document.querySelector('td.object')?.getBoundingClientRect();
  if (!wrong) return;
  const right = seen.left + pane().clientWidth;
  if (wrong.right > right) pane().scrollLeft += wrong.right - right;
  if (wrong.left < seen.left) pane().scrollLeft -= seen.left - wrong.left;
}

// The same page once more, as it is now; what is live in it takes the place of what
// was. A page that names no place is sent on to the counterexample when there is one.
async function refresh() {
  const answer = await fetch(location.href);
  if (answer.redirected) return location.replace(answer.url);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const fresh of page.querySelectorAll('[data-live]')) {
    const old = document.getElementById(fresh.id);
    if (old && old.outerHTML !== fresh.outerHTML) old.replaceWith(document.adoptNode(fresh));
  }
  watch();
}
function watch() {
  if (!document.querySelector('[data-busy]')) return;
  setTimeout(() => refresh().catch(() => {
    const busy = document.querySelectorAll('[data-busy]');
    busy.forEach((it) => { it.textContent = 'the server does not answer any more'; });
  }), 700);
}

document.addEventListener('DOMContentLoaded', () => {
  document.getElementById('colours').addEventListener('click', switchColours);
  document.addEventListener('keydown', press);
  document.addEventListener('click', clickRow);
  addEventListener('pagehide', keepPlace);
  findPlace();
  watch();
});
