import type { NewDiskRequest } from '../../rpc/protocol.ts';
import type { BenchLine } from '../state/bench-script.ts';

/**
 * A bench as the part of an address behind '#': the disks it began with and the lines typed. The engine is
 * deterministic, so this is the whole bench. Links come from strangers: everything is checked, nothing is trusted.
 */
export interface SharedBench {
  readonly disks: readonly NewDiskRequest[];
  readonly lines: readonly BenchLine[];
}

const PREFIX = '#v2=';
export const LINK_CHARACTERS_MAX = 60_000;
export const DISKS_MAX = 6;
const LINES_MAX = 5000;
const PROFILES = ['hdd', 'sata-ssd', 'nvme', 'sd-card'] as const;
const POLICIES = ['each', 'writeback'] as const;
const SCHEMES = ['none', 'gpt', 'mbr'] as const;

export const hasLink = (hash: string): boolean => hash.startsWith('#v');

export function encodeLink({ disks, lines }: SharedBench): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ disks, lines }));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return `${PREFIX}${text}`;
}

/** Throws an Error with a sentence for people when the link is not whole. */
export function decodeLink(hash: string): SharedBench {
  if (!hash.startsWith(PREFIX)) throw new Error('it was made by another version of Diskoscope');
  if (hash.length > LINK_CHARACTERS_MAX) throw new Error('it is longer than any link made here');
  const { disks, lines } = parse(hash.slice(PREFIX.length));
  if (!Array.isArray(disks) || disks.length === 0 || disks.length > DISKS_MAX)
    throw new Error('its disks are missing');
  return { disks: disks.map(requestFrom), lines: linesFrom(lines, disks.length) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function requestFrom(given: unknown): NewDiskRequest {
  if (!isObject(given)) throw new Error('its disks are missing');
  const text = (key: string): string => {
    const value = given[key];
    if (typeof value !== 'string') throw new Error(`its ${key} is missing`);
    return value;
  };
  const oneOf = <T extends string>(key: string, allowed: readonly T[]): T => {
    const found = allowed.find((word) => word === given[key]);
    if (found === undefined) throw new Error(`its ${key} is unknown`);
    return found;
  };
  const number = (key: string): number => {
    const value = given[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`its ${key} is not a number`);
    return value;
  };
  const startLines = given['startLines'] ?? [];
  if (
    !Array.isArray(startLines) ||
    startLines.length > LINES_MAX ||
    !startLines.every((one) => typeof one === 'string')
  )
    throw new Error(`its startLines are not lines of text`);
  const { settings } = given;
  if (!isObject(settings) || Object.values(settings).some((value) => typeof value !== 'string'))
    throw new Error('its settings are not words');
  return {
    ...{ format: text('format'), sizeBytes: number('sizeBytes'), label: text('label') },
    ...{ scheme: oneOf('scheme', SCHEMES), seed: number('seed'), startLines },
    ...{ profile: oneOf('profile', PROFILES), policy: oneOf('policy', POLICIES) },
    ...(given['overwritesInPlace'] === true ? { overwritesInPlace: true } : {}),
    settings: settings as Record<string, string>,
  };
}

function linesFrom(given: unknown, diskCount: number): BenchLine[] {
  const wrong = new Error('its lines are not lines of text');
  if (!Array.isArray(given) || given.length > LINES_MAX) throw wrong;
  return given.map((line: unknown) => {
    if (!isObject(line) || typeof line['text'] !== 'string' || !Array.isArray(line['on'])) throw wrong;
    const on = line['on'].map((one: unknown) => {
      if (!isObject(one)) throw wrong;
      const { disk, typed } = one;
      if (typeof disk !== 'number' || !Number.isInteger(disk) || disk < 0 || disk >= diskCount) throw wrong;
      if (!Array.isArray(typed) || !typed.every((piece) => typeof piece === 'string' || piece === null))
        throw wrong;
      return { disk, typed: typed as (string | null)[] };
    });
    return { text: line['text'], on };
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const given: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(given)) return given;
  } catch {
    // Falls through to the one sentence there is to say about damaged text.
  }
  throw new Error('it is cut off or was changed on the way');
}
