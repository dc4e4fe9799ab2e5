// pusher-js with the helper of clients/js on a live server: beside a pusher-js without, both must hear the same.
import { randomBytes } from 'node:crypto';
import { filter, withDelta } from '../../../clients/js/index.js';
import harness from './harness.js';

const { caughtUp, client, next, options, print, record, run, sdk, subscribed, until } = harness;
const PAD = 'the same in every message, so that a delta is worth it; ☕ 🚀 naïve "quoted" \\ \u2028; '.repeat(3);
const name = (channel) => `${channel}-${options.nonce}`;

async function following(who, settings) {
  const pusher = withDelta(client(who), settings);
  await next(pusher.connection, 'connected');
  return pusher;
}

async function plain(who) {
  const pusher = client(who);
  await next(pusher.connection, 'connected');
  return pusher;
}

async function joined(pusher, channel, settings) {
  const found = pusher.subscribe(channel, settings);
  await next(found, 'pusher:subscription_succeeded');
  return found;
}

const tick = (n, more = {}) => ({ n, price: 64000 + (n * 7919) % 997, text: PAD, ...more });

/** Every way of following, and none, on each type of channel; client events with a user's id in between. */
async function alike() {
  const found = {};
  const kinds = ['ticker', 'private-ticker', 'presence-ticker', 'cache-ticker', 'private-encrypted-ticker'];
  for (const channel of kinds.map(name)) {
    const pushers = {
      fossil: await following('ann', { algorithms: ['fossil'] }),
      xdelta3: await following('ann', { algorithms: ['xdelta3'] }),
      either: await following('ann'),
      plain: await plain('ann'),
    };
    const heard = {};
    for (const [how, pusher] of Object.entries(pushers)) {
      heard[how] = record(await joined(pusher, channel));
      const users = heard[how];
      pusher.channel(channel).bind('client-wave', (data, metadata) => users.push(['client', data, metadata?.user_id]));
    }
    const bob = await plain('bob');
    const others = await subscribed(bob, channel);
    for (let n = 0; n < 40; n += 1) {
      await sdk.trigger(channel, n % 3 ? 'tick' : 'tock', tick(n));
      if (n === 20 && /^(private-(?!encrypted-)|presence-)/.test(channel)) {
        const waved = next(pushers.plain.channel(channel), 'client-wave');
        others.trigger('client-wave', { n });
        await waved;
      }
    }
    await sdk.trigger(channel, 'text', 'x'.repeat(200));
    for (const pusher of Object.values(pushers)) await caughtUp(pusher);
    const wanted = JSON.stringify(heard.plain);
    found[channel.slice(0, -options.nonce.length - 1)] = {
      events: heard.plain.length,
      alike: Object.keys(heard).filter((how) => JSON.stringify(heard[how]) === wanted),
      stats: Object.fromEntries(['fossil', 'xdelta3', 'either'].map((how) => [how, pushers[how].delta.stats()])),
    };
    for (const pusher of [...Object.values(pushers), bob]) pusher.disconnect();
  }
  return found;
}

async function symbols(channel, count, from = 0) {
  for (let n = from; n < from + count; n += 1) {
    const symbol = `S${(n * 7) % 10}"'\\`;
    await sdk.trigger(channel, 'tick', tick(n, { symbol, about: symbol.repeat(20) }));
  }
}

/** Ten markets in one channel, each a stream of its own; `option` names the channel. */
async function conflated() {
  const [ann, bob] = [await following('ann'), await plain('bob')];
  const heard = [];
  for (const pusher of [ann, bob]) heard.push(record(await joined(pusher, name(options.channel))));
  await symbols(name(options.channel), 100);
  for (const pusher of [ann, bob]) await caughtUp(pusher);
  return { alike: JSON.stringify(heard[0]) === JSON.stringify(heard[1]), events: heard[1].length, stats: ann.delta.stats() };
}

/** Somebody joins whose server tells what each stream was at. */
async function informed() {
  const [ann, bob] = [await following('ann'), await following('bob')];
  await joined(ann, name('market'));
  await symbols(name('market'), 20);
  const heard = record(await joined(bob, name('market')));
  await symbols(name('market'), 20, 20);
  await caughtUp(bob);
  return { heard: heard.map(([, { n }]) => n), stats: bob.delta.stats() };
}

async function trade(symbol, n) {
  await sdk.trigger(name('trades'), 'trade', tick(n, { symbol }), { tags: { symbol } });
}

