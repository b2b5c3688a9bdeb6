import { TYPE_WORD } from './layout.ts';
import { VOLUME_FEATURE, VOLUME_FLAG } from './layout-volume.ts';
import type { Check, VolumePlace } from './fsck-check.ts';
import { tellCounter } from './fsck-counters.ts';
import { checkExtras } from './fsck-extras.ts';
import { checkSuperblock, formattedBy, nameOfVolume, openSuperblock } from './fsck-header.ts';
import type { Superblock } from './fsck-header.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import { readObject } from './fsck-object.ts';
import { ObjectMap } from './fsck-omap.ts';
import { SnapshotReader } from './fsck-snapshots.ts';
import type { Snapshot } from './fsck-snapshots.ts';
import { checkState, VolumePass } from './fsck-state.ts';
import { readTree } from './fsck-tree.ts';

/**
 * One volume, in fsck_apfs's order: its superblock, its object map, its snapshots from the oldest on, each with its
 * catalog and its extent references, the live state, and last what only all states together can tell: that no version
 * of an object is leaked, how many blocks there are. Every block of the volume is marked on the way.
 */
export function checkVolume(check: Check, place: VolumePlace): void {
  const { report } = check;
  const { index } = place;
  const errors = report.errors;
  const line = report.lines.length;
  report.phase(`Checking volume ${index}.`);
  report.phase('Checking the APFS volume superblock.');
  const superblock = readSuperblock(check, place);
  if (!superblock) {
    check.isUsageUnknown = true;
    report.phase(`The volume ${index} could not be verified completely.`);
    return;
  }
  const name = nameOfVolume(superblock);
  report.lines[line] = `** Checking volume ${index} (${name}).`;
  report.line(formattedBy(superblock));
  checkContents(check, place, superblock);
  report.phase(
    `The volume ${name} ${report.errors > errors ? 'was found to be corrupt and needs to be repaired' : 'appears to be OK'}.`,
  );
}

function readSuperblock(check: Check, { index, oid, block, xid }: VolumePlace): Superblock | null {
  if (!check.mark(block, 1, 'superblock of volume', index)) return null;
  const name = `volume ${index} apfs`;
  const bytes = readObject(check, block, { name, oid, type: TYPE_WORD.volume, subtype: 0, xid });
  if (!bytes) return null;
  const superblock = openSuperblock(bytes, block, false);
  const wrong = (text: string): void => check.error('volume', `volume ${index} superblock: ${text}`, block);
  checkSuperblock(superblock, index, check.xid, wrong);
  for (const text of unsupported(superblock)) check.warning('unsupported', `volume ${index}: ${text}`, block);
  return superblock;
}

/** What this checker knows of but does not follow. */
function unsupported({ fields }: Superblock): string[] {
  const found: string[] = [];
  if (fields.revertToXid !== 0 || fields.revertToBlock !== 0)
    found.push('a return to a snapshot is asked for');
  if (fields.rootToXid !== 0) found.push(`its root is the snapshot of transaction ${fields.rootToXid}`);
  if (fields.encryptionRollingOid !== 0) found.push('its encryption is being changed');
  if ((fields.features & VOLUME_FEATURE.hardLinkMapRecords) === 0) found.push('it has no sibling maps');
  if ((fields.flags & (VOLUME_FLAG.spilledOver | VOLUME_FLAG.runSpilloverCleaner)) !== 0) {
    found.push('it spilled over to the second device of a Fusion drive');
  }
  return found;
}

