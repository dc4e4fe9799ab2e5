import { loadPusher } from '/shared/pusher.js';

const TYPING_EVERY = 1500; // how often we tell the others, in milliseconds
const TYPING_SHOWN = 3000; // how long they believe it
const SAME_BREATH = 5 * 60_000; // messages of one author this close together share a name

const $ = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });
const typists = new Map(); // user id → timer
let me, room, lastMessage, highest = 0;

async function api(path, body) {
  const options = body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

// ------------------------------------------------------------------------------------------ drawing

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function avatar(id, name) {
  const initials = name.split(' ').map((word) => [...word][0]).slice(0, 2).join('').toUpperCase();
  const node = element('span', 'avatar', initials);
  let hue = 0;
  for (const character of id) hue = (hue * 31 + character.codePointAt(0)) % 360;
  node.style.setProperty('--hue', hue);
  node.ariaHidden = 'true';
  return node;
}

function append(item) {
  const list = $('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.append(item);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function note(text) {
  lastMessage = null;
  append(element('li', 'note', text));
}

function showMessage(message) {
  if (message.number <= highest) return; // already in the history we fetched
  highest = message.number;
  const more = lastMessage?.user === message.user && message.at - lastMessage.at < SAME_BREATH;
  const stamp = element('time', '', time.format(message.at));
  stamp.dateTime = new Date(message.at).toISOString();
  append(
    element(
      'li',
      more ? 'more' : '',
      avatar(message.user, message.name),
      element('div', 'by', element('b', '', message.name), stamp),
      element('div', 'text', message.text),
    ),
  );
  lastMessage = message;
  stopTyping(message.user);
}

const rows = new Map(); // user id → list item; kept, so that only newcomers are animated

function memberRow({ id, info }) {
  if (!rows.has(id)) {
    const item = element('li', '', avatar(id, info.name), element('span', 'name', info.name));
    item.title = info.name;
    if (id === me.id) item.append(element('span', 'you', 'you'));
    rows.set(id, item);
  }
  return rows.get(id);
}

function showMembers() {
  const people = [];
  room.members.each((member) => people.push(member));
  people.sort((a, b) => (b.id === me.id) - (a.id === me.id) || a.info.name.localeCompare(b.info.name));
  for (const [id, row] of rows) {
    if (room.members.get(id)) continue;
    row.remove();
    rows.delete(id);
  }
  people.forEach((person, index) => {
    const row = memberRow(person);
    row.classList.toggle('typing', typists.has(person.id));
    if ($('members').children[index] !== row) $('members').insertBefore(row, $('members').children[index] ?? null);
  });
  $('count').textContent = people.length;
}

// ------------------------------------------------------------------------------------------- typing

function showTyping() {
  const names = [...typists.keys()].map((id) => room.members.get(id)?.info.name).filter(Boolean);
  const shown = names.length > 3 ? 'Several people' : new Intl.ListFormat('en').format(names);
  $('typing').textContent = names.length ? `${shown} ${names.length > 1 ? 'are' : 'is'} typing…` : '';
  showMembers();
}

function startTyping(id) {
  clearTimeout(typists.get(id));
  typists.set(id, setTimeout(() => stopTyping(id), TYPING_SHOWN));
  showTyping();
}

function stopTyping(id) {
  clearTimeout(typists.get(id));
  if (typists.delete(id)) showTyping();
}

// ----------------------------------------------------------------------------------------- the room

async function enter(start, person) {
  me = person;
  $('join').hidden = true;
  $('chat').hidden = false;
  $('text').focus();

  const Pusher = await loadPusher();
  const pusher = new Pusher(start.key, {
    wsHost: location.hostname,
    wsPort: start.port,
    cluster: '',
    forceTLS: false,
    channelAuthorization: { endpoint: '/api/auth' },
  });
  pusher.connection.bind('state_change', ({ current }) => {
    $('status').dataset.state = current;
    $('status').textContent = current;
  });

  room = pusher.subscribe(start.room);
  room.bind('pusher:subscription_succeeded', async () => {
    showMembers();
    // After a lost connection too: what was said meanwhile.
    for (const message of await api('messages')) showMessage(message);
  });
  room.bind('pusher:subscription_error', ({ status }) => note(`The lobby is closed to us (${status}).`));
  room.bind('pusher:member_added', (member) => {
    note(`${member.info.name} joined`);
    showMembers();
  });
  room.bind('pusher:member_removed', (member) => {
    note(`${member.info.name} left`);
    stopTyping(member.id);
    showMembers();
  });
  room.bind('message', showMessage);
  // The server vouches for `user_id`: it comes from the signature of the auth endpoint, not from the browser.
  room.bind('client-typing', (_, { user_id }) => startTyping(user_id));

  let told = 0;
  $('text').addEventListener('input', () => {
    $('text').style.height = 'auto';
    $('text').style.height = `${$('text').scrollHeight + 2}px`;
    if (!$('text').value || Date.now() - told < TYPING_EVERY || !room.subscribed) return;
    told = Date.now();
    room.trigger('client-typing', {});
  });
  $('text').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $('composer').requestSubmit();
  });
  $('composer').addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = $('text').value.trim();
    if (!text) return;
    $('text').value = '';
    $('text').style.height = 'auto';
    told = 0;
    try {
      await api('messages', { text });
    } catch (error) {
      $('text').value = text;
      note(`Not sent: ${error.message}`);
    }
  });
}

try {
  const start = await api('start');
  if (start.me) {
    await enter(start, start.me);
  } else {
    $('join').hidden = false;
    $('name').focus();
    $('join').addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        await enter(start, await api('join', { name: $('name').value }));
      } catch (error) {
        $('join-error').textContent = error.message;
      }
    });
  }
} catch (error) {
  $('fatal').textContent = error.message;
  $('fatal').hidden = false;
}
