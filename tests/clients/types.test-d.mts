// Read by the TypeScript compiler and never run: what must be accepted, and after @ts-expect-error what must not be.
import Pusher, { Channel } from 'pusher-js';
import { filter, withDelta, Reconstruction, decodeFossil, type DeltaStats, type TagFilter } from 'sockudo-tx-pusher-js';

const pusher = withDelta(new Pusher('key', { cluster: '' }), {
  algorithms: ['fossil', 'vcdiff'],
  channels: { orders: { filter: filter.exists('symbol') } },
  onLost: ({ channel, why }) => console.log(channel.length, why.length),
});

const same: Pusher = pusher;
const channel: Channel = pusher.subscribe('ticker');
pusher.subscribe('ticker', { delta: false }).bind('tick', () => {}).unbind_all();
pusher.subscribe('ticker', { delta: 'fossil', filter: filter.or(filter.eq('a', 1), filter.in('b', ['x', 2, true])) });
pusher.subscribe('ticker', { filter: { op: 'not', nodes: [{ key: 'a', cmp: 'ex' }] } });
pusher.subscribe('ticker', { filter: null });
pusher.signin();
const stats: DeltaStats = pusher.delta.stats();
const built: TagFilter = filter.and(filter.gte('price', 98.6), filter.not(filter.startsWith('symbol', 'B')));
withDelta(new Pusher('key', { cluster: '' }), { channels: (name) => (name === 'c' ? { filter: built } : undefined) });
const text: string | null = new Reconstruction({ follows: (name) => name !== '' }).read('{}').text;
const bytes: Uint8Array = decodeFossil(new Uint8Array(), new Uint8Array());

// @ts-expect-error: no such algorithm
pusher.subscribe('ticker', { delta: 'gzip' });
// @ts-expect-error: no such setting
pusher.subscribe('ticker', { filters: built });
// @ts-expect-error: several values need `in`
filter.eq('symbol', ['BTC', 'ETH']);
// @ts-expect-error: a set needs `vals`
pusher.subscribe('ticker', { filter: { key: 'a', cmp: 'in', val: 'x' } });
// @ts-expect-error: at least one
filter.and();
// @ts-expect-error: not an instance of Pusher
withDelta({});
// @ts-expect-error: read only
pusher.delta = { stats: () => stats };

export { same, channel, text, bytes };
