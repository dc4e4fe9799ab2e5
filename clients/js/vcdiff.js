import { DeltaError, LONGEST_TARGET } from './errors.js';

// VCDIFF, RFC 3284: one window over the base, the default code table, no secondary compression. xdelta's two
// additions, an application header and a window's Adler-32, are understood.
const MAGIC = [0xd6, 0xc3, 0xc4, 0x00];
const HAS_APPLICATION_HEADER = 0x04;
const FROM_SOURCE = 0x01;
const HAS_ADLER = 0x04;
const LARGEST = 0x7fffffff;

const [ADD, RUN, COPY] = [1, 2, 3];
const NEAR = 4;
const SAME = 3;
const CODES = codeTable();

/** The default code table (RFC 3284, 5.6): of each opcode its one or two instructions [type, size, mode]; size 0 is read. */
function codeTable() {
  const table = new Array(256);
  table[0] = [[RUN, 0, 0]];
  for (let size = 0; size <= 17; size += 1) table[1 + size] = [[ADD, size, 0]];
  for (let mode = 0; mode <= 8; mode += 1) {
    table[19 + 16 * mode] = [[COPY, 0, mode]];
    for (let size = 4; size <= 18; size += 1) table[16 + 16 * mode + size] = [[COPY, size, mode]];
    table[247 + mode] = [[COPY, 4, mode], [ADD, 1, 0]];
    for (let add = 1; add <= 4; add += 1) {
      for (let copy = 4; copy <= (mode < 6 ? 6 : 4); copy += 1) {
        const code = mode < 6 ? 163 + 12 * mode + 3 * (add - 1) + (copy - 4) : 235 + 4 * (mode - 6) + (add - 1);
        table[code] = [[ADD, add, 0], [COPY, copy, mode]];
      }
    }
  }
  return table;
}

/** A stretch of bytes that is read from its beginning to its end and not beyond. */
class Section {
  constructor(bytes, name) {
    this.bytes = bytes;
    this.name = name;
    this.at = 0;
  }

  get done() {
    return this.at === this.bytes.length;
  }

  byte() {
    if (this.done) throw new DeltaError(`${this.name} ends too early`);
    return this.bytes[this.at++];
  }

  take(count) {
    if (count > this.bytes.length - this.at) throw new DeltaError(`${this.name} ends too early`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** An integer: seven bits a byte, most significant first, the top bit set on all bytes but the last. */
  int() {
    let value = 0;
    for (;;) {
      const next = this.byte();
      value = value * 128 + (next & 0x7f);
      if (value > LARGEST) throw new DeltaError('a number of more than 31 bits');
      if (next < 0x80) return value;
    }
  }
}

/** The addresses of copies, in nine modes, some of them relative to what was copied before. */
class Addresses {
  constructor(section) {
    this.section = section;
    this.near = new Array(NEAR).fill(0);
    this.same = new Array(SAME * 256).fill(0);
    this.next = 0;
  }

  read(mode, here) {
    let address;
    if (mode === 0) address = this.section.int();
    else if (mode === 1) address = here - this.section.int();
    else if (mode < 2 + NEAR) address = this.near[mode - 2] + this.section.int();
    else address = this.same[(mode - 2 - NEAR) * 256 + this.section.byte()];
    if (address < 0 || address >= here) throw new DeltaError('a copy from where nothing is yet');
    this.near[this.next] = address;
    this.next = (this.next + 1) % NEAR;
    this.same[address % this.same.length] = address;
    return address;
  }
}

/**
 * The message that `delta` makes of `base`, all in bytes.
 * Throws DeltaError unless header, lengths and addresses are right. Without an Adler-32 the format has no checksum, so
 * that a delta against another base of the same length gives a wrong message: whoever calls compares the base's number.
 */
export function decodeVcdiff(base, delta) {
  const file = new Section(delta, 'the delta');
  for (const byte of MAGIC) if (file.byte() !== byte) throw new DeltaError('not a VCDIFF delta');
  const indicator = file.byte();
  if (indicator & ~HAS_APPLICATION_HEADER) throw new DeltaError('a compressed delta, or one with a code table of its own');
  if (indicator & HAS_APPLICATION_HEADER) file.take(file.int());

  const window = file.byte();
  if (window & ~(FROM_SOURCE | HAS_ADLER)) throw new DeltaError('a window that is not over the base');
  let source = base.subarray(0, 0);
  if (window & FROM_SOURCE) {
    const length = file.int();
    const position = file.int();
    if (position + length > base.length) throw new DeltaError('a window beyond the end of the base');
    source = base.subarray(position, position + length);
  }
  const encoding = new Section(file.take(file.int()), 'the window');
  if (!file.done) throw new DeltaError('more than one window');

  const length = encoding.int();
  if (length > LONGEST_TARGET) throw new DeltaError(`a message of ${length} bytes`);
  if (encoding.byte() !== 0) throw new DeltaError('compressed sections');
  const lengths = [encoding.int(), encoding.int(), encoding.int()];
  const expected = window & HAS_ADLER ? encoding.take(4) : null;
  const [data, instructions, addresses] = lengths.map((size, index) => {
    return new Section(encoding.take(size), ['the data', 'the instructions', 'the addresses'][index]);
  });
  if (!encoding.done) throw new DeltaError('bytes after the sections');

  const target = build(source, length, data, instructions, new Addresses(addresses));
  if (!data.done || !addresses.done) throw new DeltaError('data or addresses that nothing uses');
  if (expected && new DataView(expected.buffer, expected.byteOffset).getUint32(0) !== adler32(target)) {
    throw new DeltaError('the checksum is another one: not the base it was made for');
  }
  return target;
}

function build(source, length, data, instructions, addresses) {
  const target = new Uint8Array(length);
  let filled = 0;
  while (!instructions.done) {
    for (const [type, fixed, mode] of CODES[instructions.byte()]) {
      const size = fixed || instructions.int();
      if (filled + size > length) throw new DeltaError('more bytes than announced');
      if (type === ADD) target.set(data.take(size), filled);
      else if (type === RUN) target.fill(data.byte(), filled, filled + size);
      else copy(source, target, addresses.read(mode, source.length + filled), filled, size);
      filled += size;
    }
  }
  if (filled !== length) throw new DeltaError(`${filled} bytes instead of ${length}`);
  return target;
}

/** Copies from source and target seen as one; byte by byte where the copy reads what it writes itself. */
function copy(source, target, address, filled, size) {
  if (address + size <= source.length) {
    target.set(source.subarray(address, address + size), filled);
    return;
  }
  for (let index = 0; index < size; index += 1) {
    const from = address + index;
    target[filled + index] = from < source.length ? source[from] : target[from - source.length];
  }
}

function adler32(bytes) {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
