/**
 * CRC-32C (Castagnoli; polynomial 0x1EDC6F41, reflected 0x82F63B78) without initial value and final inversion: those
 * are the caller's. RFC 3720, appendix B.4. Check value of '123456789', begun with 0xFFFFFFFF and inverted: 0xE3069283.
 */
const POLYNOMIAL = 0x82f63b78;

/** Remainder of a byte followed by 0, 1, 2 or 3 zero bytes: four bytes are taken at a time. */
const TABLES = makeTables();

function makeTables(): Uint32Array {
  const tables = new Uint32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
    tables[byte] = value;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/** The remainder after one more 32-bit word, its low byte first. */
export function crc32cWord(crc: number, word: number): number {
  const mixed = crc ^ word;
  return (
    ((TABLES[768 + (mixed & 0xff)] ?? 0) ^
      (TABLES[512 + ((mixed >>> 8) & 0xff)] ?? 0) ^
      (TABLES[256 + ((mixed >>> 16) & 0xff)] ?? 0) ^
      (TABLES[mixed >>> 24] ?? 0)) >>>
    0
  );
}

/** The remainder after more bytes. */
export function crc32c(crc: number, bytes: Uint8Array): number {
  let value = crc;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLES[(value ^ byte) & 0xff] ?? 0);
  return value >>> 0;
}
