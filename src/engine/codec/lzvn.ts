/**
 * LZVN, Apple's fast Lempel-Ziv code, as HFS+ and APFS store compressed files with it.
 *
 * A stream is a row of operations: some literal bytes that follow, then a match, a copy of earlier output from a
 * distance of up to 64 KiB. The operation's first byte says which form it has; L literals, M bytes of match, D distance:
 *
 *     LLMMMDDD DDDDDDDD             small distance (M + 3)
 *     101LLMMM DDDDDDMM DDDDDDDD    medium distance (M + 3)
 *     LLMMM111 DDDDDDDD DDDDDDDD    large distance (M + 3), little-endian
 *     LLMMM110                      the distance before (M + 3)
 *     1111MMMM, 11110000 MMMMMMMM   match alone, the distance before (M; M + 16)
 *     1110LLLL, 11100000 LLLLLLLL   literals alone (L; L + 16)
 *     00000110                      end; 0E and 16 do nothing
 *
 * Source: Apple's lzfse (BSD licence), lzvn_decode_base.c, for the forms.
 */
const END = 0x06;

/** `data` unpacked into exactly `sizeBytes`, or null when it is damaged or of another length. Takes no other memory. */
export function unpackLzvn(data: Uint8Array, sizeBytes: number): Uint8Array | null {
  const out = new Uint8Array(sizeBytes);
  let from = 0;
  let to = 0;
  let distance = 0;
  while (from < data.length) {
    const operation = data[from]!;
    if (operation === END) return to === sizeBytes ? out : null;
    const form = FORMS[operation]!;
    const second = data[from + 1] ?? 0;
    const third = data[from + 2] ?? 0;
    from += LENGTHS[form]!;
    let literals = operation >> 6;
    let match = ((operation >> 3) & 7) + 3;
    switch (form) {
      case FORM.nothing:
        continue;
      case FORM.small:
        distance = ((operation & 7) << 8) | second;
        break;
      case FORM.medium:
        literals = (operation >> 3) & 3;
        match = (((operation & 7) << 2) | (second & 3)) + 3;
        distance = (second >> 2) | (third << 6);
        break;
      case FORM.large:
        distance = second | (third << 8);
        break;
      case FORM.previous:
        break;
      case FORM.match:
        literals = 0;
        match = operation & 15;
        break;
      case FORM.longMatch:
        literals = 0;
        match = second + 16;
        break;
      case FORM.literals:
        literals = operation & 15;
        match = 0;
        break;
      case FORM.longLiterals:
        literals = second + 16;
        match = 0;
        break;
      default:
        return null;
    }
    if (from + literals > data.length || to + literals + match > sizeBytes) return null;
    for (const end = to + literals; to < end; to++) out[to] = data[from++]!;
    if (match > 0 && (distance === 0 || distance > to)) return null;
    // Byte by byte: a match may reach into what it is copying.
    for (const end = to + match; to < end; to++) out[to] = out[to - distance]!;
  }
  // Some writers leave the end mark out when the output is full.
  return to === sizeBytes ? out : null;
}

const FORM = {
  ...{ undefined: 0, nothing: 1, small: 2, medium: 3, large: 4, previous: 5 },
  ...{ match: 6, longMatch: 7, literals: 8, longLiterals: 9 },
} as const;
/** Bytes of an operation by its form. */
const LENGTHS = [1, 1, 2, 3, 3, 1, 1, 2, 1, 2];

/** The form of an operation by its first byte. */
const FORMS = Uint8Array.from({ length: 256 }, (_, operation) => {
  const high = operation >> 4;
  if (operation === 0xe0) return FORM.longLiterals;
  if (operation === 0xf0) return FORM.longMatch;
  if (high === 0xe) return FORM.literals;
  if (high === 0xf) return FORM.match;
  if (high === 0xa || high === 0xb) return FORM.medium;
  if (high === 0x7 || high === 0xd) return FORM.undefined;
  const low = operation & 7;
  if (low === 7) return FORM.large;
  if (low < 6) return FORM.small;
  if (operation >= 0x40) return FORM.previous;
  return operation === 0x0e || operation === 0x16 ? FORM.nothing : FORM.undefined;
});
