/** dd's operands, `name=value`, with its own numbers ('1m', '2x512', '0x10') and its complaints. */

export interface DdOperands {
  readonly input: string | null;
  readonly output: string | null;
  readonly inputBlockBytes: number;
  readonly outputBlockBytes: number;
  /** bs= was given and no conversion changes the bytes: every block goes out as it was read. */
  readonly isDirect: boolean;
  readonly hasBothBlockSizes: boolean;
  /** Null: to the end. */
  readonly count: number | null;
  readonly skipBlocks: number;
  readonly seekBlocks: number;
  readonly hasSeek: boolean;
  readonly fillByte: number;
  readonly status: 'all' | 'noxfer' | 'none';
  readonly conversions: ReadonlySet<string>;
  readonly fillsBlocks: boolean;
}

const CONVERSIONS = ['fsync', 'lcase', 'noerror', 'notrunc', 'osync', 'sparse', 'swab', 'sync', 'ucase'];
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  iflag: ['direct', 'fullblock'],
  oflag: ['direct', 'fsync', 'sync'],
};
const ALIASES: Readonly<Record<string, string>> = { iseek: 'skip', oseek: 'seek' };
const NAMES = [
  'bs',
  'conv',
  'count',
  'fillchar',
  'ibs',
  'if',
  'iflag',
  'obs',
  'of',
  'oflag',
  'seek',
  'skip',
  'status',
];
const MULTIPLIERS: Readonly<Record<string, number>> = {
  b: 512,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
  w: 4,
};
const BLOCK_BYTES_MAX = 2 ** 30;

/** The operands, or what dd would say of them. */
export function parseDd(args: readonly string[]): DdOperands | { readonly problem: string } {
  const given = new Map<string, string>();
  for (const arg of args[0] === '--' ? args.slice(1) : args) {
    const [, rawName = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (value === undefined) return { problem: `unknown operand ${arg}` };
    if (value === '') return { problem: `no value specified for ${rawName}` };
    const name = ALIASES[rawName] ?? rawName;
    if (!NAMES.includes(name)) return { problem: `unknown operand ${rawName}` };
    const isList = name === 'conv' || name === 'iflag' || name === 'oflag';
    if (given.has(name) && !isList && !['if', 'of', 'status'].includes(name)) {
      return { problem: `${rawName}: illegal argument combination or already set` };
    }
    given.set(name, isList && given.has(name) ? `${given.get(name)},${value}` : value);
  }
  return checked(given);
}

function checked(given: ReadonlyMap<string, string>): DdOperands | { readonly problem: string } {
  const numbers = new Map<string, number>();
  for (const name of ['bs', 'ibs', 'obs', 'count', 'skip', 'seek']) {
    const text = given.get(name);
    if (text === undefined) continue;
    const value = ddNumber(text);
    if (typeof value === 'string') return { problem: `${name}: ${value}` };
    if (name.endsWith('bs') && (value < 1 || value > BLOCK_BYTES_MAX)) {
      return { problem: `${name} must be between 1 and ${BLOCK_BYTES_MAX}` };
    }
    numbers.set(name, value);
  }
  const words = (name: string) => given.get(name)?.split(',') ?? [];
  const strange = words('conv').find((word) => !CONVERSIONS.includes(word));
  if (strange !== undefined) return { problem: `unknown conversion ${strange}` };
  for (const name of ['iflag', 'oflag']) {
    const flag = words(name).find((word) => !FLAGS[name]?.includes(word));
    if (flag !== undefined) return { problem: `unknown ${name === 'iflag' ? 'iflag' : 'open flag'} ${flag}` };
  }
  const conversions = new Set(words('conv'));
  for (const [a, b] of [['lcase', 'ucase']] as const) {
    if (conversions.has(a) && conversions.has(b)) return { problem: `${b}: illegal conversion combination` };
  }
  const status = given.get('status') ?? 'all';
  if (!['all', 'none', 'noxfer', 'progress'].includes(status)) return { problem: `unknown status ${status}` };
  const fillchar = given.get('fillchar');
  if (fillchar !== undefined && fillchar.length !== 1) return { problem: 'need exactly one fill char' };

  const both = numbers.get('bs');
  const changesBytes = ['lcase', 'ucase', 'swab', 'sparse', 'osync'].some((word) => conversions.has(word));
  return {
    input: given.get('if') ?? null,
    output: given.get('of') ?? null,
    inputBlockBytes: both ?? numbers.get('ibs') ?? 512,
    outputBlockBytes: both ?? numbers.get('obs') ?? 512,
    isDirect: both !== undefined && !changesBytes,
    hasBothBlockSizes: both !== undefined && (numbers.has('ibs') || numbers.has('obs')),
    count: numbers.get('count') ?? null,
    skipBlocks: numbers.get('skip') ?? 0,
    seekBlocks: numbers.get('seek') ?? 0,
    hasSeek: numbers.has('seek'),
    fillByte: fillchar?.charCodeAt(0) ?? 0,
    status: status === 'none' || status === 'noxfer' ? status : 'all',
    conversions,
    fillsBlocks: words('iflag').includes('fullblock'),
  };
}

/** A number, or what is wrong with it. Hexadecimal and octal as C has them; products with x. */
export function ddNumber(text: string): number | string {
  let product = 1;
  for (const factor of splitFactors(text)) {
    const match = /^(0[xX][0-9a-fA-F]+|\d+)(.?)(.*)$/s.exec(factor);
    if (!match) return 'invalid numeric value';
    const [, digits = '', unit = '', rest] = match;
    const multiplier = unit === '' ? 1 : MULTIPLIERS[unit.toLowerCase()];
    if (multiplier === undefined || rest !== '') return 'illegal numeric value';
    const isOctal = /^0[0-7]+$/.test(digits);
    if (/^0\d/.test(digits) && !isOctal) return 'illegal numeric value';
    product *= (isOctal ? parseInt(digits, 8) : Number(digits)) * multiplier;
  }
  return Number.isSafeInteger(product) ? product : 'Result too large';
}

/** At x, X and *, but not at the x of 0x. */
const splitFactors = (text: string): string[] => text.split(/(?<!^0|[xX*]0)[xX]|\*/);
