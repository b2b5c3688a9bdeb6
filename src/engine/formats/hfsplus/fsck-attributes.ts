import { CNID } from './layout.ts';
import { ATTRIBUTE_RECORD, AttributeInline, RECORD_FLAG } from './layout-catalog.ts';
import { FLAGS, ID, objectOffset, pathOf, setFlags } from './fsck-catalog.ts';
import { CLAIM } from './fsck-claims.ts';
import { eachExtent } from './fsck-forks.ts';
import { ATTRIBUTE_KEY, unitsAt } from './fsck-keys.ts';
import { patchSlot } from './fsck-pass.ts';
import type { Pass } from './fsck-pass.ts';
import { bytesOf32, bytesOf64 } from './fsck-bits.ts';
import { shown } from './fsck-report.ts';
import type { LeafRecord } from './fsck-walk.ts';

/** Extended attributes: records by themselves, values in blocks, and the flags of the items that have some. */

const SECURITY = 'com.apple.system.Security';

export class Attributes {
  /** By catalog node id: RECORD_FLAG.hasAttributes, with hasSecurity where there is an access control list. */
  readonly flags = new Map<number, number>();
  open: OpenValue | null = null;
}

/** A value whose overflow records may still follow. */
interface OpenValue {
  readonly file: number;
  readonly name: string;
  readonly slotAt: number;
  readonly stated: number;
  readonly sizeBytes: number;
  blocks: number;
  extents: number;
}

export function visitAttribute(pass: Pass, state: Attributes, record: LeafRecord): void {
  const { view, keyAt, dataAt, endAt } = record;
  const type = view.getUint32(dataAt);
  const file = view.getUint32(keyAt + ATTRIBUTE_KEY.file);
  const startBlock = view.getUint32(keyAt + ATTRIBUTE_KEY.startBlock);
  const name = unitsAt(view, keyAt + ATTRIBUTE_KEY.name, view.getUint16(keyAt + ATTRIBUTE_KEY.nameUnits));
  const length = endAt - dataAt;
  if (type === ATTRIBUTE_RECORD.extents) {
    const fault =
      length < 72 ? `${length} bytes` : continueValue(pass, state, record, file, name, startBlock);
    if (fault !== null) removeRecord(pass, record, file, name, fault);
    return;
  }
  closeValue(pass, state);
  const fault =
    faultOf(type, startBlock, length, view, dataAt) ??
    (pass.catalog.byId.has(file) ? null : 'no such file or folder');
  if (fault !== null) {
    removeRecord(pass, record, file, name, fault);
    return;
  }
  const security = name === SECURITY ? RECORD_FLAG.hasSecurity : 0;
  state.flags.set(file, (state.flags.get(file) ?? 0) | RECORD_FLAG.hasAttributes | security);
  if (type === ATTRIBUTE_RECORD.fork) openValue(pass, state, record, file, name);
}

function faultOf(
  type: number,
  startBlock: number,
  length: number,
  view: DataView,
  at: number,
): string | null {
  if (type !== ATTRIBUTE_RECORD.inline && type !== ATTRIBUTE_RECORD.fork)
    return `type 0x${type.toString(16)}`;
  if (startBlock !== 0) return `a value that begins at block ${startBlock}`;
  if (type === ATTRIBUTE_RECORD.fork) return length < 88 ? `${length} bytes` : null;
  if (length < AttributeInline.sizeBytes) return `${length} bytes`;
  const size = view.getUint32(at + AttributeInline.fields.sizeBytes.at);
  return AttributeInline.sizeBytes + size > length
    ? `a value of ${size} bytes in a record of ${length}`
    : null;
}

const wordsOf = (file: number, name: string): string => `attribute ${shown(name)} of file ${file}`;

function removeRecord(pass: Pass, record: LeafRecord, file: number, name: string, why: string): void {
  const tree = pass.trees.attributes;
  if (!tree) return;
  const { node, keyAt } = record;
  pass.report.add({
    kind: 'attribute-record',
    severity: 'error',
    message: 'Invalid attribute record',
    detail: `${wordsOf(file, name)}: ${why}`,
    place: [CNID.attributesFile, node],
    offsetBytes: tree.deviceOffset(node, keyAt),
    repair: () => tree.remove(node, keyAt),
  });
}