function checkContents(check: Check, { index }: VolumePlace, superblock: Superblock): void {
  const { report } = check;
  const { fields, isEncrypted } = superblock;
  report.phase('Checking the object map.');
  const omap = ObjectMap.read(check, { block: fields.omapBlock, volume: index, isEncrypted });
  if (!omap) return;
  const pass = new VolumePass(check, index, omap);
  if (omap.isBroken) loseMap(pass);
  const snapshots = readSnapshots(pass, superblock);
  for (const [i, snapshot] of snapshots.entries()) {
    report.phase(`Checking snapshot ${i + 1} of ${snapshots.length} (${snapshot.name})`);
    checkSnapshot(pass, snapshot, i);
  }
  checkState(
    pass,
    { superblock, xid: check.xid, referencesBlock: fields.referencesBlock, owner: pass.owner },
    () => report.phase('Checking the fsroot tree.'),
    () => report.phase('Checking the extent ref tree.'),
  );
  checkExtras(pass, superblock, check.xid);
  report.phase('Verifying volume object map space.');
  if (pass.isLocked) {
    check.warning(
      'encrypted',
      `volume ${index}: its catalog is encrypted and was not checked`,
      superblock.block,
    );
    omap.useAll();
  } else omap.finish(pass.isBroken);
  checkTotals(pass, superblock, snapshots.length);
}

function loseMap(pass: VolumePass): void {
  pass.isBroken = true;
  pass.check.isUsageUnknown = true;
}

function readSnapshots(pass: VolumePass, superblock: Superblock): readonly Snapshot[] {
  const { check, omap, owner } = pass;
  check.report.phase('Checking the snapshot metadata tree.');
  const reader = new SnapshotReader(check, owner);
  const source = {
    kind: TREE_KINDS.snapshotMetadata,
    root: superblock.fields.snapshotTreeBlock,
    resolve: pass.nodes,
    owner: `${owner} `,
  };
  const tree = readTree(check, source, (record) => reader.visit(record));
  pass.ownBlocks += tree.nodeCount;
  if (tree.isBroken) loseMap(pass);
  else {
    check.report.phase('Checking the snapshot metadata.');
    reader.compare(
      omap.snapshots.map(({ xid }) => xid),
      superblock.fields.omapBlock,
    );
  }
  for (const { inode, name, block } of reader.snapshots) {
    if (pass.snapshotInodes.has(inode)) {
      check.error(
        'snapshot',
        `${owner}: snapshot ${name}: inode number ${inode} is another snapshot's too`,
        block,
      );
    }
    pass.snapshotInodes.set(inode, name);
  }
  return reader.snapshots;
}

/** `older` snapshots are still there. */
function checkSnapshot(pass: VolumePass, snapshot: Snapshot, older: number): void {
  const { check, index } = pass;
  const { xid, name, superblockBlock: block } = snapshot;
  const owner = `volume ${index}, snapshot ${name}`;
  const isMarked = check.mark(block, 1, 'superblock of a snapshot of volume', index);
  const expected = {
    name: `${owner} apfs`,
    oid: block,
    type: TYPE_WORD.volumeOfSnapshot,
    subtype: 0,
    xidMax: xid,
  };
  const bytes = isMarked ? readObject(check, block, expected) : null;
  if (!bytes) {
    loseMap(pass);
    return;
  }
  const superblock = openSuperblock(bytes, block, true);
  const wrong = (text: string): void => check.error('snapshot', `${owner}: superblock: ${text}`, block);
  checkSuperblock(superblock, index, xid, wrong);
  if (superblock.fields.snapshotCount < older) {
    wrong(`apfs_num_snapshots (${superblock.fields.snapshotCount}), but ${older} older ones are there`);
  }
  const quiet = (): void => undefined;
  checkState(pass, { superblock, xid, referencesBlock: snapshot.referencesBlock, owner }, quiet, quiet);
  checkExtras(pass, superblock, xid);
}

/** What only all states together tell. */
function checkTotals(pass: VolumePass, superblock: Superblock, snapshotCount: number): void {
  const { check, omap } = pass;
  if (pass.isBroken) return;
  const { fields } = superblock;
  if (fields.snapshotCount !== snapshotCount) tellCounter(check, superblock, 'snapshotCount', snapshotCount);
  const blocks = omap.ownBlocks + omap.objectBlocks + pass.ownBlocks;
  if (fields.allocatedBlocks !== blocks) {
    tellCounter(check, superblock, 'allocatedBlocks', blocks, 'allocation-count');
  }
}
