/** Little pieces of work on bytes that every layer needs. */

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8');

export const utf8 = (text: string): Uint8Array => utf8Encoder.encode(text);

/** Malformed bytes become U+FFFD, as a terminal would show them. */
export const textOf = (bytes: Uint8Array): string => utf8Decoder.decode(bytes);

/**
 * UTF-16 code units as text; lone surrogates stay what they are. At most some thousand of them. Any array does for
 * `apply`, though its type asks for one of numbers; unlike a spread it goes through no iterator.
 */
export const textOfUnits = (units: Uint16Array): string =>
  String.fromCharCode.apply(null, units as unknown as number[]);

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** TextEncoder and TextDecoder are in every host but in no ES library; declared here so that the engine needs no DOM. */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label: string, options?: { fatal?: boolean });
  decode(bytes: Uint8Array): string;
}
