import { FsError } from '../../base/errno.ts';
import { ROLE_NAMES } from './layout-volume.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { checkVolumeName } from './new-volume.ts';

/** What `newfs -o key=value` may say for this format, checked and turned into numbers. */
export interface Settings {
  readonly volumes: readonly VolumeSettings[];
  /** 'versioned': as macOS writes it, 'plain': as mkapfs does. */
  readonly isVersioned: boolean;
  /** Make the free queues' trees at once, empty; otherwise they appear with the first freed block. */
  readonly makesQueues: boolean;
}

export interface VolumeSettings {
  readonly name: string;
  readonly isCaseSensitive: boolean;
  /** Number of the role, 0 none. */
  readonly role: number;
  /** 0: none. */
  readonly quotaBlocks: number;
  readonly reserveBlocks: number;
}

const KEYS = [
  'case-sensitive',
  'volumes',
  'role',
  'quota',
  'reserve',
  'space-manager',
  'free-queues',
] as const;
const VOLUME_KEYS = ['case-sensitive', 'role', 'quota', 'reserve'] as const;
const DEFAULT_LABEL = 'Untitled';

const invalid = (detail: string): FsError => new FsError('EINVAL', '', '', detail);

/**
 * `label` names the first volume; `volumes` lists more, or all of them when the label is empty:
 * 'Work,Home:quota=1g:reserve=256m:role=data:case-sensitive'. What is said of no volume there counts for each of them.
 * FsError EINVAL with a sentence for what is unknown or impossible.
 */
export function readSettings(given: Readonly<Record<string, string>>, label: string): Settings {
  for (const key of Object.keys(given)) {
    if ((KEYS as readonly string[]).includes(key)) continue;
    throw invalid(`APFS has no setting '${key}'; settings are ${KEYS.join(', ')}`);
  }
  const common: Record<string, string> = {};
  for (const key of VOLUME_KEYS) if (given[key] !== undefined) common[key] = given[key];
  const listed = given['volumes'] ?? '';
  const volumes = listed === '' ? [] : listed.split(',').map((text) => volumeOf(text, common));
  const first = label === '' && volumes.length > 0 ? [] : [volumeOf(null, common, label || DEFAULT_LABEL)];
  return {
    volumes: [...first, ...volumes],
    isVersioned: choice('space-manager', given['space-manager'], 'versioned', 'plain'),
    makesQueues: choice('free-queues', given['free-queues'], 'made', 'lazy'),
  };
}

/** Is it the first of the two, which is also the default? */
function choice(key: string, value: string | undefined, first: string, second: string): boolean {
  if (value === undefined || value === first) return true;
  if (value === second) return false;
  throw invalid(`'${value}' is no ${key}: choose ${first} or ${second}`);
}

function volumeOf(text: string | null, common: Readonly<Record<string, string>>, label = ''): VolumeSettings {
  const [listedName = '', ...parts] = text === null ? [label] : text.split(':');
  const name = text === null ? label : listedName;
  const own: Record<string, string> = { ...common };
  for (const part of parts) {
    const [key = '', ...value] = part.split('=');
    if (!(VOLUME_KEYS as readonly string[]).includes(key)) {
      throw invalid(`a volume has no setting '${key}'; settings are ${VOLUME_KEYS.join(', ')}`);
    }
    own[key] = value.join('=');
  }
  checkVolumeName(name);
  const quotaBlocks = blocksOf('quota', own['quota']);
  const reserveBlocks = blocksOf('reserve', own['reserve']);
  checkLimits(name, quotaBlocks, reserveBlocks);
  return {
    name,
    quotaBlocks,
    reserveBlocks,
    isCaseSensitive: isCaseSensitive(own['case-sensitive']),
    role: roleOf(own['role'] ?? ''),
  };
}

/** Blocks a volume cannot do without: its trees, and room to change them. */
const QUOTA_BLOCKS_MIN = 64;

/** FsError EINVAL with a sentence when these cannot be a volume's quota and reserve, in blocks, 0 for none. */
export function checkLimits(name: string, quotaBlocks: number, reserveBlocks: number): void {
  if (quotaBlocks !== 0 && quotaBlocks < QUOTA_BLOCKS_MIN) {
    const least = (QUOTA_BLOCKS_MIN * BLOCK_SIZE_BYTES) / 1024;
    throw invalid(`a quota below ${least}k leaves no room to work in; give '${name}' more, or none`);
  }
  if (quotaBlocks !== 0 && reserveBlocks > quotaBlocks) {
    throw invalid(`'${name}' cannot reserve more than its quota lets it use`);
  }
}

function isCaseSensitive(value: string | undefined): boolean {
  if (value === undefined || value === 'no') return false;
  if (value === '' || value === 'yes') return true;
  throw invalid(`'${value}' is no answer to case-sensitive: say yes or no`);
}

/** Number of a role by its name, whatever its case; '' is none. EINVAL. */
export function roleOf(name: string): number {
  for (const [role, known] of Object.entries(ROLE_NAMES)) {
    if (known.toLowerCase() === name.toLowerCase()) return Number(role);
  }
  const names = Object.values(ROLE_NAMES).filter((known) => known !== '');
  throw invalid(`'${name}' is no role of a volume: choose ${names.join(', ')}`);
}

function blocksOf(key: string, value: string | undefined): number {
  if (value === undefined || value === '0' || value === '') return 0;
  const [, digits, unit = ''] = /^(\d{1,15})([kmgt]?)b?$/i.exec(value) ?? [];
  if (digits === undefined) throw invalid(`'${value}' is no ${key}: give a size such as 512m or 2g`);
  const power = 'kmgt'.indexOf(unit.toLowerCase() || '-') + 1;
  return Math.ceil((Number(digits) * 1024 ** power) / BLOCK_SIZE_BYTES);
}
