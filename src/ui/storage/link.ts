import type { NewDiskRequest } from '../../rpc/protocol.ts';
import type { TypedLine } from '../state/typed-line.ts';

/**
 * A session as the part of an address behind '#': the disk it began with and the lines typed. The engine is
 * deterministic, so this is the whole session. Links come from strangers: everything is checked, nothing is trusted.
 */
export interface SharedSession {
  readonly request: NewDiskRequest;
  readonly lines: readonly TypedLine[];
}

const PREFIX = '#v1=';
export const LINK_CHARACTERS_MAX = 60_000;
const LINES_MAX = 5000;
const PROFILES = ['hdd', 'sata-ssd', 'nvme', 'sd-card'] as const;
const POLICIES = ['each', 'writeback'] as const;
const SCHEMES = ['none', 'gpt', 'mbr'] as const;

export const hasLink = (hash: string): boolean => hash.startsWith('#v');

export function encodeLink({ request, lines }: SharedSession): string {
  const packed = lines.map(({ text, typed }) => (typed.length === 0 ? text : [text, ...typed]));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...request, lines: packed }));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return `${PREFIX}${text}`;
}

/** Throws an Error with a sentence for people when the link is not whole. */
export function decodeLink(hash: string): SharedSession {
  if (!hash.startsWith(PREFIX)) throw new Error('it was made by another version of Diskoscope');
  if (hash.length > LINK_CHARACTERS_MAX) throw new Error('it is longer than any link made here');
  const given = parse(hash.slice(PREFIX.length));

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
  const strings = (key: string): string[] => {
    const value = given[key] ?? [];
    if (!Array.isArray(value) || value.length > LINES_MAX || !value.every((one) => typeof one === 'string'))
      throw new Error(`its ${key} are not lines of text`);
    return value;
  };
  const { settings } = given;
  if (
    typeof settings !== 'object' ||
    settings === null ||
    Object.values(settings).some((value) => typeof value !== 'string')
  )
    throw new Error('its settings are not words');

  return {
    request: {
      ...{ format: text('format'), sizeBytes: number('sizeBytes'), label: text('label') },
      ...{ scheme: oneOf('scheme', SCHEMES), seed: number('seed'), startLines: strings('startLines') },
      ...{ profile: oneOf('profile', PROFILES), policy: oneOf('policy', POLICIES) },
      ...(given['overwritesInPlace'] === true ? { overwritesInPlace: true } : {}),
      settings: settings as Record<string, string>,
    },
    lines: linesOf(given['lines'] ?? []),
  };
}

/** A line is its text, or a list of its text and what was typed into it. */
function linesOf(given: unknown): TypedLine[] {
  const wrong = new Error('its lines are not lines of text');
  if (!Array.isArray(given) || given.length > LINES_MAX) throw wrong;
  return given.map((line: unknown) => {
    const [text, ...typed]: unknown[] = Array.isArray(line) ? line : [line];
    if (typeof text !== 'string') throw wrong;
    if (!typed.every((piece) => typeof piece === 'string' || piece === null)) throw wrong;
    return { text, typed: typed as (string | null)[] };
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const given: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof given === 'object' && given !== null) return given as Record<string, unknown>;
  } catch {
    // Falls through to the one sentence there is to say about damaged text.
  }
  throw new Error('it is cut off or was changed on the way');
}
