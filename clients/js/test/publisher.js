// A server that is as simple as the rules allow: full messages, deltas, and nothing shared between connections.
import { checksum } from '../fossil.js';

const utf8 = (text) => new TextEncoder().encode(text);
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';

function digits(value) {
  let text = '';
  do {
    text = DIGITS[value % 64] + text;
    value = Math.floor(value / 64);
  } while (value > 0);
  return text;
}

/** A Fossil delta that copies what both messages begin and end with. */
export function fossil(base, target) {
  const limit = Math.min(base.length, target.length);
  let [head, tail] = [0, 0];
  while (head < limit && base[head] === target[head]) head += 1;
  while (tail < limit - head && base[base.length - 1 - tail] === target[target.length - 1 - tail]) tail += 1;
  const middle = target.subarray(head, target.length - tail);
  const parts = [utf8(`${digits(target.length)}\n`)];
  if (head > 0) parts.push(utf8(`${digits(head)}@0,`));
  if (middle.length > 0) parts.push(utf8(`${digits(middle.length)}:`), middle);
  if (tail > 0) parts.push(utf8(`${digits(tail)}@${digits(base.length - tail)},`));
  parts.push(utf8(`${digits(checksum(target))};`));
  return Buffer.concat(parts);
}

/** What one connection is sent. With `keys` the channels are conflated. */
export class Publisher {
  #streams = new Map();
  #numbers = 0;

  constructor({ keys = false, algorithm = 'fossil' } = {}) {
    this.keys = keys;
    this.algorithm = algorithm;
  }

  /** The plain frame of an event, as any Pusher server writes it. */
  plain(channel, event, data) {
    return JSON.stringify({ event, channel, data: JSON.stringify(data) });
  }

  full(channel, event, data, key = '') {
    const base = this.plain(channel, event, data);
    const seq = this.#remember(channel, key, base);
    const named = this.keys ? `,"__conflation_key":${JSON.stringify(key)}` : '';
    return `${base.slice(0, -1)},"__delta_seq":${seq}${named}}`;
  }

  /** A delta against the last message of the stream; a full message when there is none. */
  next(channel, event, data, key = '') {
    const last = this.#streams.get(`${channel} ${key}`);
    if (last === undefined) return this.full(channel, event, data, key);
    const target = this.plain(channel, event, data);
    const delta = fossil(utf8(last.base), utf8(target)).toString('base64');
    const seq = this.#remember(channel, key, target);
    const named = this.keys ? { conflation_key: key } : {};
    return JSON.stringify({
      event: 'pusher:delta',
      channel,
      data: { event, delta, seq, algorithm: this.algorithm, ...named, base_index: last.seq },
    });
  }

  /** The next message of each stream of the channel is full. */
  reset(channel) {
    for (const stream of this.#streams.keys()) if (stream.startsWith(`${channel} `)) this.#streams.delete(stream);
  }

  #remember(channel, key, base) {
    const seq = this.#numbers++;
    this.#streams.set(`${channel} ${key}`, { seq, base });
    return seq;
  }
}
