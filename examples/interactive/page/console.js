import { watch } from './tap.js';
import { add } from './log.js';
import { loadPusher } from '/shared/pusher.js';

const $ = (id) => document.getElementById(id);
const fields = (id) => $(id).elements;
let pusher = null;
let Pusher;

watch(add);

async function backend(method, path, body) {
  const options = body ? { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {};
  const reply = await (await fetch(`/api/${path}`, options)).json();
  const status = reply.status ?? 502;
  add('http', JSON.stringify({ event: `${path} ${status}`, channel: body?.channel ?? '', data: reply.body ?? reply }), status >= 400);
}

// ------------------------------------------------------------------------------------------ connection

function connect() {
  const { key, host, port, tls } = fields('connection');
  const user = () => fields('user').id.value;
  pusher = new Pusher(key.value, {
    wsHost: host.value,
    wsPort: Number(port.value),
    wssPort: Number(port.value),
    cluster: '',
    forceTLS: tls.checked,
    enabledTransports: ['ws', 'wss'],
    channelAuthorization: { endpoint: '/api/auth', paramsProvider: () => ({ user: user() }) },
    userAuthentication: {
      endpoint: '/api/user-auth',
      paramsProvider: () => ({ user: user(), watchlist: fields('user').watchlist.value }),
    },
  });
  pusher.connection.bind('state_change', ({ current }) => showState(current));
  pusher.user.watchlist.bind('online', ({ user_ids }) => add('life', `online: ${user_ids.join(', ')}`));
  pusher.user.watchlist.bind('offline', ({ user_ids }) => add('life', `offline: ${user_ids.join(', ')}`));
  showState(pusher.connection.state);
}

function disconnect() {
  pusher?.disconnect();
  pusher = null;
  showState('not connected');
  showChannels();
}

function showState(state) {
  $('status').dataset.state = state;
  $('status').textContent = state;
  $('socket-id').textContent = state === 'connected' ? `socket ${pusher.connection.socket_id}` : '';
  fields('connection').connect.disabled = pusher !== null;
  fields('connection').disconnect.disabled = pusher === null;
}

// -------------------------------------------------------------------------------------------- channels

function subscribe(name) {
  const channel = pusher.subscribe(name);
  for (const event of ['subscription_succeeded', 'member_added', 'member_removed', 'subscription_count']) {
    channel.bind(`pusher:${event}`, showChannels);
  }
  channel.bind('pusher:subscription_error', ({ status, error }) => {
    add('life', `subscription to ${name} failed: ${error || status}`, true);
    showChannels();
  });
  fields('event').channel.value = name;
  showChannels();
}

function showChannels() {
  const channels = pusher ? pusher.allChannels() : [];
  $('channels').replaceChildren(
    ...channels.map((channel) => {
      const item = document.createElement('li');
      item.classList.toggle('pending', !channel.subscribed);
      const name = Object.assign(document.createElement('span'), { className: 'name', textContent: channel.name });
      name.title = channel.members ? Object.keys(channel.members.members).join(', ') : channel.name;
      const count = channel.members?.count ?? channel.subscriptionCount;
      if (channel.subscribed && count) {
        name.append(Object.assign(document.createElement('span'), { className: 'members', textContent: count }));
      }
      const leave = Object.assign(document.createElement('button'), { type: 'button', textContent: '×' });
      leave.ariaLabel = `Unsubscribe from ${channel.name}`;
      leave.addEventListener('click', () => {
        pusher.unsubscribe(channel.name);
        showChannels();
      });
      item.append(name, leave);
      return item;
    }),
  );
  $('known').replaceChildren(...channels.map((channel) => new Option(channel.name)));
}

// --------------------------------------------------------------------------------------------- sending

function eventData() {
  const text = fields('event').data.value;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function sendClientEvent(channel, event) {
  const subscription = pusher?.channel(channel);
  if (!subscription?.subscribed) return add('life', `subscribe to ${channel} first`, true);
  try {
    subscription.trigger(event, eventData());
  } catch (error) {
    add('life', error.message, true);
  }
}

async function send() {
  const { channel, event, via, others } = fields('event');
  if (via.value === 'client') return sendClientEvent(channel.value, event.value);
  const socketId = others.checked ? pusher?.connection.socket_id : undefined;
  await backend('POST', 'publish', {
    channel: channel.value,
    event: event.value,
    data: eventData(),
    socket_id: socketId,
    info: channel.value.startsWith('presence-') ? 'user_count,subscription_count' : 'subscription_count',
  });
}

function wayChanged() {
  const { event, via, send } = fields('event');
  const client = via.value === 'client';
  send.textContent = client ? 'Send' : 'Publish';
  $('excluding').hidden = client;
  event.value = client ? `client-${event.value.replace(/^client-/, '')}` : event.value.replace(/^client-/, '');
}

// ---------------------------------------------------------------------------------------------- wiring

function onSubmit(id, action) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    action();
  });
}

function connected(action) {
  return () => (pusher ? action() : add('life', 'connect first', true));
}

onSubmit('connection', connect);
onSubmit('subscription', connected(() => subscribe(fields('subscription').prefix.value + fields('subscription').name.value)));
onSubmit('user', connected(() => pusher.signin()));
onSubmit('event', send);
fields('connection').disconnect.addEventListener('click', disconnect);
fields('user').terminate.addEventListener('click', () => backend('POST', 'terminate', { user: fields('user').id.value }));
fields('event').list.addEventListener('click', () => backend('GET', 'channels'));
for (const way of fields('event').via) way.addEventListener('change', wayChanged);

const [start, loaded] = await Promise.all([
  fetch('/api/start').then((reply) => reply.json()),
  loadPusher('pusher-with-encryption.min.js'),
]);
Pusher = loaded;
Object.assign(fields('connection').key, { value: start.key });
Object.assign(fields('connection').host, { value: location.hostname });
Object.assign(fields('connection').port, { value: start.port });
fields('user').id.value = `user-${Math.random().toString(36).slice(2, 6)}`;
