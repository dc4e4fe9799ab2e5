import { Bases } from './bases.js';
import { DeltaError } from './errors.js';
import { decodeFossil } from './fossil.js';
import { decodeVcdiff } from './vcdiff.js';

/** Bases of one channel: messages of one stream, streams, bytes in all. A server keeps fewer. */
export const LIMITS = { perStream: 30, streams: 10_000, bytes: 16 * 1024 * 1024 };

/** While deltas cannot be used, the server is asked for full messages at the first of them and then at every 30th. */
const ASK_EVERY = 30;
/** So many deltas that could not be decoded, without one that could in between, and deltas are no use on the channel. */
const HOPELESS = 3;

const NUMBER = ',"__delta_seq":';
/** What a server puts in front of the last brace of a full message. */
const METADATA = /^,"__delta_seq":(\d+)(?:,"__conflation_key":("(?:[^"\\]|\\.)*"))?\}$/;
/** The same members anywhere else in a message. */
const ELSEWHERE = [
  /,"__delta_seq":\d+/g,
  /"__delta_seq":\d+,/g,
  /,"__conflation_key":"(?:[^"\\]|\\.)*"/g,
  /"__conflation_key":"(?:[^"\\]|\\.)*",/g,
];

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Counters that a Reconstruction adds to; they may outlive it. */
export function counters() {
  return { messages: 0, full: 0, deltas: 0, lost: 0, resyncs: 0, bytesReceived: 0, bytesPlain: 0 };
}

/**
 * One connection's way back from what a server sends to followers of deltas to what it sends to everybody else.
 *
 * `read` takes the texts of all frames in their order. It is a state machine and nothing else: no clock, no socket. It
 * begins with nothing and lasts as long as the connection does, because numbers are those of one connection.
 */
export class Reconstruction {
  #channels = new Map();
  #counts;
  #limits;
  #follows;

  /** Bases are kept only of channels that `follows` says yes to. */
  constructor({ counts = counters(), limits = LIMITS, follows = () => true } = {}) {
    this.#counts = counts;
    this.#limits = limits;
    this.#follows = follows;
  }

  /**
   * What becomes of one frame:
   *   text     what a plain server would have sent; null when that is nothing
   *   ask      the channel to send `pusher:delta_sync_error` for, if any
   *   hopeless true when deltas of that channel cannot be decoded, whatever is asked for
   *   lost     why a message did not arrive, if one did not, and on which channel
   */
  read(text) {
    const received = byteLength(text);
    this.#counts.bytesReceived += received;
    const outcome = this.#read(text);
    if (outcome.text !== null) this.#counts.messages += 1;
    if (outcome.text === text) this.#counts.bytesPlain += received;
    return outcome;
  }

  /** Forgets what is known of a channel: it was left, or the server starts anew. */
  forget(channel) {
    this.#channels.delete(channel);
  }

  /** What is kept of a channel: [streams, bytes]. */
  kept(channel) {
    const state = this.#channels.get(channel);
    return state === undefined ? [0, 0] : [state.bases.streams, state.bases.bytes];
  }

