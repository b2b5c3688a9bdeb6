import { isZero, textOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import {
  FIRST_USER_INODE,
  MODIFIED_BY_MAX,
  MODIFIED_BY_SIZE_BYTES,
  VOLUME_FEATURE,
  VOLUME_FLAG,
  VOLUME_INCOMPATIBLE,
  VOLUME_MAGIC,
  VOLUME_NAME_BYTES,
  VOLUME_ROLE,
  VolumeSuperblock,
} from './layout-volume.ts';
import { hex, u64At } from './fsck-check.ts';
import { DOCUMENT_ID_MIN } from './fsck-fields.ts';
import { shown } from './fsck-report.ts';

/** The superblock of a volume, or a snapshot's copy of it, by itself (apfs.md §5). */
export interface Superblock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly block: number;
  readonly fields: VolumeSuperblock;
  readonly isSnapshot: boolean;
  /** Its catalog may be encrypted. */
  readonly isEncrypted: boolean;
  /** Largest transaction in formatted_by and modified_by. */
  lastXid: number;
}

export type Wrong = (text: string) => void;

const at = (name: Exclude<keyof typeof VolumeSuperblock.fields, symbol>): number =>
  VolumeSuperblock.fields[name].at;

export function checkSuperblock(superblock: Superblock, index: number, xid: number, wrong: Wrong): void {
  const { fields } = superblock;
  if (fields.magic !== VOLUME_MAGIC) wrong(`invalid magic (${hex(fields.magic)})`);
  if (fields.index !== index) wrong(`fs_index (${fields.index}, expected ${index})`);
  checkFeatures(fields, wrong);
  checkFlags(fields, wrong);
  checkCounts(fields, wrong);
  checkMetaCrypto(fields, wrong);
  checkName(superblock, wrong);
  checkModifiers(superblock, xid, wrong);
  checkTrees(superblock, wrong);
}

const sum = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((all, bit) => all + bit, 0);
const hasUnknown = (value: number, known: number): boolean => value >= 2 ** 32 || (value & ~known) !== 0;

function checkFeatures(
  { features, readOnlyCompatibleFeatures, incompatibleFeatures }: VolumeSuperblock,
  wrong: Wrong,
): void {
  if (hasUnknown(features, sum(VOLUME_FEATURE))) wrong(`unknown optional features (${hex(features)})`);
  if ((features & VOLUME_FEATURE.defragmentationPrerelease) !== 0) wrong('prerelease defragmentation is on');
  if (readOnlyCompatibleFeatures !== 0) {
    wrong(`unknown read-only compatible features (${hex(readOnlyCompatibleFeatures)})`);
  }
  if (hasUnknown(incompatibleFeatures, sum(VOLUME_INCOMPATIBLE))) {
    wrong(`unknown incompatible features (${hex(incompatibleFeatures)})`);
  }
  const both = VOLUME_INCOMPATIBLE.caseInsensitive | VOLUME_INCOMPATIBLE.normalizationInsensitive;
  if ((incompatibleFeatures & both) === both) wrong('redundant flag for case sensitivity');
}

function checkFlags({ flags, incompatibleFeatures }: VolumeSuperblock, wrong: Wrong): void {
  if (hasUnknown(flags, sum(VOLUME_FLAG) + UNKNOWN_FLAG)) wrong(`unknown flags (${hex(flags)})`);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(VOLUME_FLAG.unencrypted) && (has(VOLUME_FLAG.effaceable) || has(VOLUME_FLAG.oneKey))) {
    wrong(`inconsistent encryption flags (${hex(flags)})`);
  }
  const hasKeys = (incompatibleFeatures & VOLUME_INCOMPATIBLE.perFileKeys) !== 0;
  if (has(VOLUME_FLAG.perFileKeys) !== hasKeys) wrong('flag and feature of per-file keys differ');
  const isSealed = (incompatibleFeatures & VOLUME_INCOMPATIBLE.sealed) !== 0;
  if (has(VOLUME_FLAG.previouslySealed) && isSealed) wrong('both sealed and previously sealed');
  const hasSecond = (incompatibleFeatures & VOLUME_INCOMPATIBLE.secondaryRoot) !== 0;
  if (hasSecond && !has(VOLUME_FLAG.spilledOver)) wrong('secondary root without spillover');
}

