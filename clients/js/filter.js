// Tag filters: plain objects in the grammar of the server, made by functions that refuse what the server would refuse.

const LIMITS = { depth: 16, nodes: 128, key: 256, value: 1024, values: 1000, valuesInAll: 5000 };
const UTF8 = new TextEncoder();

function text(value, what) {
  if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
    throw new TypeError(`${what} of a tag filter is a string, a number or a boolean, not ${JSON.stringify(value)}`);
  }
  return sized(String(value), LIMITS.value, what);
}

function named(key) {
  if (typeof key !== 'string' || key === '') throw new TypeError('a tag filter needs the name of a tag');
  return sized(key, LIMITS.key, 'the name of a tag');
}

function sized(text, limit, what) {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError(`${what} has half of a surrogate pair in it`);
  const length = UTF8.encode(text).length;
  if (length > limit) throw new TypeError(`${what} has ${length} bytes; at most ${limit} are allowed`);
  return text;
}

/** Holds a filter, of builders or written by hand, against what it may be as a whole. */
function measure(node, depth, sum) {
  if (depth > LIMITS.depth) throw new TypeError(`tag filters are nested deeper than ${LIMITS.depth} levels`);
  const children = typeof node?.op === 'string' && Array.isArray(node.nodes) ? node.nodes : [];
  if (children.length === 0 && (typeof node?.key !== 'string' || typeof node.cmp !== 'string')) {
    throw new TypeError(`no tag filter: ${JSON.stringify(node)}`);
  }
  sum.nodes += 1;
  sum.values += Array.isArray(node.vals) ? node.vals.length : 0;
  if (sum.nodes > LIMITS.nodes) throw new TypeError(`a tag filter may have at most ${LIMITS.nodes} nodes`);
  if (sum.values > LIMITS.valuesInAll) throw new TypeError(`a tag filter may have at most ${LIMITS.valuesInAll} values`);
  for (const child of children) measure(child, depth + 1, sum);
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
    if (vals.length > LIMITS.values) throw new TypeError(`a tag filter may have at most ${LIMITS.values} values for "${key}"`);
    return { key: named(key), cmp, vals };
  };
}

function none(cmp) {
  return (key) => ({ key: named(key), cmp });
}

function branch(op, most = Infinity) {
  return (...nodes) => {
    if (nodes.length === 0) throw new TypeError(`"${op}" of tag filters needs at least one of them`);
    if (nodes.length > most) throw new TypeError(`"${op}" is of one tag filter, not of ${nodes.length}`);
    const node = { op, nodes };
    measure(node, 1, { nodes: 0, values: 0 });
    return node;
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
  not: branch('not', 1),
});
