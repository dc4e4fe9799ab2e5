// From the frames of a server with deltas to those of a server without.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reconstruction } from '../index.js';
import { counters } from '../reconstruct.js';
import { Publisher } from './publisher.js';

const PAD = 'the same in every message, so that a delta is worth it';
const tick = (n, more = {}) => ({ n, pad: PAD, ...more });
const pieces = (text) => JSON.parse(text);

/** Reads a frame that must come out as this. */
function delivers(reconstruction, frame, plain) {
  assert.deepEqual(reconstruction.read(frame), { text: plain });
}

describe('what a server without deltas sends', () => {
  const frames = [
    '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\",\\"activity_timeout\\":120}"}',
    '{"event":"tick","channel":"c","data":"{\\"__delta_seq\\":5}"}',
    '{"event":"client-x","channel":"private-c","data":{"a":1,"__delta_seq":5}}',
    '{"event":"client-x","channel":"presence-c","data":{"__delta_seq":5},"user_id":"ann"}',
    '{"event":"client-x","channel":"private-c","data":{"x":",\\"__delta_seq\\":7}"}}',
    '{"event":"tick","channel":"c","data":"\\"pusher:delta\\""}',
    '{"event":"pusher:pong","data":{}}',
    'not JSON, "__delta_seq":5}',
    'not JSON, "pusher:delta"',
    '',
    'null',
  ];
  for (const frame of frames) {
    test(`is left alone: ${frame}`, () => {
      const reconstruction = new Reconstruction();
      delivers(reconstruction, frame, frame);
      assert.deepEqual(reconstruction.kept('c'), [0, 0]);
    });
  }
});

describe('full messages', () => {
  for (const key of ['BTC', '', "it's", 'a\\b', 'line\nline', '},{"', 'Ключ 🔑', ',"__delta_seq":9}']) {
    test(`come out as the plain frame, with the key ${JSON.stringify(key)}`, () => {
      const publisher = new Publisher({ keys: true });
      const data = tick(1, { text: 'naïve ☕ 🚀 \u0000 "quoted" \\ /' });
      delivers(new Reconstruction(), publisher.full('c', 'tick', data, key), publisher.plain('c', 'tick', data));
    });
  }

  test('keep the bytes they had: order, spaces, numbers, escapes', () => {
    const plain = '{ "event":"tick", "channel":"\\u0063","data":"{}", "n":1.00, "slash":"\\/" }';
    const full = `${plain.slice(0, -1)},"__delta_seq":12}`;
    delivers(new Reconstruction(), full, plain);
  });

  test('may have the two members elsewhere', () => {
    const plain = '{"event":"tick","channel":"c","data":"{}"}';
    for (const full of [
      '{"__delta_seq":3,"event":"tick","channel":"c","data":"{}"}',
      '{"event":"tick","__conflation_key":"k","__delta_seq":3,"channel":"c","data":"{}"}',
      '{"event":"tick","channel":"c","data":"{}","__conflation_key":"k","__delta_seq":3}',
    ]) {
      delivers(new Reconstruction(), full, plain);
    }
  });

  test('of internal events are no base', () => {
    const reconstruction = new Reconstruction();
    reconstruction.read('{"event":"pusher_internal:member_added","channel":"c","data":"{}","__delta_seq":1}');
    assert.deepEqual(reconstruction.kept('c'), [0, 0]);
  });
});

describe('deltas', () => {
  test('D-21: come out as the plain frame, byte for byte', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    for (let n = 0; n < 30; n += 1) {
      const data = tick(n, { text: `naïve ☕ ${'🚀'.repeat(n % 3)} \u2028 ${n}` });
      const frame = publisher.next('c', 'tick', data);
      assert.equal(pieces(frame).event, n === 0 ? 'tick' : 'pusher:delta');
      delivers(reconstruction, frame, publisher.plain('c', 'tick', data));
    }
  });

  test('D-27: one base for all event names of a channel', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    for (let n = 0; n < 10; n += 1) {
      const event = n % 2 ? 'ask' : 'bid';
      delivers(reconstruction, publisher.next('c', event, tick(n)), publisher.plain('c', event, tick(n)));
    }
  });

  test('D-53: each conflation key has bases of its own', () => {
    const [publisher, reconstruction] = [new Publisher({ keys: true }), new Reconstruction()];
    for (let n = 0; n < 200; n += 1) {
      const key = ['BTC', 'ETH', '', 'a "quoted" key'][(n * 7) % 4];
      delivers(reconstruction, publisher.next('c', 'tick', tick(n), key), publisher.plain('c', 'tick', tick(n)));
    }
    assert.equal(reconstruction.kept('c')[0], 4);
  });

  test('channels have nothing to do with each other', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    for (let n = 0; n < 30; n += 1) {
      const channel = `c${n % 3}`;
      delivers(reconstruction, publisher.next(channel, 'tick', tick(n)), publisher.plain(channel, 'tick', tick(n)));
    }
  });

  test('plain messages in between change nothing', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    reconstruction.read(publisher.full('c', 'tick', tick(0)));
    const other = publisher.plain('c', 'client-x', tick(9));
    delivers(reconstruction, other, other);
    delivers(reconstruction, publisher.next('c', 'tick', tick(1)), publisher.plain('c', 'tick', tick(1)));
  });

  test('without an algorithm are recognised, and their data may be JSON in a string', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    reconstruction.read(publisher.full('c', 'tick', tick(0)));
    const delta = pieces(publisher.next('c', 'tick', tick(1)));
    delete delta.data.algorithm;
    delta.data = JSON.stringify(delta.data);
    delivers(reconstruction, JSON.stringify(delta), publisher.plain('c', 'tick', tick(1)));
  });

  test('D-63: a cache sync empties the bases of a channel and brings new ones; nobody hears of it', () => {
    const [publisher, reconstruction] = [new Publisher({ keys: true }), new Reconstruction()];
    reconstruction.read(publisher.full('c', 'tick', tick(0), 'BTC'));
    const states = { ETH: [{ content: publisher.plain('c', 'tick', tick(1)), seq: 1 }] };
    publisher.full('c', 'tick', tick(1), 'ETH');
    const sync = { event: 'pusher:delta_cache_sync', channel: 'c', data: { conflation_key: 'k', states } };
    delivers(reconstruction, JSON.stringify(sync), null);
    delivers(reconstruction, publisher.next('c', 'tick', tick(2), 'ETH'), publisher.plain('c', 'tick', tick(2)));
    assert.equal(reconstruction.read(publisher.next('c', 'tick', tick(3), 'BTC')).ask, 'c');
  });

  test('a confirmation is nothing to hear of', () => {
    delivers(new Reconstruction(), '{"event":"pusher:delta_compression_enabled","data":{"enabled":true}}', null);
  });
});

