// What is asked of the server for each channel.

/** Formats this package decodes, as the server writes them. */
const KNOWN = ['fossil', 'xdelta3'];

function spelled(algorithm) {
  const name = String(algorithm).toLowerCase();
  return name === 'vcdiff' ? 'xdelta3' : name;
}

/** Algorithms in the server's spelling; throws TypeError for what nothing here decodes. */
export function algorithmsOf(names) {
  const algorithms = Array.from(names ?? KNOWN, spelled);
  const unknown = algorithms.find((name) => !KNOWN.includes(name));
  if (unknown !== undefined || algorithms.length === 0) {
    throw new TypeError(`algorithms: ${KNOWN.join(', ')} (vcdiff) or both, not ${JSON.stringify(names)}`);
  }
  return [...new Set(algorithms)];
}

function checkedDelta(delta) {
  if (delta === undefined || typeof delta === 'boolean') return delta;
  if (typeof delta === 'string') return algorithmsOf([delta])[0];
  throw new TypeError(`delta is true, false or an algorithm, not ${JSON.stringify(delta)}`);
}

function checkedFilter(filter) {
  if (filter === undefined || filter === null) return undefined;
  if (typeof filter === 'object' && !Array.isArray(filter)) return filter;
  throw new TypeError(`a tag filter is an object as the functions of "filter" make it, not ${JSON.stringify(filter)}`);
}

function checked({ delta, filter }) {
  return { delta: checkedDelta(delta), filter: checkedFilter(filter) };
}

/** The options of `withDelta`, and what `subscribe` was given for each channel since. */
export class Settings {
  #own = new Map();
  #algorithms;
  #delta;
  #channels;

  constructor({ algorithms, delta = true, channels = {} } = {}) {
    this.#algorithms = algorithmsOf(algorithms);
    this.#delta = checkedDelta(delta);
    if (typeof channels === 'function') {
      this.#channels = channels;
    } else {
      const table = new Map(Object.entries(channels));
      for (const entry of table.values()) checked(entry);
      this.#channels = (name) => table.get(name);
    }
  }

  /** The settings of one channel from now on. Throws TypeError, and leaves them as they were, when they are not right. */
  set(channel, settings) {
    this.#own.set(channel, checked(settings));
  }

  /** The channel was left: what `subscribe` was given for it counts no more. */
  reset(channel) {
    this.#own.delete(channel);
  }

  /** Members to add to `pusher:subscribe` of a channel. What a server does not know it ignores. */
  members(channel) {
    const { delta = this.#delta, filter } = this.#of(channel);
    const members = {};
    if (delta !== false && !channel.startsWith('private-encrypted-')) members.delta = this.#spelled(delta);
    if (filter !== undefined) members.tags_filter = filter;
    return members;
  }

  #of(channel) {
    return this.#own.get(channel) ?? checked(this.#channels(channel) ?? {});
  }

  /** `true` leaves the choice to the server, which is possible only if everything it may choose can be decoded. */
  #spelled(delta) {
    if (delta !== true) return delta;
    return this.#algorithms.length === KNOWN.length ? true : this.#algorithms[0];
  }
}
