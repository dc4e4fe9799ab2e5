// Decodes each line {"algorithm", "base", "delta"} of standard input, and prints the SHA-256 of the message or the complaint.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { decodeFossil, decodeVcdiff } from '../../clients/js/index.js';

const DECODERS = { fossil: decodeFossil, xdelta3: decodeVcdiff };

for await (const line of createInterface({ input: process.stdin })) {
  const { algorithm, base, delta } = JSON.parse(line);
  try {
    const message = DECODERS[algorithm](...[base, delta].map((text) => Uint8Array.from(Buffer.from(text, 'base64'))));
    console.log(createHash('sha256').update(message).digest('hex'));
  } catch (error) {
    console.log(`${error}`);
  }
}
