/**
 * CRC-32 of ISO-HDLC, as GPT headers (UEFI 2.10 §5.3.2), gzip (RFC 1952 §8) and disk images of macOS use it. A checksum
 * can be carried on, and carried over any number of zeros in a few dozen steps: a terabyte of them costs nothing.
 */
const POLYNOMIAL = 0xedb88320;

/** Eight tables: eight bytes a round. Table k carries a byte over k more bytes of zeros. */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  TABLES[0]![byte] = crc;
}
for (let k = 1; k < 8; k++) {
  for (let byte = 0; byte < 256; byte++) {
    const before = TABLES[k - 1]![byte]!;
    TABLES[k]![byte] = (before >>> 8) ^ TABLES[0]![before & 0xff]!;
  }
}
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
];

/** `before`: the checksum of what comes before `data`; 0 for nothing. */
export function crc32(data: Uint8Array, before = 0): number {
  let crc = ~before;
  let i = 0;
  for (const end = data.length - 7; i < end; i += 8) {
    const low = crc ^ (data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24));
    crc =
      T7[low & 0xff]! ^
      T6[(low >>> 8) & 0xff]! ^
      T5[(low >>> 16) & 0xff]! ^
      T4[low >>> 24]! ^
      T3[data[i + 4]!]! ^
      T2[data[i + 5]!]! ^
      T1[data[i + 6]!]! ^
      T0[data[i + 7]!]!;
  }
  for (; i < data.length; i++) crc = (crc >>> 8) ^ T0[(crc ^ data[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** The checksum carried over `count` zeros. */
export function crc32OverZeros(count: number, before: number): number {
  // One zero byte maps the register linearly: squaring that map doubles the zeros.
  let step = Array.from({ length: 32 }, (_, bit) => {
    const register = 2 ** bit;
    return ((register >>> 8) ^ T0[register & 0xff]!) >>> 0;
  });
  let register = ~before >>> 0;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) register = applied(step, register);
    step = step.map((image) => applied(step, image));
  }
  return ~register >>> 0;
}

/** A linear map over GF(2), given as the images of the 32 bits. */
function applied(map: readonly number[], register: number): number {
  let image = 0;
  for (let bit = 0, left = register; left !== 0; bit++, left >>>= 1) if (left & 1) image ^= map[bit]!;
  return image >>> 0;
}
