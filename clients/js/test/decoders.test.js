// Fossil and VCDIFF against the published vectors, and against damage. npm's decoders are compared elsewhere.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeltaError, decodeFossil, decodeVcdiff } from '../index.js';
import { checksum } from '../fossil.js';

const utf8 = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? part : [...part])));
const base64 = (encoded) => Uint8Array.from(Buffer.from(encoded, 'base64'));

const SOURCE = '{"event":"t","channel":"c","data":"{\\"n\\":1,\\"pad\\":\\"abcdefghijklmnopqrst\\"}"}';
const TARGET = '{"event":"t","channel":"c","data":"{\\"n\\":27,\\"pad\\":\\"abcdefghijklmnopqrst\\"}"}';
const FOSSIL = base64('MUcKZkAwLDI6MjdfQGcsMXdDdXZuOw==');
const VCDIFF = base64('1sPEAAABTwAOUAACBQIyNxMqAxMkACs=');

/** A VCDIFF delta over the whole of `source`. All sizes are below 128. */
function vcdiff(source, length, data, instructions, addresses) {
  const sizes = [data, instructions, addresses].map((section) => section.length);
  const rest = bytes(length, 0, sizes, data, instructions, addresses);
  return bytes(0xd6, 0xc3, 0xc4, 0, 0, 1, source.length, 0, rest.length, rest);
}

describe('Fossil', () => {
  test('D-73: the delta of the specification', () => {
    assert.equal(text(decodeFossil(utf8(SOURCE), FOSSIL)), TARGET);
  });

  test('D-73: the checksums of the specification', () => {
    const sums = { '': 0, a: 1627389952, abcd: 1633837924, abcde: 3328336740 };
    for (const [word, sum] of Object.entries(sums)) assert.equal(checksum(utf8(word)), sum);
    assert.equal(checksum(new Uint8Array(8).fill(255)), 4294967294);
  });

  test('D-73: numbers are read in base 64', () => {
    const target = 'x'.repeat(4096);
    const sum = checksum(utf8(target));
    assert.equal(sum, 3789676544);
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';
    let written = '';
    for (let rest = sum; rest > 0; rest = Math.floor(rest / 64)) written = digits[rest % 64] + written;
    const delta = utf8(`100\n100@0,${written};`);
    assert.equal(text(decodeFossil(utf8(target), delta)), target);
  });

  test('an empty message', () => {
    assert.equal(decodeFossil(utf8('abc'), utf8('0\n0;')).length, 0);
  });

  test('the same delta against another base is refused, whatever its length', () => {
    for (const base of [SOURCE.replace('abc', 'abd'), SOURCE.slice(1), '']) {
      assert.throws(() => decodeFossil(utf8(base), FOSSIL), DeltaError);
    }
  });

  test('bytes after the end are refused', () => {
    assert.throws(() => decodeFossil(utf8(SOURCE), bytes(FOSSIL, 10)), DeltaError);
  });

  test('each damaged byte is noticed', () => damaged(FOSSIL, (delta) => decodeFossil(utf8(SOURCE), delta)));

  for (const wrong of ['', '1G', '1G\n', '1G\n1?0,0;', '3\n3@0,0;x', '~~~~~~~\n0;', '~~~~~\n0;', '2\n3:abc0;', '3\n2:ab0;']) {
    test(`${JSON.stringify(wrong)} is refused`, () => {
      assert.throws(() => decodeFossil(utf8('abc'), utf8(wrong)), DeltaError);
    });
  }
});