function openValue(pass: Pass, state: Attributes, record: LeafRecord, file: number, name: string): void {
  const tree = pass.trees.attributes;
  if (!tree) return;
  const { view, dataAt, node } = record;
  const forkAt = dataAt + 8;
  const slotAt = node * tree.nodeSizeBytes + forkAt;
  const value: OpenValue = {
    file,
    name,
    slotAt,
    stated: view.getUint32(forkAt + 12),
    sizeBytes: view.getUint32(forkAt) * 2 ** 32 + view.getUint32(forkAt + 4),
    blocks: 0,
    extents: 0,
  };
  state.open = value;
  claimExtents(pass, value, view, forkAt + 16, slotAt + 16);
}

/** Null, or why the record cannot be what it says. */
function continueValue(
  pass: Pass,
  state: Attributes,
  record: LeafRecord,
  file: number,
  name: string,
  startBlock: number,
): string | null {
  const { open } = state;
  const tree = pass.trees.attributes;
  if (!tree || open?.file !== file || open.name !== name) return 'it continues no value';
  if (startBlock !== open.blocks || open.extents % 8 !== 0)
    return `it begins at block ${startBlock} instead of ${open.blocks}`;
  const { view, dataAt, node } = record;
  claimExtents(pass, open, view, dataAt + 8, node * tree.nodeSizeBytes + dataAt + 8);
  return null;
}

function claimExtents(pass: Pass, value: OpenValue, view: DataView, at: number, slotAt: number): void {
  const { geometry, claims, report, trees } = pass;
  const fault = eachExtent(view, at, geometry.totalBlocks, (start, count, slot) => {
    claims.add(start, count, value.file, CLAIM.attribute, CNID.attributesFile, slotAt + slot - at);
    value.blocks += count;
    value.extents++;
  });
  if (!fault) return;
  const from = slotAt + fault.index * 8;
  report.add({
    kind: 'extent',
    severity: 'error',
    message: 'Invalid extent entry',
    detail: `${wordsOf(value.file, value.name)}: ${fault.text}`,
    place: [CNID.attributesFile, 0],
    offsetBytes: trees.attributes?.file.deviceOffset(from) ?? 0,
    repair: () =>
      patchSlot(
        pass,
        CNID.attributesFile,
        from,
        new Uint8Array(64 - fault.index * 8),
        'remove extents that cannot be',
      ),
  });
}

/** All records of a value have been seen. */
export function closeValue(pass: Pass, state: Attributes): void {
  const { open } = state;
  state.open = null;
  if (!open) return;
  const { file, name, blocks, stated, sizeBytes, slotAt } = open;
  const room = blocks * pass.geometry.blockSizeBytes;
  const patch = (at: number, bytes: Uint8Array, reason: string): void =>
    patchSlot(pass, CNID.attributesFile, slotAt + at, bytes, reason);
  const what = `for attribute ${shown(name)} of file ${shown(pathOf(pass, file))}`;
  const offsetBytes = pass.trees.attributes?.file.deviceOffset(slotAt) ?? 0;
  if (stated !== blocks) {
    pass.report.add({
      kind: 'block-count',
      severity: 'error',
      message: `Incorrect block count ${what}`,
      shouldBe: [blocks, stated],
      offsetBytes,
      repair: () => patch(12, bytesOf32(blocks), 'count the blocks of the value'),
    });
  }
  if (sizeBytes > room) {
    pass.report.add({
      kind: 'size',
      severity: 'error',
      message: `Incorrect size ${what}`,
      shouldBe: [room, sizeBytes],
      offsetBytes,
      repair: () => patch(0, bytesOf64(room), 'the size fits the blocks'),
    });
  }
}

/** The flags of every item against the attributes it has. */
export function checkAttributeFlags(pass: Pass, state: Attributes): void {
  const { objects } = pass.catalog;
  const both = RECORD_FLAG.hasAttributes | RECORD_FLAG.hasSecurity;
  for (let row = 0; row < objects.length; row++) {
    const flags = objects.get(row, FLAGS);
    const right = state.flags.get(objects.get(row, ID)) ?? 0;
    if ((flags & both) === right) continue;
    const isList = (flags & RECORD_FLAG.hasAttributes) === (right & RECORD_FLAG.hasAttributes);
    pass.report.add({
      kind: 'attribute-flags',
      severity: 'error',
      message: isList
        ? 'Incorrect number of Access Control Lists'
        : 'Incorrect number of extended attributes',
      detail: `the flags of ${pathOf(pass, objects.get(row, ID))} say otherwise`,
      shouldBe: [(flags & ~both) | right, flags],
      offsetBytes: objectOffset(pass, row),
      repair: () => setFlags(pass, row, (flags & ~both) | right),
    });
  }
}
