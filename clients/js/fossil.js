import { DeltaError, LONGEST_TARGET } from './errors.js';

// Fossil's delta format: int LF (int "@" int "," | int ":" bytes)* int ";", numbers in a base 64 of its own.
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~';
const VALUES = new Int8Array(256).fill(-1);
for (let value = 0; value < 64; value += 1) VALUES[DIGITS.charCodeAt(value)] = value;

const [LF, COPY, COMMA, INSERT, END] = ['\n', '@', ',', ':', ';'].map((sign) => sign.charCodeAt(0));
const LARGEST = 0xffffffff;

/**
 * The message that `delta` makes of `base`, all in bytes.
 * Throws DeltaError unless lengths, order and checksum are right; neither argument is changed.
 */
export function decodeFossil(base, delta) {
  let at = 0;

  function number(terminator) {
    const start = at;
    let value = 0;
    while (at < delta.length && VALUES[delta[at]] >= 0) {
      value = value * 64 + VALUES[delta[at]];
      if (value > LARGEST) throw new DeltaError('a number of more than 32 bits');
      at += 1;
    }
    if (at === start) throw new DeltaError(`no number at byte ${start}`);
    if (terminator !== undefined && delta[at++] !== terminator) throw new DeltaError(`a number ends wrongly at byte ${at - 1}`);
    return value;
  }

  const length = number(LF);
  if (length > LONGEST_TARGET) throw new DeltaError(`a message of ${length} bytes`);
  const target = new Uint8Array(length);
  let filled = 0;

  function append(source, from, count, what) {
    if (from + count > source.length) throw new DeltaError(`${what} beyond its end`);
    if (filled + count > length) throw new DeltaError('more bytes than announced');
    target.set(source.subarray(from, from + count), filled);
    filled += count;
  }

  for (;;) {
    const value = number();
    switch (delta[at++]) {
      case COPY:
        append(base, number(COMMA), value, 'a copy of the base');
        break;
      case INSERT:
        append(delta, at, value, 'an insert of the delta');
        at += value;
        break;
      case END:
        if (filled !== length) throw new DeltaError(`${filled} bytes instead of ${length}`);
        if (at !== delta.length) throw new DeltaError('bytes after the end');
        if (checksum(target) !== value) throw new DeltaError('the checksum is another one: not the base it was made for');
        return target;
      default:
        throw new DeltaError(`an unknown command at byte ${at - 1}`);
    }
  }
}

/** Sum of the big-endian 32-bit words, the last one filled up with zero bytes, modulo 2^32. */
export function checksum(bytes) {
  const whole = bytes.length & ~3;
  let sum = 0;
  for (let at = 0; at < whole; at += 4) {
    sum = (sum + ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3])) | 0;
  }
  for (let at = whole; at < bytes.length; at += 1) sum = (sum + (bytes[at] << (24 - 8 * (at - whole)))) | 0;
  return sum >>> 0;
}