describe('trouble', () => {
  test('D-37: without a base the message is lost, a full one is asked for, once, and then all is well', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    publisher.full('c', 'tick', tick(0));
    const [first, second] = [1, 2].map((n) => reconstruction.read(publisher.next('c', 'tick', tick(n))));
    assert.deepEqual([first.text, first.ask, first.lost.channel], [null, 'c', 'c']);
    assert.deepEqual([second.text, second.ask], [null, undefined]);
    publisher.reset('c');
    for (const n of [3, 4, 5]) {
      delivers(reconstruction, publisher.next('c', 'tick', tick(n)), publisher.plain('c', 'tick', tick(n)));
    }
  });

  test('a second loss, after things were well again, is asked for at once', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    for (const n of [0, 10, 20]) {
      reconstruction.read(publisher.next('c', 'tick', tick(n)));
      publisher.next('c', 'tick', tick(n + 1)); // never arrives
      assert.equal(reconstruction.read(publisher.next('c', 'tick', tick(n + 2))).ask, 'c');
      publisher.reset('c');
    }
  });

  test('a request that was not heard is made again', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    publisher.full('c', 'tick', tick(0));
    const asked = [];
    for (let n = 0; n < 61; n += 1) if (reconstruction.read(publisher.next('c', 'tick', tick(n))).ask) asked.push(n);
    assert.deepEqual(asked, [0, 30, 60]);
  });

  test('a delta for another base than the one that is there is never applied', () => {
    for (const keys of [false, true]) {
      const [publisher, reconstruction] = [new Publisher({ keys }), new Reconstruction()];
      reconstruction.read(publisher.full('c', 'tick', tick(0)));
      publisher.next('c', 'tick', tick(1)); // never arrives
      assert.equal(reconstruction.read(publisher.next('c', 'tick', tick(2))).ask, 'c');
    }
  });

  for (const [what, change] of [
    ['a damaged delta', (data) => (data.delta = `A${data.delta.slice(1)}`)],
    ['a delta that is not base64', (data) => (data.delta = '*')],
    ['no delta', (data) => delete data.delta],
    ['an unknown algorithm', (data) => (data.algorithm = 'zstd')],
    ['another event name', (data) => (data.event = 'tock')],
  ]) {
    test(`${what}: the message is lost, a full one is asked for, and other streams go on`, () => {
      const [publisher, reconstruction] = [new Publisher({ keys: true }), new Reconstruction()];
      for (const key of ['BTC', 'ETH']) reconstruction.read(publisher.full('c', 'tick', tick(0), key));
      const frame = pieces(publisher.next('c', 'tick', tick(1), 'BTC'));
      change(frame.data);
      const { text, ask, lost, hopeless } = reconstruction.read(JSON.stringify(frame));
      assert.deepEqual([text, ask, lost.channel, hopeless], [null, 'c', 'c', undefined]);
      delivers(reconstruction, publisher.next('c', 'tick', tick(2), 'ETH'), publisher.plain('c', 'tick', tick(2)));
    });
  }

  test('after three deltas in a row that cannot be decoded the channel is hopeless', () => {
    const [publisher, reconstruction] = [new Publisher({ algorithm: 'zstd' }), new Reconstruction()];
    const found = [];
    for (let n = 0; n < 3; n += 1) {
      reconstruction.read(publisher.full('c', 'tick', tick(n)));
      found.push(reconstruction.read(publisher.next('c', 'tick', tick(n))).hopeless);
    }
    assert.deepEqual(found, [undefined, undefined, true]);
  });

  test('failures with successes in between do not make a channel hopeless', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    for (let n = 0; n < 9; n += 1) {
      reconstruction.read(publisher.full('c', 'tick', tick(n)));
      reconstruction.read(publisher.next('c', 'tick', tick(n + 1)));
      const frame = pieces(publisher.next('c', 'tick', tick(n + 2)));
      assert.equal(reconstruction.read(JSON.stringify({ ...frame, data: { ...frame.data, delta: '' } })).hopeless, undefined);
    }
  });

  test('after a failure nothing is built upon the message before it, even by a delta that does not say on which it builds', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    reconstruction.read(publisher.full('c', 'tick', tick(0)));
    const [bad, good] = [1, 2].map((n) => pieces(publisher.next('c', 'tick', tick(n))));
    reconstruction.read(JSON.stringify({ ...bad, data: { ...bad.data, delta: '' } }));
    delete good.data.base_index;
    assert.equal(reconstruction.read(JSON.stringify(good)).text, null);
  });

  for (const frame of ['{"event":"pusher:delta"}', '{"event":"pusher:delta","channel":"c"}',
    '{"event":"pusher:delta","channel":"c","data":"?"}', '{"event":"pusher:delta","channel":"c","data":[]}',
    '{"event":"pusher:delta_cache_sync","channel":"c","data":{"states":{"k":[1],"l":7,"m":[null]}}}']) {
    test(`nonsense is survived: ${frame}`, () => assert.equal(new Reconstruction().read(frame).text, null));
  }

  test('channels that are not followed keep nothing and ask for nothing', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction({ follows: (name) => name !== 'left' })];
    delivers(reconstruction, publisher.full('left', 'tick', tick(0)), publisher.plain('left', 'tick', tick(0)));
    delivers(reconstruction, publisher.next('left', 'tick', tick(1)), null);
    assert.deepEqual(reconstruction.kept('left'), [0, 0]);
  });
});

