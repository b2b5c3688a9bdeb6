/**
 * Writes src/engine/codec/exfat-upcase.generated.ts: the recommended up-case table of the exFAT specification (2019),
 * 7.2.5, in its compressed form. `node scripts/exfat-upcase.mjs`; nothing is written unless length and checksum are
 * those the specification prints: 5836 bytes, 0xE619D30D.
 *
 * The rules say what each unit becomes, `first-last+distance`, `/2` for every second unit; units without a rule stay
 * as they are. They are Unicode's simple upper case of about 2005: today's toUpperCase of JavaScript knows some 326
 * mappings more and a few otherwise, so nothing is computed from it.
 */
import { writeFileSync } from 'node:fs';

const RULES = `
61-7a-32 e0-f6-32 f8-fe-32 ff+121 101-12f/2-1 133-137/2-1 13a-148/2-1 14b-177/2-1 17a-17e/2-1 180+195 183-185/2-1
188-1 18c-1 192-1 195+97 199-1 19a+163 19e+130 1a1-1a5/2-1 1a8-1 1ad-1 1b0-1 1b4-1b6/2-1 1b9-1 1bd-1 1bf+56 1c6-2
1c9-2 1cc-2 1ce-1dc/2-1 1dd-79 1df-1ef/2-1 1f3-2 1f5-1 1f9-21f/2-1 223-233/2-1 23a+10795 23c-1 23e+10792 242-1
247-24f/2-1 253-210 254-206 256-257-205 259-202 25b-203 260-205 263-207 268-209 269-211 26b+10743 26f-211 272-213
275-214 27d+10727 280-218 283-218 288-218 289-69 28a-28b-217 28c-71 292-219 37b-37d+130 3ac-38 3ad-3af-37 3b1-3c1-32
3c2-31 3c3-3cb-32 3cc-64 3cd-3ce-63 3d9-3ef/2-1 3f2+7 3f8-1 3fb-1 430-44f-32 450-45f-80 461-481/2-1 48b-4bf/2-1
4c2-4ce/2-1 4cf-15 4d1-513/2-1 561-586-48 1d7d+3814 1e01-1e95/2-1 1ea1-1ef9/2-1 1f00-1f07+8 1f10-1f15+8 1f20-1f27+8
1f30-1f37+8 1f40-1f45+8 1f51-1f57/2+8 1f60-1f67+8 1f70-1f71+74 1f72-1f75+86 1f76-1f77+100 1f78-1f79+128 1f7a-1f7b+112
1f7c-1f7d+126 1f80-1f87+8 1f90-1f97+8 1fa0-1fa7+8 1fb0-1fb1+8 1fb3+9 1fcc-9 1fd0-1fd1+8 1fe0-1fe1+8 1fe5+7 1ffc-9
214e-28 2170-217f-16 2184-1 24d0-24e9-26 2c30-2c5e-48 2c61-1 2c68-2c6c/2-1 2c76-1 2c81-2ce3/2-1 2d00-2d25-7264
ff41-ff5a-32`;

/** Shorter runs of units that stay are written out; the specification's table compresses its four longest. */
const RUN_UNITS_MIN = 512;
const SIZE_BYTES = 5836;
const CHECKSUM = 0xe619d30d;

const table = Array.from({ length: 0x10000 }, (_, unit) => unit);
for (const rule of RULES.trim().split(/\s+/)) {
  const [, first, last = first, step = '1', distance] =
    /^([0-9a-f]+)(?:-([0-9a-f]+(?=[/+-])))?(?:\/(\d))?([+-]\d+)$/.exec(rule) ?? [];
  for (let unit = parseInt(first, 16); unit <= parseInt(last, 16); unit += Number(step)) {
    table[unit] = unit + Number(distance);
  }
}

const words = [];
for (let unit = 0; unit < table.length;) {
  let end = unit;
  while (end < table.length && table[end] === end) end++;
  if (end - unit >= RUN_UNITS_MIN) {
    words.push(0xffff, end - unit);
    unit = end;
  } else {
    words.push(table[unit]);
    unit++;
  }
}

let checksum = 0;
for (const byte of words.flatMap((word) => [word & 0xff, word >> 8])) {
  checksum = (((checksum >>> 1) | ((checksum & 1) << 31)) + byte) >>> 0;
}
if (words.length * 2 !== SIZE_BYTES || checksum !== CHECKSUM) {
  throw new Error(`the rules make ${words.length * 2} bytes with checksum 0x${checksum.toString(16)}`);
}

const hex = words.map((word) => word.toString(16).padStart(4, '0')).join('');
const lines = hex.match(/.{1,96}/g).map((line) => `  '${line}'`);
writeFileSync(
  new URL('../src/engine/codec/exfat-upcase.generated.ts', import.meta.url),
  `// Written by scripts/exfat-upcase.mjs; see there for what it holds and whence.
/** 16-bit words, four hexadecimal digits each: Microsoft, "exFAT file system specification" (2019), 7.2.5. */
export const UPCASE_WORDS =
${lines.join(' +\n')};
`,
);
