import type { Annotation } from '../../rpc/protocol.ts';

/** What is typed into the hex pane, as bytes: pairs of digits, or the value of a field as its structure stores it. */
export type EditMode = 'hex' | 'number' | 'text';

/** Bytes, or a sentence on why there are none. */
export type Typed = { readonly bytes: Uint8Array } | { readonly sentence: string };

/** Which ways the value of a field can be typed in. */
export function modesOf(field: Annotation | undefined): readonly EditMode[] {
  if (field?.stored === 'text') return ['hex', 'text'];
  return field?.stored === undefined ? ['hex'] : ['hex', 'number'];
}

/** `lengthBytes`: of what is selected; nothing is written beyond it. */
export function bytesOfTyped(
  text: string,
  mode: EditMode,
  lengthBytes: number,
  field: Annotation | undefined,
): Typed {
  if (mode === 'number') return bytesOfNumber(text, lengthBytes, field?.stored === 'little');
  return mode === 'text' ? bytesOfText(text, lengthBytes) : bytesOfHex(text, lengthBytes);
}

function bytesOfHex(text: string, lengthBytes: number): Typed {
  const digits = text.trim().replace(/^0x/i, '').replace(/\s+/g, '');
  const wrong = /[^\da-f]/iu.exec(digits)?.[0];
  if (wrong !== undefined)
    return { sentence: `‘${wrong}’ is no hexadecimal digit: type pairs of 0–9 and a–f.` };
  if (digits === '') return { sentence: 'Type the new bytes as pairs of hexadecimal digits.' };
  if (digits.length % 2 === 1)
    return { sentence: `${digits.length} digits are no whole number of bytes: each byte has two.` };
  const count = digits.length / 2;
  if (count > lengthBytes) return tooLong(count, lengthBytes);
  return {
    bytes: Uint8Array.from({ length: count }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)),
  };
}

function bytesOfNumber(text: string, lengthBytes: number, isLittle: boolean): Typed {
  const trimmed = text.trim();
  if (!/^(\d{1,20}|0x[\da-f]{1,16})$/i.test(trimmed))
    return { sentence: 'Type a whole number, such as 512 or 0x200.' };
  const value = BigInt(trimmed);
  const limit = 1n << BigInt(8 * lengthBytes);
  if (value >= limit)
    return { sentence: `${trimmed} is more than ${lengthBytes} bytes hold: at most ${limit - 1n}.` };
  const bytes = new Uint8Array(lengthBytes);
  for (let i = 0; i < lengthBytes; i++) {
    bytes[isLittle ? i : lengthBytes - 1 - i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return { bytes };
}

function bytesOfText(text: string, lengthBytes: number): Typed {
  const wrong = /[^\x20-\x7e]/u.exec(text)?.[0];
  if (wrong !== undefined)
    return { sentence: `‘${wrong}’ is not one byte here: type ASCII, or use hexadecimal.` };
  if (text === '') return { sentence: 'Type the new text.' };
  if (text.length > lengthBytes) return tooLong(text.length, lengthBytes);
  return { bytes: Uint8Array.from(text.padEnd(lengthBytes, ' '), (character) => character.charCodeAt(0)) };
}

const tooLong = (count: number, lengthBytes: number): Typed => ({
  sentence: `${count} bytes are more than the ${lengthBytes} selected: select more, or type less.`,
});

/** What stands there now, to be changed. */
export function textOfBytes(bytes: Uint8Array, mode: EditMode, field: Annotation | undefined): string {
  if (mode === 'hex') return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  if (mode === 'text')
    return String.fromCharCode(...bytes)
      .replace(/[^\x20-\x7e]/g, '?')
      .trimEnd();
  const order = field?.stored === 'little' ? [...bytes].reverse() : [...bytes];
  return String(order.reduce((value, byte) => value * 256n + BigInt(byte), 0n));
}

/** The line that writes them. */
export const pokeLine = (block: number, offsetBytes: number, bytes: Uint8Array, mends: boolean): string =>
  `scope poke ${block} ${offsetBytes} ${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}${mends ? ' --mend' : ''}`;
