// Unmodified pusher-js 7 and 8, made to follow deltas, against a server that says exactly what a test tells it to.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { filter, withDelta } from '../../clients/js/index.js';
import { Publisher } from '../../clients/js/test/publisher.js';
import { Peer } from './peer.mjs';

const require = createRequire(new URL('../conformance/package.json', import.meta.url));
const BTC = filter.eq('symbol', 'BTC');
const ETH = filter.eq('symbol', 'ETH');
const PAD = 'the same in every message, so that a delta is worth it';
const tick = (n) => ({ n, pad: PAD, text: '☕ 🚀 naïve' });

async function until(condition) {
  const end = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < end, `waited in vain for ${condition}`);
    await sleep(2);
  }
}

for (const library of ['pusher-js', 'pusher-js-7']) {
  const Pusher = require(library);
  let peer, opened, errors;

  function bare() {
    const pusher = new Pusher('key', {
      wsHost: '127.0.0.1',
      wsPort: peer.port,
      cluster: '',
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        customHandler: ({ socketId }, done) => setImmediate(done, null, { auth: `key:${socketId}`, channel_data: '{"user_id":"ann"}' }),
      },
    });
    pusher.connection.bind('error', (error) => errors.push(error));
    opened.push(pusher);
    return pusher;
  }

  const open = (options) => withDelta(bare(), options);

  /** The client has a connection and each of its channels is subscribed. */
  async function ready(pusher) {
    await until(() => pusher.connection.state === 'connected' && pusher.allChannels().every((channel) => channel.subscribed));
  }

  /** Everything the application hears, in every way it can hear it. */
  function recorded(pusher, name) {
    const heard = [];
    pusher.channel(name).bind_global((event, data) => heard.push(['channel', event, data]));
    pusher.channel(name).bind('client-x', (data, metadata) => heard.push(['client', data, metadata]));
    pusher.bind_global((event, data) => heard.push(['global', event, data]));
    pusher.connection.bind('message', (message) => heard.push(['message', message]));
    return heard;
  }

  /** Waits until everything sent so far was heard. */
  async function caughtUp(pusher, connection) {
    const seen = [];
    pusher.connection.bind('message', ({ event }) => seen.push(event));
    connection.say('pusher:pong', { data: {} });
    await until(() => seen.includes('pusher:pong'));
  }

  describe(library, () => {
    beforeEach(async () => {
      [peer, opened, errors] = [await Peer.listen(), [], []];
    });

    afterEach(() => {
      for (const pusher of opened) pusher.disconnect();
      peer.close();
      assert.deepEqual(errors, []);
    });

    test('a subscription asks for deltas, and nothing else is sent that a plain Pusher server would not know', async () => {
      const pusher = open();
      pusher.subscribe('c');
      pusher.subscribe('d', { filter: BTC, delta: 'vcdiff' });
      await ready(pusher);
      assert.deepEqual(peer.last.heard, [
        { event: 'pusher:subscribe', data: { auth: '', channel: 'c', delta: true } },
        { event: 'pusher:subscribe', data: { auth: '', channel: 'd', delta: 'xdelta3', tags_filter: BTC } },
      ]);
    });

    test('the application hears what it would hear without deltas, on every kind of channel', async () => {
      for (const channel of ['c', 'private-c', 'presence-c']) {
        const [following, plain] = [open(), bare()];
        const heard = [];
        for (const pusher of [following, plain]) {
          pusher.subscribe(channel);
          await ready(pusher);
          heard.push(recorded(pusher, channel));
        }
        const [theirs, others] = peer.connections.slice(-2);
        const publisher = new Publisher({ keys: channel !== 'c' });
        const payloads = [tick(1), tick(2), 'text', '', 0, null, false, [1, 2], { data: '{"a":1}' }, '{"a":1}', tick(3)];
        theirs.say('pusher:delta_compression_enabled', { channel, data: { enabled: true, algorithm: 'fossil', channel } });
        theirs.say('pusher:delta_cache_sync', { channel, data: { conflation_key: 'n', max_messages_per_key: 10, states: {} } });
        for (const data of payloads) {
          theirs.send(publisher.next(channel, 'tick', data));
          others.send(publisher.plain(channel, 'tick', data));
          for (const connection of [theirs, others]) connection.say('client-x', { channel, data: { on: true }, user_id: 'bob' });
        }
        await caughtUp(following, theirs);
        await caughtUp(plain, others);
        assert.equal(heard[0].filter(([way, event]) => way === 'channel' && event === 'tick').length, payloads.length);
        assert.deepEqual(...heard);
        assert.equal(following.delta.stats().deltas, payloads.length - 1);
      }
    });

    test('numbers: what arrived, and what it would have cost', async () => {
      const pusher = open();
      pusher.subscribe('c');
      await ready(pusher);
      const before = pusher.delta.stats();
      const publisher = new Publisher();
      let [sent, plain] = [0, 0];
      for (let n = 0; n < 20; n += 1) {
        const text = publisher.next('c', 'tick', tick(n));
        peer.last.send(text);
        sent += Buffer.byteLength(text);
        plain += Buffer.byteLength(publisher.plain('c', 'tick', tick(n)));
      }
      await until(() => pusher.delta.stats().messages === before.messages + 20);
      const { full, deltas, lost, bytesReceived, bytesPlain, bytesSaved } = pusher.delta.stats();
      assert.deepEqual([full, deltas, lost], [1, 19, 0]);
      assert.deepEqual([bytesReceived - before.bytesReceived, bytesPlain - before.bytesPlain], [sent, plain]);
      assert.equal(bytesSaved, plain - sent);
    });

    test('a delta that cannot be used is lost and told, the server is asked, and the next one is right', async () => {
      const lost = [];
      const pusher = open({ onLost: (loss) => lost.push(loss) });
      pusher.subscribe('c');
      await ready(pusher);
      const heard = recorded(pusher, 'c');
      const publisher = new Publisher();
      publisher.next('c', 'tick', tick(0)); // never sent
      peer.last.send(publisher.next('c', 'tick', tick(1)));
      await until(() => peer.last.said('pusher:delta_sync_error').length > 0);
      assert.deepEqual(peer.last.said('pusher:delta_sync_error'), [{ channel: 'c' }]);
      publisher.reset('c');
      for (const n of [2, 3]) peer.last.send(publisher.next('c', 'tick', tick(n)));
      await caughtUp(pusher, peer.last);
      assert.deepEqual(heard.filter(([way]) => way === 'channel').map(([, , { n }]) => n), [2, 3]);
      assert.deepEqual(lost.map(({ channel }) => channel), ['c']);
      assert.deepEqual([pusher.delta.stats().lost, pusher.delta.stats().resyncs], [1, 1]);
    });

    test('a channel whose deltas cannot be decoded at all becomes plain', async () => {
      const pusher = open();
      pusher.subscribe('c', { filter: BTC });
      await ready(pusher);
      const publisher = new Publisher({ algorithm: 'zstd' });
      for (let n = 0; n < 3; n += 1) {
        peer.last.send(publisher.full('c', 'tick', tick(n)));
        peer.last.send(publisher.next('c', 'tick', tick(n)));
      }
      await until(() => peer.last.said('pusher:subscribe').length === 2);
      assert.deepEqual(peer.last.said('pusher:subscribe')[1], { auth: '', channel: 'c', delta: false, tags_filter: BTC });
      await ready(pusher);
    });

    test('a new connection: settings go along again, and numbers begin anew', async () => {
      const pusher = open({ channels: { 'private-d': { filter: ETH } } });
      pusher.subscribe('c', { filter: BTC });
      pusher.subscribe('private-d');
      await ready(pusher);
      const heard = recorded(pusher, 'c');
      const first = peer.last;
      const asked = () => Object.fromEntries(peer.last.said('pusher:subscribe').map((data) => [data.channel, data.tags_filter]));
      const publisher = new Publisher({ keys: true });
      first.send(publisher.next('c', 'tick', tick(0), 'BTC'));
      await caughtUp(pusher, first);
      first.close(4200);
      await until(() => peer.last !== first);
      errors.length = 0; // told of the close
      await ready(pusher);
      assert.deepEqual(asked(), { c: BTC, 'private-d': ETH });
      const second = new Publisher({ keys: true });
      for (const n of [1, 2, 3]) peer.last.send(second.next('c', 'tick', tick(n), 'ETH'));
      await caughtUp(pusher, peer.last);
      assert.deepEqual(heard.filter(([way]) => way === 'channel').map(([, event, data]) => (event === 'tick' ? data.n : event)), [
        0, 'pusher:subscription_succeeded', 1, 2, 3,
      ]);
      peer.last.send(publisher.next('c', 'tick', tick(4), 'BTC')); // against a message of the connection before
      await until(() => peer.last.said('pusher:delta_sync_error').length === 1);
    });

    test('instances are independent: one follows, another of the same page does not notice', async () => {
      const [following, other] = [open(), bare()];
      for (const pusher of [following, other]) pusher.subscribe('c');
      for (const pusher of [following, other]) await ready(pusher);
      const untouched = peer.connections.find((connection) => !('delta' in connection.said('pusher:subscribe')[0]));
      assert.ok(untouched);
      const heard = recorded(other, 'c');
      untouched.send('{"event":"tick","channel":"c","data":"{}","__delta_seq":1}');
      untouched.say('pusher:delta', { channel: 'c', data: {} });
      await caughtUp(other, untouched);
      assert.deepEqual(heard.filter(([way]) => way === 'channel').map(([, event]) => event), ['tick', 'pusher:delta']);
    });

    test('other settings for a channel that is subscribed: subscribed again, once; the same ones: nothing', async () => {
      const pusher = open();
      const channel = pusher.subscribe('private-c', { filter: BTC });
      await ready(pusher);
      pusher.subscribe('private-c', { filter: BTC });
      pusher.subscribe('private-c');
      pusher.subscribe('private-c', { filter: ETH });
      await until(() => peer.last.said('pusher:subscribe').length === 2);
      await ready(pusher);
      assert.deepEqual(peer.last.said('pusher:subscribe').map((data) => data.tags_filter), [BTC, ETH]);
      assert.equal(pusher.channel('private-c'), channel);
    });

    test('other settings while the answer is awaited, or will never come: subscribed again with them', async () => {
      peer.mute = true;
      const pusher = open();
      pusher.subscribe('c', { filter: { key: 'a', cmp: 'regex', val: 'x' } });
      await until(() => peer.last?.said('pusher:subscribe').length === 1);
      peer.last.say('pusher:error', { data: { code: 4000, message: 'Invalid message format: Invalid tags filter: …' } });
      await until(() => errors.length > 0);
      errors.length = 0;
      peer.mute = false;
      pusher.subscribe('c', { filter: BTC });
      await ready(pusher);
      assert.deepEqual(peer.last.said('pusher:subscribe').slice(1).map((data) => data.tags_filter), [BTC]);
    });

    test('other settings while a channel is being authorised: subscribed once, with them', async () => {
      const pusher = open();
      await until(() => pusher.connection.state === 'connected');
      pusher.subscribe('private-c', { filter: BTC });
      pusher.subscribe('private-c', { filter: ETH });
      await ready(pusher);
      pusher.subscribe('private-c', { filter: BTC });
      pusher.subscribe('private-c', { filter: { ...BTC, val: 'SOL' } });
      await until(() => peer.last.said('pusher:subscribe').length === 2);
      await ready(pusher);
      await caughtUp(pusher, peer.last);
      assert.deepEqual(peer.last.said('pusher:subscribe').map((data) => data.tags_filter.val), ['ETH', 'SOL']);
    });

    test('leaving a channel forgets its settings and its messages', async () => {
      const pusher = open();
      pusher.subscribe('c', { filter: BTC, delta: 'fossil' });
      await ready(pusher);
      const publisher = new Publisher();
      peer.last.send(publisher.next('c', 'tick', tick(0)));
      await caughtUp(pusher, peer.last);
      const late = publisher.next('c', 'tick', tick(1));
      pusher.unsubscribe('c');
      for (const n of [2, 3]) peer.last.send(publisher.next('c', 'tick', tick(n))); // on their way meanwhile
      await caughtUp(pusher, peer.last);
      pusher.subscribe('c');
      await ready(pusher);
      assert.deepEqual(peer.last.said('pusher:subscribe')[1], { auth: '', channel: 'c', delta: true });
      peer.last.send(late);
      await until(() => peer.last.said('pusher:delta_sync_error').length > 0);
      const said = peer.last.heard.map(({ event }) => event.slice('pusher:'.length));
      assert.deepEqual(said, ['subscribe', 'unsubscribe', 'subscribe', 'delta_sync_error']);
    });

    test('settings that are none are refused before anything happens; a loop over names gives none', async () => {
      const pusher = open({ channels: { d: { delta: 'fossil' } } });
      assert.throws(() => pusher.subscribe('c', { delta: 'zstd' }), /fossil, xdelta3/);
      assert.equal(pusher.channel('c'), undefined);
      ['c', 'd'].forEach(pusher.subscribe, pusher);
      await ready(pusher);
      assert.deepEqual(peer.last.said('pusher:subscribe').map(({ delta }) => delta), [true, 'fossil']);
      assert.throws(() => withDelta(pusher), TypeError);
      assert.throws(() => withDelta(bare(), { algorithms: ['gzip'] }), TypeError);
    });

    test('an instance that is connected already: new channels follow at once, others when they are subscribed again', async () => {
      const pusher = bare();
      pusher.subscribe('old');
      await ready(pusher);
      withDelta(pusher);
      pusher.subscribe('new');
      await ready(pusher);
      pusher.subscribe('old', { filter: BTC });
      await until(() => peer.last.said('pusher:subscribe').length === 3);
      assert.deepEqual(peer.last.said('pusher:subscribe').map(({ channel, delta }) => [channel, delta]), [
        ['old', undefined], ['new', true], ['old', true],
      ]);
    });

    test('Laravel Echo on top, with settings for channels that Echo subscribes', async () => {
      const { default: Echo } = await import(require.resolve('laravel-echo').replace('echo.common.js', 'echo.js'));
      const pusher = open({ channels: (name) => (name === 'private-orders' ? { filter: BTC } : undefined) });
      const echo = new Echo({ broadcaster: 'pusher', key: 'key', cluster: '', client: pusher, withoutInterceptors: true });
      const arrived = [];
      echo.private('orders').listen('OrderShipped', (data) => arrived.push(data));
      await ready(pusher);
      assert.deepEqual(peer.last.said('pusher:subscribe')[0].tags_filter, BTC);
      const publisher = new Publisher();
      for (const n of [1, 2]) peer.last.send(publisher.next('private-orders', 'App\\Events\\OrderShipped', tick(n)));
      await until(() => arrived.length === 2);
      assert.deepEqual(arrived, [tick(1), tick(2)]);
      assert.equal(pusher.delta.stats().deltas, 1);
    });

    test('a connection with nothing but deltas to drop is not taken for dead', async () => {
      const pusher = open();
      pusher.subscribe('c');
      await ready(pusher);
      let alive = 0;
      pusher.connection.connection.bind('activity', () => (alive += 1));
      peer.last.say('pusher:delta_compression_enabled', { data: { enabled: true, algorithm: 'fossil' } });
      await until(() => alive === 1);
    });
  });
}
