// What every scenario needs: clients, waiting with a deadline, and the console's complaints.
'use strict';

const { options, serverSdk } = require('./options');

const DEADLINE = (options.patience || 10) * 1000;
const complaints = [];
for (const level of ['error', 'warn']) {
  console[level] = (...words) => complaints.push({ level, text: words.map(printable).join(' ') });
}

function printable(word) {
  if (word instanceof Error) return word.stack;
  return typeof word === 'string' ? word : JSON.stringify(word);
}

const Pusher = options.client ? require(options.client) : null;
const sdk = serverSdk();

/** A pusher-js client as the user `name`; only host, port and the TLS flag differ from hosted Pusher. */
function client(name) {
  const headers = { Authorization: `Bearer ${name}` };
  const pusher = new Pusher(options.key, {
    wsHost: options.host,
    ...(options.tls ? { wssPort: options.port } : { wsPort: options.port }),
    cluster: '',
    forceTLS: options.tls,
    channelAuthorization: { endpoint: `${options.backend}/pusher/auth`, headers },
    userAuthentication: { endpoint: `${options.backend}/pusher/user-auth`, headers },
  });
  pusher.states = [pusher.connection.state];
  pusher.connection.bind('state_change', ({ current }) => pusher.states.push(current));
  pusher.frames = [];
  pusher.connection.bind('message', (frame) => pusher.frames.push(frame));
  return pusher;
}

/** Settles when `emitter` emits `event`; ask before doing what causes it. */
function next(emitter, event, count = 1) {
  return new Promise((resolve, reject) => {
    const seen = [];
    const timer = setTimeout(() => reject(new Error(`no ${event} in ${DEADLINE} ms (${seen.length} of ${count})`)), DEADLINE);
    const hear = (data, metadata) => {
      seen.push(count === 1 && metadata !== undefined && metadata.user_id ? { data, user_id: metadata.user_id } : data);
      if (seen.length < count) return;
      clearTimeout(timer);
      emitter.unbind(event, hear);
      resolve(count === 1 ? seen[0] : seen);
    };
    emitter.bind(event, hear);
  });
}

async function connected(name) {
  const pusher = client(name);
  await next(pusher.connection, 'connected');
  return pusher;
}

/** Subscribes and waits for the server's answer. */
async function subscribed(pusher, channelName) {
  const channel = pusher.subscribe(channelName);
  await next(channel, 'pusher:subscription_succeeded');
  return channel;
}

/** Everything `channel` hears from now on, as [event, data] pairs. */
function record(channel) {
  const heard = [];
  channel.bind_global((event, data) => heard.push([event, data]));
  return heard;
}

/** Settles when everything the server has sent to `pusher` so far has arrived: an event to a channel of its own. */
async function caughtUp(pusher) {
  const channel = await subscribed(pusher, `sync-${pusher.connection.socket_id.replace('.', '-')}`);
  const arrived = next(channel, 'sync');
  await sdk.trigger(channel.name, 'sync', {});
  await arrived;
  pusher.unsubscribe(channel.name);
}

async function until(condition, what) {
  const end = Date.now() + DEADLINE;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function print(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

/** Runs one scenario of the table and prints {"result" or "failure", "complaints"} as the last line. */
async function run(scenarios) {
  const outcome = {};
  try {
    outcome.result = await scenarios[process.argv[2]]();
  } catch (error) {
    outcome.failure = printable(error);
  }
  print({ ...outcome, complaints });
  process.exit(0);
}

module.exports = { Pusher, caughtUp, client, connected, next, options, print, record, run, sdk, subscribed, until };
