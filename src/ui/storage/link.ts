import { deflateSync } from 'fflate';
import type { NewDiskRequest } from '../../rpc/protocol.ts';
import type { BenchLine } from '../state/bench-script.ts';
import { BOOKMARKS_MAX } from '../state/bookmarks.svelte.ts';
import { CUT_OFF, unpressed } from './pressed.ts';

/**
 * A bench as the part of an address behind '#': the disks it began with, the lines typed, the moment and the panes on
 * show, and what the disks hold then. The engine is deterministic, so this is the whole bench. Links come from
 * strangers: everything is checked, nothing is trusted.
 *
 * '#v3=' is base64url of compressed JSON; '#v2=' and '#v1=' were not compressed, and '#v1=' had one disk.
 */
export interface SharedBench {
  readonly disks: readonly NewDiskRequest[];
  /** On the way to the moment shown. */
  readonly lines: readonly BenchLine[];
  /** Inside the last line, right after this access; null: behind it. */
  readonly write: number | null;
  readonly panes: SharedPanes | null;
  /** Of each disk at that moment, the first digits of its fingerprint; empty: unknown. */
  readonly hashes: readonly string[];
  /** Names of moments on that way; 0: the beginning. */
  readonly bookmarks: readonly SharedBookmark[];
}

export interface SharedBookmark {
  readonly name: string;
  /** How many of the lines are behind it. */
  readonly line: number;
  /** Inside its last line, right after this access; null: behind it. */
  readonly write: number | null;
}

export interface SharedPanes {
  readonly disk: number;
  readonly tab: string;
  readonly block: number | null;
  readonly path: string | null;
}

const PREFIX = '#v3=';
const OLD_PREFIXES = ['#v1=', '#v2='];
export const LINK_CHARACTERS_MAX = 60_000;
export const HASH_DIGITS = 12;
export const DISKS_MAX = 6;
const JSON_BYTES_MAX = 2 ** 22;
const LINES_MAX = 5000;
const PROFILES = ['hdd', 'sata-ssd', 'nvme', 'sd-card'] as const;
const POLICIES = ['each', 'writeback'] as const;
const SCHEMES = ['none', 'gpt', 'mbr'] as const;

export const hasLink = (hash: string): boolean => hash.startsWith('#v');

export function encodeLink(bench: Pick<SharedBench, 'disks' | 'lines'> & Partial<SharedBench>): string {
  const bytes = deflateSync(new TextEncoder().encode(JSON.stringify(bench)), { level: 9 });
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return `${PREFIX}${text}`;
}

/** Throws an Error with a sentence for people when the link is not whole. */
export function decodeLink(hash: string): SharedBench {
  const isOld = OLD_PREFIXES.some((prefix) => hash.startsWith(prefix));
  if (!isOld && !hash.startsWith(PREFIX)) throw new Error('it was made by another version of Diskoscope');
  if (hash.length > LINK_CHARACTERS_MAX) throw new Error('it is longer than any link made here');
  const given = parse(hash.slice(PREFIX.length), isOld);
  if (hash.startsWith('#v1=')) return fromOneDisk(given);
  const { disks, lines, write = null, panes = null, hashes = [], bookmarks = [] } = given;
  if (!Array.isArray(disks) || disks.length === 0 || disks.length > DISKS_MAX)
    throw new Error('its disks are missing');
  if (write !== null && !isIndex(write)) throw new Error('its moment is unknown');
  if (!Array.isArray(hashes) || !hashes.every((one) => typeof one === 'string' && /^[0-9a-f]*$/.test(one)))
    throw new Error('its fingerprints are unknown');
  const typed = linesFrom(lines, disks.length);
  return {
    ...{ disks: disks.map(requestFrom), lines: typed, write },
    ...{ panes: panesFrom(panes, disks.length), hashes: hashes as string[] },
    bookmarks: bookmarksFrom(bookmarks, typed.length),
  };
}

function fromOneDisk(given: Record<string, unknown>): SharedBench {
  const { lines } = given;
  const wrong = new Error('its lines are not lines of text');
  if (!Array.isArray(lines) || lines.length > LINES_MAX) throw wrong;
  const modern = lines.map((line: unknown) => {
    const [text, ...typed]: unknown[] = Array.isArray(line) ? line : [line];
    return { text, on: [{ disk: 0, typed }] };
  });
  return {
    ...{ disks: [requestFrom(given)], lines: linesFrom(modern, 1) },
    ...{ write: null, panes: null, hashes: [], bookmarks: [] },
  };
}

function panesFrom(given: unknown, diskCount: number): SharedPanes | null {
  if (given === null) return null;
  if (!isObject(given)) throw new Error('its panes are unknown');
  const { disk, tab, block, path } = given;
  const isKnown = isIndex(disk) && disk < diskCount && typeof tab === 'string';
  if (!isKnown || !(block === null || isIndex(block)) || !(path === null || typeof path === 'string'))
    throw new Error('its panes are unknown');
  return { disk, tab, block, path };
}

function bookmarksFrom(given: unknown, lineCount: number): SharedBookmark[] {
  const wrong = new Error('its bookmarks are unknown');
  if (!Array.isArray(given) || given.length > BOOKMARKS_MAX) throw wrong;
  return given.map((one: unknown) => {
    if (!isObject(one)) throw wrong;
    const { name, line, write } = one;
    if (typeof name !== 'string' || !isIndex(line) || line > lineCount) throw wrong;
    if (!(write === null || isIndex(write))) throw wrong;
    return { name, line, write };
  });
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

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
    ...(given['trims'] === false ? { trims: false } : {}),
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

function parse(text: string, isPlain: boolean): Record<string, unknown> {
  let pressed: Uint8Array;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    pressed = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    // No base64: there is one sentence to say about damaged text.
    throw new Error(CUT_OFF);
  }
  const bytes = isPlain ? pressed : unpressed(pressed, JSON_BYTES_MAX);
  try {
    const given: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(given)) return given;
  } catch {
    // The same sentence.
  }
  throw new Error(CUT_OFF);
}