describe('VCDIFF', () => {
  test('D-74: the delta of the specification', () => {
    assert.equal(text(decodeVcdiff(utf8(SOURCE), VCDIFF)), TARGET);
  });

  test('D-74: an integer of several bytes', () => {
    const target = 'x'.repeat(300);
    const delta = bytes(0xd6, 0xc3, 0xc4, 0, 0, 1, 0x82, 0x2c, 0, 10, 0x82, 0x2c, 0, 0, 3, 1, 19, 0x82, 0x2c, 0);
    assert.equal(text(decodeVcdiff(utf8(target), delta)), target);
  });

  test('a run, and a copy that reads what it writes', () => {
    const source = utf8('ab');
    const delta = vcdiff(source, 10, utf8('-xy'), [0, 3, 3, 21], [5]);
    assert.equal(text(decodeVcdiff(source, delta)), '---xyxyxyx');
  });

  test('every mode of address', () => {
    const source = utf8('abcdefghijklmnopqrstuvwxyz');
    // self 4; here: 30 - 20 = 10; near[0] (4) + 2; near[1] (10) + 2; near[2] (6) + 2; near[3] (12) + 2; same: 4, 10, 6
    const instructions = [20, 36, 52, 68, 84, 100, 116, 116, 116];
    const delta = vcdiff(source, 36, [], instructions, [4, 20, 2, 2, 2, 2, 4, 10, 6]);
    assert.equal(text(decodeVcdiff(source, delta)), 'efghklmnghijmnopijklopqrefghklmnghij');
  });

  test('every opcode that stands for two instructions', () => {
    const source = utf8('abcdefghijklmnop');
    for (let code = 163; code < 256; code += 1) {
      const first = code < 247;
      const six = code < 235;
      const mode = six ? Math.floor((code - 163) / 12) : first ? 6 + Math.floor((code - 235) / 4) : code - 247;
      const added = six ? 1 + (Math.floor((code - 163) / 3) % 4) : first ? 1 + ((code - 235) % 4) : 1;
      const copied = six ? 4 + ((code - 163) % 3) : 4;
      // Address 0 in each mode: itself, as a distance from here, and as an entry of the caches, which begin with zeros.
      const address = mode === 1 ? source.length + (first ? added : 0) : 0;
      const data = utf8('1234'.slice(0, added));
      const result = text(decodeVcdiff(source, vcdiff(source, added + copied, data, [code], [address])));
      const [add, copy] = [text(data), 'abcdef'.slice(0, copied)];
      assert.equal(result, first ? add + copy : copy + add, `opcode ${code}`);
    }
  });

  test("xdelta's application header and checksum are understood, and the checksum is checked", () => {
    const target = utf8('abc');
    const adler = [0x02, 0x4d, 0x01, 0x27];
    const delta = (sum) => bytes(0xd6, 0xc3, 0xc4, 0, 4, 2, 7, 7, 5, 3, 0, 13, 3, 0, 3, 1, 0, sum, target, 4);
    assert.equal(text(decodeVcdiff(utf8('zzz'), delta(adler))), 'abc');
    assert.throws(() => decodeVcdiff(utf8('zzz'), delta([1, 2, 3, 4])), DeltaError);
  });

  test('a delta that is cut short anywhere is refused', () => {
    for (let length = 0; length < VCDIFF.length; length += 1) {
      assert.throws(() => decodeVcdiff(utf8(SOURCE), VCDIFF.subarray(0, length)), DeltaError);
    }
  });

  test('no damage ends in another error, or in an endless or huge message', () => {
    for (let at = 0; at < VCDIFF.length; at += 1) {
      for (let value = 0; value < 256; value += 1) {
        const delta = VCDIFF.slice();
        delta[at] = value;
        try {
          decodeVcdiff(utf8(SOURCE), delta);
        } catch (error) {
          assert.ok(error instanceof DeltaError, `${error.stack}`);
        }
      }
    }
  });

  for (const [what, delta] of [
    ['a secondary compressor', bytes(0xd6, 0xc3, 0xc4, 0, 1, 2)],
    ['a window over the target', bytes(0xd6, 0xc3, 0xc4, 0, 0, 2, 0, 0, 0)],
    ['a window beyond the base', bytes(0xd6, 0xc3, 0xc4, 0, 0, 1, 9, 0, 5, 0, 0, 0, 0, 0)],
    ['compressed sections', bytes(0xd6, 0xc3, 0xc4, 0, 0, 1, 3, 0, 5, 0, 1, 0, 0, 0)],
    ['a copy from the future', vcdiff(utf8('abc'), 4, [], [20], [3])],
    ['data that nothing uses', vcdiff(utf8('abc'), 0, [1], [], [])],
    ['bytes after the window', bytes(vcdiff(utf8('abc'), 0, [], [], []), 0)],
  ]) {
    test(`${what} is refused`, () => assert.throws(() => decodeVcdiff(utf8('abc'), delta), DeltaError));
  }
});

/** Changes each byte of a delta to each other value: the decoder must refuse, or come to the same message. */
function damaged(delta, decode) {
  const whole = text(decode(delta));
  for (let at = 0; at < delta.length; at += 1) {
    for (let value = 0; value < 256; value += 1) {
      const wrong = delta.slice();
      wrong[at] = value;
      try {
        assert.equal(text(decode(wrong)), whole);
      } catch (error) {
        assert.ok(error instanceof DeltaError, `${error.stack}`);
      }
    }
  }
}
