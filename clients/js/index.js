import { counters, Reconstruction } from './reconstruct.js';
import { Settings } from './settings.js';

export { DeltaError } from './errors.js';
export { filter } from './filter.js';
export { decodeFossil } from './fossil.js';
export { Reconstruction } from './reconstruct.js';
export { decodeVcdiff } from './vcdiff.js';

const LINKS = new WeakMap();

/**
 * Makes a Pusher instance of pusher-js follow deltas, and gives its `subscribe` settings for the channel as a second
 * argument. Returns the same instance. pusher-js itself stays as it is, and so do other instances on the page.
 *
 * Call it at once after `new Pusher`. Channels that were subscribed before change over when they are subscribed again,
 * which pusher-js does by itself on each new connection.
 */
export function withDelta(pusher, options = {}) {
  if (LINKS.has(pusher)) throw new TypeError('this Pusher instance follows deltas already');
  const { onLost, ...settings } = options;
  const link = new Link(pusher, new Settings(settings), onLost);
  LINKS.set(pusher, link);
  link.attach();
  return pusher;
}

/** What stands between one Pusher instance and its connection. Uses only what pusher-js declares as public. */
class Link {
  #pusher;
  #settings;
  #onLost;
  #counts = counters();
  #transport = null;
  #reconstruction = null;
  /** Channel -> the members its last `pusher:subscribe` on this connection carried, as JSON. */
  #asked = new Map();
  /** Channels whose deltas turned out to be no use; plain until they are left. */
  #hopeless = new Set();

  constructor(pusher, settings, onLost) {
    this.#pusher = pusher;
    this.#settings = settings;
    this.#onLost = onLost;
  }

  attach() {
    const pusher = this.#pusher;
    const { subscribe, unsubscribe, send_event: send } = pusher;

    pusher.subscribe = (name, settings) => {
      // Only an object: ["a", "b"].forEach(pusher.subscribe, pusher) gives numbers.
      if (typeof settings === 'object' && settings !== null) this.#settings.set(name, settings);
      const channel = subscribe.call(pusher, name);
      this.#refresh(channel);
      return channel;
    };

    pusher.unsubscribe = (name) => {
      this.#settings.reset(name);
      this.#hopeless.delete(name);
      return unsubscribe.call(pusher, name);
    };

    pusher.send_event = (event, data, channel) => {
      if (event === 'pusher:subscribe') return send.call(pusher, event, this.#withMembers(data), channel);
      if (event === 'pusher:unsubscribe') this.#left(data.channel);
      return send.call(pusher, event, data, channel);
    };

    Object.defineProperty(pusher, 'delta', { value: Object.freeze({ stats: () => this.#stats() }) });
  }

  /** Reads the frames of the present connection from now on. False when there is none, or none that can be read. */
  #listen() {
    const transport = this.#pusher.connection.connection?.transport;
    if (typeof transport?.emit !== 'function') return false;
    if (transport === this.#transport) return true;
    this.#transport = transport;
    this.#asked.clear();
    this.#reconstruction = new Reconstruction({
      counts: this.#counts,
      follows: (channel) => this.#pusher.channel(channel) !== undefined,
    });
    const [emit, reconstruction] = [transport.emit, this.#reconstruction];
    transport.emit = (event, ...rest) => {
      if (event !== 'message' || typeof rest[0]?.data !== 'string') return emit.call(transport, event, ...rest);
      const outcome = reconstruction.read(rest[0].data);
      this.#heed(outcome);
      if (outcome.text === null) return emit.call(transport, 'activity');
      if (outcome.text === rest[0].data) return emit.call(transport, event, ...rest);
      return emit.call(transport, event, { data: outcome.text });
    };
    return true;
  }

  #heed({ ask, lost, hopeless }) {
    if (ask !== undefined) this.#pusher.send_event('pusher:delta_sync_error', { channel: ask });
    if (lost === undefined) return;
    if (hopeless && !this.#hopeless.has(lost.channel)) {
      this.#hopeless.add(lost.channel);
      this.#refresh(this.#pusher.channel(lost.channel));
    }
    this.#onLost?.(lost);
  }

  #members(channel) {
    const members = this.#settings.members(channel);
    if (this.#hopeless.has(channel)) members.delta = false;
    return members;
  }

  #withMembers(data) {
    if (!this.#listen()) return data;
    const members = this.#members(data.channel);
    this.#asked.set(data.channel, JSON.stringify(members));
    return { ...data, ...members };
  }

  #left(channel) {
    this.#asked.delete(channel);
    this.#reconstruction?.forget(channel);
  }

  /** Subscribes a channel again if the server was asked for something else than what is wanted now. */
  #refresh(channel) {
    const { name } = channel;
    if (!this.#listen() || this.#asked.get(name) === JSON.stringify(this.#members(name))) return;
    // While a channel is being authorised its message is yet to be made, of what is wanted then.
    if (!channel.subscribed && !this.#asked.has(name)) return;
    this.#asked.delete(name);
    channel.subscribed = false; // or else pusher-js has nothing to do
    channel.subscribe();
  }

  #stats() {
    const { bytesReceived, bytesPlain, ...counts } = this.#counts;
    return { ...counts, bytesReceived, bytesPlain, bytesSaved: bytesPlain - bytesReceived };
  }
}
