/** A way to write down the difference between two messages. `vcdiff` is another name of `xdelta3`. */
export type Algorithm = "fossil" | "xdelta3" | "vcdiff";

export type TagValue = string | number | boolean | bigint;

/** A tag filter as the server reads it. Made by the functions of `filter`, or by hand. */
export type TagFilter =
  | { op: "and" | "or" | "not"; nodes: TagFilter[] }
  | { key: string; cmp: "eq" | "neq" | "sw" | "ew" | "ct" | "gt" | "gte" | "lt" | "lte"; val: TagValue }
  | { key: string; cmp: "in" | "nin"; vals: TagValue[] }
  | { key: string; cmp: "ex" | "nex" };

/** Builders of tag filters. Each throws TypeError for what a server would refuse: an empty key, value or list. */
export declare const filter: {
  /** The tag is there and has this text. */
  eq(key: string, value: TagValue): TagFilter;
  /** The tag is missing or has another text. */
  neq(key: string, value: TagValue): TagFilter;
  in(key: string, values: Iterable<TagValue>): TagFilter;
  /** The tag is missing or is none of these. */
  nin(key: string, values: Iterable<TagValue>): TagFilter;
  exists(key: string): TagFilter;
  missing(key: string): TagFilter;
  startsWith(key: string, text: TagValue): TagFilter;
  endsWith(key: string, text: TagValue): TagFilter;
  contains(key: string, text: TagValue): TagFilter;
  /** As numbers; false when the tag or the value is none. So are gte, lt and lte. */
  gt(key: string, value: TagValue): TagFilter;
  gte(key: string, value: TagValue): TagFilter;
  lt(key: string, value: TagValue): TagFilter;
  lte(key: string, value: TagValue): TagFilter;
  and(...filters: [TagFilter, ...TagFilter[]]): TagFilter;
  or(...filters: [TagFilter, ...TagFilter[]]): TagFilter;
  not(filter: TagFilter): TagFilter;
};

/** What a channel is subscribed with. */
export interface ChannelSettings {
  /** Whether the server may send deltas, or in which format. */
  delta?: boolean | Algorithm;
  /** Only events whose tags match arrive. */
  filter?: TagFilter | null;
}

/** A message that did not arrive; the server has been asked to go on with a full one. */
export interface Lost {
  channel: string;
  why: string;
}

export interface DeltaOptions {
  /** What the server may choose from; both if not given. */
  algorithms?: Iterable<Algorithm>;
  /** For channels with no setting of their own; true if not given. */
  delta?: boolean | Algorithm;
  /** Settings for channels that somebody else subscribes, Laravel Echo for example. */
  channels?: Record<string, ChannelSettings> | ((channel: string) => ChannelSettings | undefined);
  /** Called for each message that was lost because its delta could not be used. */
  onLost?: (lost: Lost) => void;
}

/** Counters since `withDelta`, over all connections. Bytes are those of message texts, before compression. */
export interface DeltaStats {
  /** What pusher-js was given. */
  messages: number;
  /** Messages that came in full and may be built upon. */
  full: number;
  /** Messages that came as deltas. */
  deltas: number;
  /** Deltas that could not be used. */
  lost: number;
  /** How often the server was asked to go on with full messages. */
  resyncs: number;
  bytesReceived: number;
  /** What would have been received without deltas. */
  bytesPlain: number;
  bytesSaved: number;
}

/** As much of pusher-js as is used. */
export interface PusherLike {
  connection: object;
  channel(name: string): unknown;
  subscribe(name: string): unknown;
  unsubscribe(name: string): void;
  send_event(event: string, data: any, channel?: string): boolean;
}

export type WithDelta<P extends PusherLike> = P & {
  /**
   * As in pusher-js, with settings for the channel. They hold over reconnections, until the channel is left or
   * subscribed with others; without settings what was said before stays. Other settings for a subscribed channel
   * subscribe it again, and `pusher:subscription_succeeded` comes again.
   */
  subscribe(channel: string, settings?: ChannelSettings): ReturnType<P["subscribe"]>;
  readonly delta: { stats(): DeltaStats };
};

/** Makes this instance of pusher-js follow deltas; call it at once after `new Pusher`. Returns the instance. */
export declare function withDelta<P extends PusherLike>(pusher: P, options?: DeltaOptions): WithDelta<P>;

/** The message that a Fossil delta makes of `base`; throws DeltaError. */
export declare function decodeFossil(base: Uint8Array, delta: Uint8Array): Uint8Array;

/** The message that a VCDIFF delta makes of `base`; throws DeltaError. Without a checksum: the base must be the right one. */
export declare function decodeVcdiff(base: Uint8Array, delta: Uint8Array): Uint8Array;

export declare class DeltaError extends Error {}

/** What becomes of one frame. */
export interface Outcome {
  /** What a server without deltas would have sent; null when that is nothing. */
  text: string | null;
  /** The channel to send `pusher:delta_sync_error` for. */
  ask?: string;
  lost?: Lost;
  /** True when deltas of that channel cannot be decoded, whatever is asked for. */
  hopeless?: boolean;
}

/** For clients other than pusher-js: turns the texts of all frames of one connection, in order, into plain ones. */
export declare class Reconstruction {
  constructor(options?: {
    limits?: { perStream: number; streams: number; bytes: number };
    follows?: (channel: string) => boolean;
  });
  read(text: string): Outcome;
  /** The channel was left. */
  forget(channel: string): void;
  /** Streams and bytes that are kept of a channel. */
  kept(channel: string): [streams: number, bytes: number];
}