  #read(text) {
    if (text.includes('"pusher:delta')) {
      const frame = parsed(text);
      switch (frame?.event) {
        case 'pusher:delta':
          return this.#delta(frame);
        case 'pusher:delta_cache_sync':
          return this.#sync(frame);
        case 'pusher:delta_compression_enabled':
          return { text: null };
      }
    }
    return text.includes('"__delta_seq":') ? this.#full(text) : { text };
  }

  #full(text) {
    const frame = parsed(text);
    const found = frame && withoutMetadata(text, frame);
    if (!found) return { text };
    const bytes = UTF8.encode(found.base);
    this.#counts.full += 1;
    this.#counts.bytesPlain += bytes.length;
    const { channel, event } = frame;
    if (typeof channel === 'string' && typeof event === 'string' && !isInternal(event) && this.#follows(channel)) {
      const state = this.#state(channel);
      state.bases.add(found.key ?? '', found.seq, bytes, found.key !== undefined);
      state.unusable = 0;
    }
    return { text: found.base };
  }

  #delta(frame) {
    const { channel } = frame;
    if (typeof channel !== 'string' || !this.#follows(channel)) return { text: null };
    const state = this.#state(channel);
    const wire = object(frame.data);
    const key = wire?.conflation_key ?? '';
    const base = wire && state.bases.find(key, wire.base_index ?? undefined);
    if (!base) return this.#lose(state, channel, `no message ${wire?.base_index} to build upon`);
    let bytes, text;
    try {
      bytes = decoded(wire, base);
      text = TEXT.decode(bytes);
      const plain = parsed(text);
      if (plain?.channel !== channel || plain.event !== wire.event) throw new DeltaError('the result is not that event');
    } catch (error) {
      state.bases.forget(key);
      state.failures += 1;
      return this.#lose(state, channel, `a delta that cannot be decoded: ${error.message}`);
    }
    state.bases.add(key, wire.seq, bytes, 'conflation_key' in wire);
    state.failures = 0;
    this.#counts.deltas += 1;
    this.#counts.bytesPlain += bytes.length;
    return { text };
  }

  #lose(state, channel, why) {
    this.#counts.lost += 1;
    const outcome = { text: null, lost: { channel, why } };
    if (state.unusable++ % ASK_EVERY === 0) {
      this.#counts.resyncs += 1;
      outcome.ask = channel;
    }
    if (state.failures >= HOPELESS) outcome.hopeless = true;
    return outcome;
  }

  #sync(frame) {
    const { channel } = frame;
    if (typeof channel === 'string' && this.#follows(channel)) {
      const state = this.#state(channel);
      state.bases.clear();
      for (const [key, list] of Object.entries(object(object(frame.data)?.states) ?? {})) {
        for (const entry of Array.isArray(list) ? list : []) {
          const { content, seq } = object(entry) ?? {};
          if (typeof content === 'string') state.bases.add(key, seq, UTF8.encode(content), true);
        }
      }
    }
    return { text: null };
  }

  #state(channel) {
    let state = this.#channels.get(channel);
    if (state === undefined) {
      state = { bases: new Bases(this.#limits), unusable: 0, failures: 0 };
      this.#channels.set(channel, state);
    }
    return state;
  }
}

/** The frame without the two members of a full message, their values, and nothing else changed; null if it has no number. */
function withoutMetadata(text, frame) {
  if (!Number.isSafeInteger(frame.__delta_seq)) return null;
  const found = { seq: frame.__delta_seq };
  if (typeof frame.__conflation_key === 'string') found.key = frame.__conflation_key;
  const at = text.lastIndexOf(NUMBER);
  const tail = at < 0 ? null : METADATA.exec(text.slice(at));
  if (tail && (tail[2] === undefined) === (found.key === undefined)) return { ...found, base: `${text.slice(0, at)}}` };
  return { ...found, base: ELSEWHERE.reduce((rest, members) => rest.replace(members, ''), text) };
}

function decoded(wire, base) {
  const delta = fromBase64(wire.delta);
  switch (wire.algorithm ?? guessed(delta)) {
    case 'fossil':
      return decodeFossil(base, delta);
    case 'xdelta3':
    case 'vcdiff':
      return decodeVcdiff(base, delta);
    default:
      throw new DeltaError(`the algorithm ${wire.algorithm}`);
  }
}

/** A server may leave the algorithm out. VCDIFF begins with a byte that is no digit of Fossil's. */
function guessed(delta) {
  return delta[0] === 0xd6 ? 'xdelta3' : 'fossil';
}

function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

function isInternal(event) {
  return event.startsWith('pusher:') || event.startsWith('pusher_internal:');
}

/** The object that a text is the JSON of, or null. */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** An object as it is or as JSON. */
function object(value) {
  if (typeof value === 'string') return parsed(value);
  return typeof value === 'object' ? value : null;
}

/** Length in UTF-8. */
function byteLength(text) {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) length += code < 0x800 ? 1 : code >= 0xd800 && code < 0xe000 ? 1 : 2;
  }
  return length;
}
