// pusher-js on every type of channel.
'use strict';

const { caughtUp, connected, next, options, record, run, sdk, subscribed, until } = require('./harness');
const { renew } = require('./renewal');

async function connect() {
  const pusher = await connected('ann');
  return { states: pusher.states, socket_id: pusher.connection.socket_id, first: pusher.frames.map((f) => f.event) };
}

async function renewed() {
  const ann = await connected('ann');
  const news = await subscribed(ann, 'news');
  await renew();
  const bob = await connected('bob');
  const arrived = [next(news, 'hello'), next(await subscribed(bob, 'news'), 'hello')];
  await sdk.trigger('news', 'hello', { to: 'both' });
  return { heard: await Promise.all(arrived), states: ann.states.slice(ann.states.indexOf('connected') + 1) };
}

async function publicChannel() {
  const [ann, bob] = [await connected('ann'), await connected('bob')];
  const news = await subscribed(ann, 'news');
  const heard = record(news);
  record(await subscribed(bob, 'news'));
  const payloads = [{ id: 1, text: 'naïve ☕' }, 'plain text', [1, 2, 3], 42, null, '{"already":"json"}'];
  for (const payload of payloads) await sdk.trigger('news', 'story', payload);
  const others = record(bob.channel('news'));
  await sdk.trigger(['news', 'sport'], 'mine', { from: 'ann' }, { socket_id: ann.connection.socket_id });
  await caughtUp(ann);
  await caughtUp(bob);
  ann.unsubscribe('news');
  await caughtUp(ann);
  await sdk.trigger('news', 'late', {});
  await caughtUp(ann);
  await caughtUp(bob);
  return { ann: heard, bob: others };
}

async function privateChannel() {
  const ann = await connected('ann');
  const orders = await subscribed(ann, 'private-orders');
  const arrived = next(orders, 'placed');
  await sdk.trigger('private-orders', 'placed', { id: 7 });
  const stranger = await connected('nobody');
  const refusal = await next(stranger.subscribe('private-orders'), 'pusher:subscription_error');
  return { event: await arrived, subscribed: orders.subscribed, refusal: refusal.status };
}

function membersOf(channel) {
  const all = {};
  channel.members.each((member) => (all[member.id] = member.info));
  return { all, count: channel.members.count, me: channel.members.me };
}

async function presence() {
  const ann = await connected('ann');
  const room = await subscribed(ann, 'presence-room');
  const alone = membersOf(room);
  const heard = record(room);
  const bob = await connected('bob');
  const bobsRoom = await subscribed(bob, 'presence-room');
  const together = membersOf(bobsRoom);
  const secondTab = await connected('bob');
  await subscribed(secondTab, 'presence-room');
  secondTab.disconnect();
  bob.unsubscribe('presence-room');
  await until(() => room.members.count === 1, 'bob to leave');
  const cat = await connected('cat');
  await subscribed(cat, 'presence-room');
  const gone = next(room, 'pusher:member_removed');
  cat.disconnect();
  await gone;
  return { alone, together, heard, after: membersOf(room) };
}

async function encrypted() {
  const ann = await connected('ann');
  const secrets = await subscribed(ann, 'private-encrypted-secrets');
  const arrived = next(secrets, 'whisper');
  await sdk.trigger('private-encrypted-secrets', 'whisper', { code: 'swordfish' });
  const event = await arrived;
  const frame = ann.frames.find((f) => f.event === 'whisper');
  return { event, wire: Object.keys(frame.data).sort(), leaked: JSON.stringify(ann.frames).includes('swordfish') };
}

async function cache() {
  const found = {};
  for (const kind of ['cache-', 'private-cache-', 'presence-cache-', 'private-encrypted-cache-']) {
    const name = kind + options.nonce; // the server remembers: every run needs names of its own
    const [early, late] = [await connected('ann'), await connected('bob')];
    const missed = next(early.subscribe(name), 'pusher:cache_miss').then(() => 'miss');
    const first = await missed;
    const live = next(early.channel(name), 'rate');
    await sdk.trigger(name, 'rate', { eur: 1 });
    await sdk.trigger(name, 'rate', { eur: 2 });
    await live;
    const replay = await next(late.subscribe(name), 'rate');
    const heard = record(late.channel(name));
    await caughtUp(late);
    found[kind] = { first, live: await live, replay, more: heard.length };
  }
  return found;
}

async function clientEvents() {
  const [ann, bob] = [await connected('ann'), await connected('bob')];
  const results = {};
  for (const name of ['private-chat', 'presence-chat']) {
    const [mine, theirs] = [await subscribed(ann, name), await subscribed(bob, name)];
    const echoes = [];
    mine.bind('client-typing', (data) => echoes.push(data));
    const arrived = [];
    theirs.bind('client-typing', (data, metadata) => arrived.push({ data, metadata: metadata || null }));
    for (const data of [{ on: true }, '{"a":1}', [1], 0]) mine.trigger('client-typing', data);
    await until(() => arrived.length === 4, 'four client events');
    await caughtUp(ann);
    results[name] = { arrived, echoes };
  }
  return results;
}

async function flood() {
  const ann = await connected('ann');
  const chat = await subscribed(ann, 'private-chat');
  const before = ann.connection.socket_id;
  const told = next(ann.connection, 'error');
  for (let number = 0; number < 60; number += 1) chat.trigger('client-typing', {});
  const error = await told;
  await until(() => ann.connection.socket_id && ann.connection.socket_id !== before, 'a new connection');
  await until(() => chat.subscribed, 'the subscription');
  const heard = next(chat, 'hello');
  await sdk.trigger('private-chat', 'hello', { to: 'ann' });
  return { code: error.data.code, heard: await heard, states: ann.states };
}

async function subscriptionCount() {
  const [ann, bob] = [await connected('ann'), await connected('bob')];
  const channel = await subscribed(ann, 'news');
  const counts = [];
  channel.bind('pusher:subscription_count', (data) => counts.push(data.subscription_count));
  await subscribed(bob, 'news');
  await until(() => counts.at(-1) === 2 || channel.subscriptionCount === 2, 'a count of two');
  bob.unsubscribe('news');
  await until(() => channel.subscriptionCount === 1, 'a count of one');
  return { counts, last: channel.subscriptionCount };
}

run({ cache, clientEvents, connect, encrypted, flood, presence, privateChannel, publicChannel, renewed, subscriptionCount });