describe('bounds', () => {
  const limits = { perStream: 3, streams: 5, bytes: 2000 };

  test('a stream keeps its newest messages, a channel without keys only one', () => {
    for (const [keys, kept] of [[false, 1], [true, 3]]) {
      const [publisher, reconstruction] = [new Publisher({ keys }), new Reconstruction({ limits })];
      for (let n = 0; n < 9; n += 1) reconstruction.read(publisher.next('c', 'tick', tick(n)));
      assert.deepEqual(reconstruction.kept('c'), [1, kept * publisher.plain('c', 'tick', tick(1)).length]);
    }
  });

  test('a channel keeps the streams that were heard of last', () => {
    const [publisher, reconstruction] = [new Publisher({ keys: true }), new Reconstruction({ limits })];
    for (let n = 0; n < 8; n += 1) reconstruction.read(publisher.full('c', 'tick', tick(n), `k${n}`));
    assert.equal(reconstruction.kept('c')[0], 5);
    assert.equal(reconstruction.read(publisher.next('c', 'tick', tick(9), 'k3')).ask, undefined);
    assert.equal(reconstruction.read(publisher.next('c', 'tick', tick(9), 'k2')).ask, 'c');
  });

  test('too many bytes: every stream keeps its newest message as long as it can, and still decodes', () => {
    const [publisher, reconstruction] = [new Publisher({ keys: true }), new Reconstruction({ limits })];
    for (let n = 0; n < 100; n += 1) {
      const data = tick(n, { more: 'x'.repeat(200) });
      delivers(reconstruction, publisher.next('c', 'tick', data, `k${n % 5}`), publisher.plain('c', 'tick', data));
      assert.ok(reconstruction.kept('c')[1] <= limits.bytes);
    }
    reconstruction.read(publisher.full('c', 'tick', tick(0, { more: 'x'.repeat(4000) }), 'k0'));
    assert.equal(reconstruction.kept('c')[0], 1);
  });

  test('a channel that was left keeps nothing', () => {
    const [publisher, reconstruction] = [new Publisher(), new Reconstruction()];
    reconstruction.read(publisher.full('c', 'tick', tick(0)));
    reconstruction.forget('c');
    assert.deepEqual(reconstruction.kept('c'), [0, 0]);
  });
});

test('counters: bytes are those of UTF-8, saved is what a server without deltas would have sent in addition', () => {
  const [counts, publisher] = [counters(), new Publisher()];
  const reconstruction = new Reconstruction({ counts });
  let [received, plain] = [0, 0];
  for (let n = 0; n < 10; n += 1) {
    const data = tick(n, { text: '☕🚀é'.repeat(20) });
    const frame = publisher.next('c', 'tick', data);
    reconstruction.read(frame);
    received += Buffer.byteLength(frame);
    plain += Buffer.byteLength(publisher.plain('c', 'tick', data));
  }
  assert.deepEqual(counts, { messages: 10, full: 1, deltas: 9, lost: 0, resyncs: 0, bytesReceived: received, bytesPlain: plain });
  assert.ok(received < plain);
});
