// What is asked of the server, and what is refused before it is asked.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filter } from '../index.js';
import { Settings } from '../settings.js';

describe('filters', () => {
  test('are plain objects in the grammar of the server, with values as texts', () => {
    const built = filter.and(
      filter.eq('symbol', 'BTC'),
      filter.or(filter.gte('price', 98.6), filter.in('kind', ['a', 1, true])),
      filter.not(filter.exists('test')),
    );
    assert.deepEqual(built, {
      op: 'and',
      nodes: [
        { key: 'symbol', cmp: 'eq', val: 'BTC' },
        { op: 'or', nodes: [{ key: 'price', cmp: 'gte', val: '98.6' }, { key: 'kind', cmp: 'in', vals: ['a', '1', 'true'] }] },
        { op: 'not', nodes: [{ key: 'test', cmp: 'ex' }] },
      ],
    });
  });

  test('every operator has the name it has on the wire', () => {
    const names = { neq: 'neq', startsWith: 'sw', endsWith: 'ew', contains: 'ct', gt: 'gt', lt: 'lt', lte: 'lte' };
    for (const [name, cmp] of Object.entries(names)) assert.deepEqual(filter[name]('k', 1), { key: 'k', cmp, val: '1' });
    assert.deepEqual(filter.nin('k', new Set(['v'])), { key: 'k', cmp: 'nin', vals: ['v'] });
    assert.deepEqual(filter.missing('k'), { key: 'k', cmp: 'nex' });
  });

  for (const [what, build] of [
    ['an empty key', () => filter.eq('', 'x')],
    ['no key', () => filter.exists()],
    ['an empty value', () => filter.eq('k', '')],
    ['no value', () => filter.eq('k')],
    ['an object as value', () => filter.eq('k', {})],
    ['no values', () => filter.in('k', [])],
    ['an "and" of nothing', () => filter.and()],
    ['an "or" of what is no filter', () => filter.or(filter.exists('k'), null)],
    ['an "and" of an empty object', () => filter.and({})],
    ['a "not" of nothing', () => filter.not()],
    ['a "not" of a number', () => filter.not(5)],
    ['a "not" of two', () => filter.not(filter.exists('k'), filter.exists('l'))],
    ['a key of 257 bytes', () => filter.exists('k'.repeat(257))],
    ['a value of 1026 bytes', () => filter.eq('k', 'é'.repeat(513))],
    ['half of a surrogate pair', () => filter.eq('k', '\ud800')],
    ['1001 values', () => filter.in('k', Array.from({ length: 1001 }, (_, n) => n))],
    ['5001 values in all', () => filter.or(...[1000, 1000, 1000, 1000, 1000, 1].map((n) => filter.in('k', Array(n).fill('v'))))],
    ['129 nodes', () => filter.or(...Array(128).fill(filter.exists('k')))],
    ['17 levels', () => Array.from({ length: 16 }).reduce((node) => filter.not(node), filter.exists('k'))],
  ]) {
    test(`${what} is refused at once`, () => assert.throws(build, TypeError));
  }

  test('the largest that a server takes are made', () => {
    filter.eq('k'.repeat(256), 'é'.repeat(512));
    filter.or(...[1000, 1000, 1000, 1000, 1000].map((n) => filter.in('k', Array(n).fill('v'))));
    filter.or(...Array(127).fill(filter.exists('k')));
    Array.from({ length: 15 }).reduce((node) => filter.not(node), filter.exists('k'));
    filter.not({ op: 'and', nodes: [{ key: 'k', cmp: 'ex' }] });
  });
});

describe('settings', () => {
  test('without any: deltas as the server likes, no filter', () => {
    assert.deepEqual(new Settings().members('c'), { delta: true });
  });

  test('D-16: nothing for end-to-end encrypted channels but the filter', () => {
    const settings = new Settings();
    settings.set('private-encrypted-c', { delta: true, filter: filter.eq('a', 'b') });
    assert.deepEqual(settings.members('private-encrypted-c'), { tags_filter: { key: 'a', cmp: 'eq', val: 'b' } });
  });

  test('a single algorithm is named, since the server must not choose another', () => {
    assert.deepEqual(new Settings({ algorithms: ['vcdiff'] }).members('c'), { delta: 'xdelta3' });
    assert.deepEqual(new Settings({ algorithms: ['Fossil', 'fossil'] }).members('c'), { delta: 'fossil' });
  });

  test('of a channel: from the table, from a function, from subscribe, which wins until it is left', () => {
    for (const channels of [{ c: { delta: 'fossil' } }, (name) => (name === 'c' ? { delta: 'fossil' } : undefined)]) {
      const settings = new Settings({ channels });
      assert.deepEqual([settings.members('c'), settings.members('d')], [{ delta: 'fossil' }, { delta: true }]);
      settings.set('c', { delta: false });
      assert.deepEqual(settings.members('c'), {});
      settings.reset('c');
      assert.deepEqual(settings.members('c'), { delta: 'fossil' });
    }
  });

  test('channels may be named like members of every object', () => {
    assert.deepEqual(new Settings({ channels: {} }).members('constructor'), { delta: true });
  });

  for (const [what, make] of [
    ['an unknown algorithm', () => new Settings({ algorithms: ['zstd'] })],
    ['no algorithm', () => new Settings({ algorithms: [] })],
    ['an unknown algorithm for a channel', () => new Settings({ channels: { c: { delta: 'zstd' } } })],
    ['a delta that is none', () => new Settings().set('c', { delta: 7 })],
    ['a filter that is none', () => new Settings().set('c', { filter: 'BTC' })],
  ]) {
    test(`${what} is refused at once`, () => assert.throws(make, TypeError));
  }
});
