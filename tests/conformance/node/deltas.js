// Decodes a batch of deltas, one JSON line each, with the decoders that clients use; prints what came out of each.
'use strict';

const { createHash } = require('node:crypto');
const { createInterface } = require('node:readline');
const ably = require('@ably/vcdiff-decoder');
const npm = require('vcdiff-decoder');

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function main() {
  const fossil = await import('fossil-delta');
  const decoders = {
    fossil: { 'fossil-delta': (base, delta) => fossil.applyDelta(base, delta) },
    xdelta3: {
      '@ably/vcdiff-decoder': (base, delta) => ably.decode(delta, base),
      'vcdiff-decoder': (base, delta) => npm.decodeSync(delta, base),
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const { algorithm, base, delta } = JSON.parse(line);
    const found = {};
    for (const [name, decode] of Object.entries(decoders[algorithm])) {
      try {
        found[name] = digest(Uint8Array.from(decode(Buffer.from(base, 'base64'), Buffer.from(delta, 'base64'))));
      } catch (error) {
        found[name] = String(error);
      }
    }
    process.stdout.write(`${JSON.stringify(found)}\n`);
  }
}

main();
