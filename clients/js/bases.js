/**
 * The messages of one channel that deltas may be made against, as bytes: a few of each stream, newest last.
 *
 * A stream is what has one conflation key, or the channel as a whole. A server makes deltas only against what it sent
 * to this connection last in the stream; more than the newest is kept because the protocol allows it. When they come to
 * more than `limits.bytes`, first only the newest of each stream stays, then the streams go that were silent longest.
 */
export class Bases {
  #streams = new Map();
  #limits;
  #bytes = 0;

  constructor(limits) {
    this.#limits = limits;
  }

  get bytes() {
    return this.#bytes;
  }

  get streams() {
    return this.#streams.size;
  }

  /** The message number `seq` of a stream, or its newest when `seq` is undefined. */
  find(key, seq) {
    const stream = this.#streams.get(key);
    if (stream === undefined) return undefined;
    return seq === undefined ? [...stream.values()].at(-1) : stream.get(seq);
  }

  /** Adds the newest message of a stream. Only streams with a key keep older ones. */
  add(key, seq, bytes, keyed) {
    const stream = this.#streams.get(key) ?? new Map();
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    this.#drop(stream, seq);
    stream.set(seq, bytes);
    this.#bytes += bytes.length;
    this.#trim(stream, keyed ? this.#limits.perStream : 1);
    if (this.#streams.size > this.#limits.streams) this.#forgetOldest();
    if (this.#bytes > this.#limits.bytes) this.#shrink();
  }

  forget(key) {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    this.#trim(stream, 0);
    this.#streams.delete(key);
  }

  clear() {
    this.#streams.clear();
    this.#bytes = 0;
  }

  #drop(stream, seq) {
    this.#bytes -= stream.get(seq)?.length ?? 0;
    stream.delete(seq);
  }

  #trim(stream, most) {
    for (const seq of stream.keys()) {
      if (stream.size <= most) return;
      this.#drop(stream, seq);
    }
  }

  #forgetOldest() {
    this.forget(this.#streams.keys().next().value);
  }

  #shrink() {
    for (const stream of this.#streams.values()) this.#trim(stream, 1);
    while (this.#bytes > this.#limits.bytes && this.#streams.size > 1) this.#forgetOldest();
  }
}