/** Seen on disks of macOS; nobody says what it means. */
const UNKNOWN_FLAG = 0x200;

function checkCounts(fields: VolumeSuperblock, wrong: Wrong): void {
  const { reserveBlocks, quotaBlocks, allocatedBlocks } = fields;
  if (quotaBlocks !== 0 && allocatedBlocks > quotaBlocks) {
    wrong(`exceeded allocation quota (${allocatedBlocks} of ${quotaBlocks} blocks)`);
  }
  if (quotaBlocks !== 0 && reserveBlocks > quotaBlocks) {
    wrong(`reserve (${reserveBlocks}) exceeds quota (${quotaBlocks})`);
  }
  if (fields.nextObjectId < FIRST_USER_INODE) wrong(`invalid next_obj_id (${fields.nextObjectId})`);
  if (fields.nextDocumentId < DOCUMENT_ID_MIN) wrong(`invalid next_doc_id (${fields.nextDocumentId})`);
  if (fields.totalBlocksFreed > fields.totalBlocksAllocated) {
    wrong(`more blocks freed (${fields.totalBlocksFreed}) than allocated (${fields.totalBlocksAllocated})`);
  }
  if (fields.reserved !== 0) wrong('reserved field is in use');
  if (!ROLES.has(fields.role)) wrong(`invalid role (${hex(fields.role)})`);
}

const ROLES: ReadonlySet<number> = new Set(Object.values(VOLUME_ROLE));

function checkMetaCrypto(fields: VolumeSuperblock, wrong: Wrong): void {
  const { cryptoMajorVersion: major, cryptoMinorVersion: minor } = fields;
  const rest =
    fields.cryptoFlags + fields.cryptoClass + fields.cryptoSystemVersion + fields.cryptoKeyRevision;
  if (major + minor + rest + fields.cryptoUnused === 0) return;
  if (major !== 5 || minor !== 0) wrong(`meta_crypto: version ${major}.${minor}, expected 5.0`);
  if (fields.cryptoFlags !== 0) wrong(`meta_crypto: unknown flags (${hex(fields.cryptoFlags)})`);
  if (fields.cryptoUnused !== 0) wrong('meta_crypto: reserved field is in use');
}

function checkName({ bytes }: Superblock, wrong: Wrong): void {
  const nameAt = at('name');
  const end = bytes.subarray(nameAt, nameAt + VOLUME_NAME_BYTES).indexOf(0);
  if (end === 0) wrong('label is missing');
  if (end < 0) wrong('label without NUL at its end');
}

const SOFTWARE_NAME_BYTES = 32;

/** Who made the volume and who changed it, newest first, then nothing. */
function checkModifiers(superblock: Superblock, xid: number, wrong: Wrong): void {
  const { bytes, view } = superblock;
  const formattedAt = at('formattedBy');
  const nameLength = (from: number): number => bytes.subarray(from, from + SOFTWARE_NAME_BYTES).indexOf(0);
  const madeBy = nameLength(formattedAt);
  if (madeBy === 0) wrong('formatted_by: nobody');
  if (madeBy < 0) wrong('formatted_by: name without NUL at its end');
  const firstXid = u64At(view, formattedAt + LAST_XID_AT);
  superblock.lastXid = firstXid;
  let before = xid + 1;
  let isOver = false;
  for (let i = 0; i < MODIFIED_BY_MAX; i++) {
    const from = at('modifiedBy') + i * MODIFIED_BY_SIZE_BYTES;
    const length = nameLength(from);
    if (length < 0) wrong(`modified_by ${i}: name without NUL at its end`);
    if (length === 0) {
      isOver = true;
      if (!isZero(bytes.subarray(from, from + MODIFIED_BY_SIZE_BYTES)))
        wrong(`modified_by ${i}: entry without a name`);
      continue;
    }
    if (isOver) wrong(`modified_by ${i}: stands behind an empty entry`);
    const lastXid = u64At(view, from + LAST_XID_AT);
    if (lastXid >= before) wrong(`modified_by ${i}: not in order (transaction ${lastXid})`);
    before = lastXid;
    superblock.lastXid = Math.max(superblock.lastXid, lastXid);
  }
  if (before <= firstXid) wrong(`formatted_by: transaction ${firstXid} is too recent`);
}

