// Tag filters: plain objects in the grammar of the server, made by functions that refuse what the server would refuse.

function text(value, what) {
  if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
    throw new TypeError(`${what} of a tag filter is a string, a number or a boolean, not ${JSON.stringify(value)}`);
  }
  return String(value);
}

function named(key) {
  if (typeof key !== 'string' || key === '') throw new TypeError('a tag filter needs the name of a tag');
  return key;
}

function one(cmp) {
  return (key, value) => {
    const val = text(value, 'the value');
    if (val === '') throw new TypeError(`a tag filter cannot compare "${key}" with an empty text; use exists or missing`);
    return { key: named(key), cmp, val };
  };
}

function many(cmp) {
  return (key, values) => {
    const vals = Array.from(values, (value) => text(value, 'a value'));
    if (vals.length === 0) throw new TypeError(`a tag filter needs at least one value for "${key}"`);
    return { key: named(key), cmp, vals };
  };
}

function none(cmp) {
  return (key) => ({ key: named(key), cmp });
}

function branch(op) {
  return (...nodes) => {
    if (nodes.length === 0) throw new TypeError(`"${op}" of tag filters needs at least one of them`);
    return { op, nodes };
  };
}

/** Builders of tag filters: `filter.and(filter.eq("symbol", "BTC"), filter.gte("price", 100))`. */
export const filter = Object.freeze({
  eq: one('eq'),
  neq: one('neq'),
  in: many('in'),
  nin: many('nin'),
  exists: none('ex'),
  missing: none('nex'),
  startsWith: one('sw'),
  endsWith: one('ew'),
  contains: one('ct'),
  gt: one('gt'),
  gte: one('gte'),
  lt: one('lt'),
  lte: one('lte'),
  and: branch('and'),
  or: branch('or'),
  not: (node) => ({ op: 'not', nodes: [node] }),
});
