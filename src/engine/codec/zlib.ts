import { unzlibSync } from 'fflate';

/**
 * The zlib stream `data` (RFC 1950) unpacked into exactly `sizeBytes`, or null when it is damaged or is of another size.
 * Never takes more memory than `sizeBytes`, whatever the stream claims. The Adler-32 at its end is not verified.
 */
export function inflate(data: Uint8Array, sizeBytes: number): Uint8Array | null {
  // One byte of room more, so that a longer stream is told from a right one.
  const room = new Uint8Array(sizeBytes + 1);
  try {
    const unpacked = unzlibSync(data, { out: room });
    return unpacked.length === sizeBytes ? unpacked : null;
  } catch {
    // Whatever the library found wrong: the stream is damaged, or longer than the room.
    return null;
  }
}