const LAST_XID_AT = 40;

/** '   The volume Macintosh HD was formatted by … and last modified by ….' */
export function formattedBy({ fields }: Superblock): string {
  const [last] = fields.modifiedBy;
  const changed = last === undefined ? '' : ` and last modified by ${shown(last.name)}`;
  return `The volume ${shown(fields.name)} was formatted by ${shown(fields.formattedBy.name)}${changed}.`;
}

function checkTrees({ fields, isSnapshot }: Superblock, wrong: Wrong): void {
  const types = [
    ['root_tree_type', fields.catalogType, TYPE_WORD.virtualRoot],
    ['extentref_tree_type', fields.referencesType, TYPE_WORD.physicalRoot],
    ['snap_meta_tree_type', fields.snapshotTreeType, TYPE_WORD.physicalRoot],
  ] as const;
  for (const [name, found, right] of types) {
    if (found !== right) wrong(`${name} (${hex(found)}, expected ${hex(right)})`);
  }
  const isSealed = (fields.incompatibleFeatures & VOLUME_INCOMPATIBLE.sealed) !== 0;
  if (isSealed) checkSeal(fields, wrong);
  else if (fields.fileExtentTreeBlock !== 0 || fields.integrityOid !== 0)
    wrong('parts of a seal, but it is not sealed');
  for (const [name, type] of [
    ['fext_tree_type', fields.fileExtentTreeType],
    ['reserved_type', fields.reservedType],
  ] as const) {
    if (type !== 0 && type !== TYPE_WORD.physicalRoot) wrong(`${name} (${hex(type)})`);
  }
  if (fields.reservedOid !== 0) wrong('reserved_oid is in use');
  const isGroup = (fields.features & VOLUME_FEATURE.volumeGroupSystemInodes) !== 0;
  if (!isGroup && !isZero(fields.volumeGroupUuid)) wrong('volume group without its feature');
  if (isGroup && fields.role !== VOLUME_ROLE.data && fields.role !== VOLUME_ROLE.system) {
    wrong('in a volume group, but neither its data nor its system volume');
  }
  if (fields.documentIndexFlags > DOCUMENT_FLAGS_MAX)
    wrong(`doc_id_index_flags (${hex(fields.documentIndexFlags)})`);
  if (!isSnapshot) return;
  if (fields.omapBlock !== 0) wrong('copy of a snapshot has an object map');
  if (fields.referencesBlock !== 0) wrong('copy of a snapshot has an extent ref tree');
  if (fields.snapshotTreeBlock !== 0) wrong('copy of a snapshot has a snapshot metadata tree');
}

const DOCUMENT_FLAGS_MAX = 0x1f;

function checkSeal(fields: VolumeSuperblock, wrong: Wrong): void {
  if (fields.role !== VOLUME_ROLE.none && fields.role !== VOLUME_ROLE.system)
    wrong(`sealed with role ${hex(fields.role)}`);
  if (fields.fileExtentTreeType !== TYPE_WORD.physicalRoot) wrong('sealed, wrong fext_tree_type');
  if (fields.fileExtentTreeBlock === 0) wrong('sealed, but without file extent tree');
  if (fields.integrityOid === 0) wrong('sealed, but without integrity metadata');
}

/** From which inode on WAS_EVER_CLONED can be trusted (apfs.md §7.4). */
export function cloneFlagsFrom({ fields, lastXid }: Superblock): number {
  if (fields.cloneInfoXid === 0 || fields.cloneInfoXid !== lastXid) return Infinity;
  return fields.cloneInfoIdEpoch;
}

export function openSuperblock(bytes: Uint8Array, block: number, isSnapshot: boolean): Superblock {
  const fields = VolumeSuperblock.peek(bytes);
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, BLOCK_SIZE_BYTES),
    block,
    fields,
    isSnapshot,
    isEncrypted: (fields.flags & VOLUME_FLAG.unencrypted) === 0,
    lastXid: 0,
  };
}

export const nameOfVolume = ({ bytes }: Superblock): string => {
  const name = bytes.subarray(at('name'), at('name') + VOLUME_NAME_BYTES);
  const end = name.indexOf(0);
  return shown(textOf(end < 0 ? name : name.subarray(0, end)));
};