/** A filter, another one, none; with deltas all the while. */
async function filtered() {
  const ann = await following('ann');
  const trades = await joined(ann, name('trades'), { filter: filter.eq('symbol', 'BTC') });
  const heard = [];
  trades.bind('trade', ({ symbol, n }) => heard.push([symbol, n]));
  const both = async (n) => {
    for (const symbol of ['BTC', 'ETH']) await trade(symbol, n);
    await caughtUp(ann);
  };
  for (const n of [1, 2]) await both(n);
  await joined(ann, name('trades'), { filter: filter.in('symbol', ['ETH']) });
  for (const n of [3, 4]) await both(n);
  await joined(ann, name('trades'), {});
  await both(5);
  return { heard, stats: ann.delta.stats() };
}

/** One message gets lost on the way, as if the network could do that: the next one cannot be read, those after it can. */
async function lost() {
  const losses = [];
  const ann = await following('ann', { onLost: (loss) => losses.push(loss.channel) });
  const heard = [];
  (await joined(ann, name('ticker'))).bind('tick', ({ n }) => heard.push(n));
  const publish = async (n) => {
    await sdk.trigger(name('ticker'), 'tick', tick(n));
    await caughtUp(ann);
  };
  for (const n of [1, 2]) await publish(n);
  const { socket } = ann.connection.connection.transport;
  const { onmessage } = socket;
  socket.onmessage = () => (socket.onmessage = onmessage);
  await sdk.trigger(name('ticker'), 'tick', tick(3));
  for (const n of [4, 5, 6]) await publish(n);
  return { heard, losses: losses.length, stats: ann.delta.stats() };
}

/** Says {"ready": …} when it may lose its server; ends when all is well on the next one, whose numbers begin anew. */
async function restarted() {
  const ann = await following('ann', { channels: { [name('trades')]: { filter: filter.eq('symbol', 'BTC') } } });
  const heard = [];
  const channels = [await joined(ann, name('trades')), await joined(ann, name('market'))];
  for (const channel of channels) channel.bind_global((event, data) => event.includes(':') || heard.push([event, data.n]));
  const publish = async (n) => {
    for (const symbol of ['BTC', 'ETH']) await trade(symbol, n);
    await sdk.trigger(name('market'), 'tick', tick(n, { symbol: 'BTC' }));
  };
  for (const n of [1, 2, 3]) await publish(n);
  await caughtUp(ann);
  const before = ann.connection.socket_id;
  print({ ready: true });
  await until(() => ann.connection.socket_id && ann.connection.socket_id !== before, 'a new connection');
  await until(() => channels.every((channel) => channel.subscribed), 'every subscription');
  for (const n of [4, 5, 6]) await publish(n);
  await caughtUp(ann);
  return { heard, stats: ann.delta.stats() };
}

/** Somebody stops reading until the server has left out messages, and reads on. */
async function slow() {
  const [ann, bob] = [await following('ann'), await plain('bob')];
  const [sent, heard] = [new Map(), []];
  (await joined(ann, name('ticker'))).bind('tick', (data) => heard.push(data));
  const publish = async (n, more) => {
    sent.set(n, tick(n, more));
    await sdk.trigger(name('ticker'), 'tick', sent.get(n));
  };
  for (let n = 0; n < 10; n += 1) await publish(n);
  await caughtUp(ann);
  const before = ann.delta.stats();
  const stream = ann.connection.connection.transport.socket._stream; // of the WebSocket library inside of pusher-js
  stream.pause();
  let n = 10;
  for (; n < 900; n += 1) await publish(n, n % 3 ? {} : { noise: randomBytes(30_000).toString('base64') });
  stream.resume();
  await until(() => heard.at(-1).n > 10 && ann.connection.state === 'connected', 'more');
  await caughtUp(bob);
  await caughtUp(ann);
  for (; n < 920; n += 1) await publish(n);
  await caughtUp(ann);
  return {
    wrong: heard.filter((data) => JSON.stringify(data) !== JSON.stringify(sent.get(data.n))).map((data) => data.n),
    inOrder: heard.every((data, index) => index === 0 || data.n > heard[index - 1].n),
    heard: heard.length,
    last: heard.at(-1).n,
    sockets: ann.states.filter((state) => state === 'connected').length,
    stats: ann.delta.stats(),
    before,
  };
}

/** A server that does not want to: everything is as it is without the helper. */
async function refused() {
  const ann = await following('ann');
  const heard = [];
  (await joined(ann, name('ticker'), { delta: 'fossil' })).bind('tick', ({ n }) => heard.push(n));
  for (let n = 0; n < 5; n += 1) await sdk.trigger(name('ticker'), 'tick', tick(n));
  await caughtUp(ann);
  return { heard, stats: ann.delta.stats() };
}

run({ alike, conflated, filtered, informed, lost, refused, restarted, slow });
