// The list of frames: one row each, newest last, with a filter.

const LIMIT = 3000;
const $ = (id) => document.getElementById(id);
const entries = [];

function stamp(date) {
  const two = (number) => String(number).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function cell(className, text = '') {
  const node = document.createElement('span');
  node.className = className;
  node.textContent = text;
  return node;
}

/** The frame as a person reads it: `data` that is JSON inside a string is shown as what it means. */
function readable(frame) {
  if (frame === null || typeof frame !== 'object') return String(frame);
  const shown = typeof frame.data === 'string' ? { ...frame, data: parsed(frame.data) } : frame;
  return JSON.stringify(shown, null, 2);
}

/** Adds a row. `text` is what was on the wire; `bad` colours it as a problem. */
export function add(kind, text, bad = false) {
  const at = new Date();
  const frame = kind === 'life' ? text : parsed(text);
  const isObject = frame !== null && typeof frame === 'object';
  const data = isObject ? frame.data : undefined;

  const row = document.createElement('li');
  row.dataset.kind = kind;
  row.classList.toggle('bad', bad || frame?.event === 'pusher:error');
  const time = document.createElement('time');
  time.textContent = stamp(at);
  time.dateTime = at.toISOString();

  const details = document.createElement('details');
  const summary = document.createElement('summary');
  summary.append(
    time,
    cell('sign'),
    cell('event', isObject ? frame.event : ''),
    cell('channel', isObject ? (frame.channel ?? data?.channel) : ''), // commands carry it inside
    cell('data', isObject ? (typeof data === 'string' ? data : JSON.stringify(data)) : String(frame)),
  );
  details.append(summary);
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    if (details.children.length === 1) details.append(fullText(frame));
    details.scrollIntoView({ block: 'nearest' });
  });
  row.append(details);

  const entry = { at, kind, text, row, haystack: `${kind} ${text}`.toLowerCase() };
  entries.push(entry);
  if (entries.length > LIMIT) entries.shift().row.remove();
  const list = $('log');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  row.hidden = !matches(entry, wanted());
  list.append(row);
  if (atEnd) list.scrollTop = list.scrollHeight;
  count();
}

function fullText(frame) {
  const node = document.createElement('pre');
  node.textContent = readable(frame);
  return node;
}

function wanted() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  return {
    kinds: new Set([...document.querySelectorAll('#kinds :checked')].map((box) => box.value)),
    with: words.filter((word) => !word.startsWith('-')),
    without: words.filter((word) => word.length > 1 && word.startsWith('-')).map((word) => word.slice(1)),
  };
}

function matches(entry, want) {
  return (
    want.kinds.has(entry.kind) &&
    want.with.every((word) => entry.haystack.includes(word)) &&
    !want.without.some((word) => entry.haystack.includes(word))
  );
}

function count() {
  const shown = entries.filter((entry) => !entry.row.hidden).length;
  $('shown').textContent = shown === entries.length ? `${shown}` : `${shown} of ${entries.length}`;
}

function filter() {
  const want = wanted();
  for (const entry of entries) entry.row.hidden = !matches(entry, want);
  count();
}

$('filter').addEventListener('input', filter);
$('kinds').addEventListener('change', filter);
$('clear').addEventListener('click', () => {
  entries.length = 0;
  $('log').replaceChildren();
  count();
});
$('copy').addEventListener('click', () => {
  const lines = entries.filter((entry) => !entry.row.hidden).map((e) => `${e.at.toISOString()} ${e.kind} ${e.text}`);
  navigator.clipboard.writeText(lines.join('\n'));
});
