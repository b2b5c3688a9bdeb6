import { ATTRIBUTE, DirectoryEntry } from './layout.ts';
import type { EntryCheck } from './fsck-editing.ts';
import { changeEntry, deleteSlots, entryOffset, removeEntry } from './fsck-editing.ts';
import { attributesOf, firstClusterOf, setFirstCluster, setSizeBytes, sizeBytesOf } from './fsck-entries.ts';
import { ROOT } from './fsck-owners.ts';
import { shown } from './fsck-report.ts';

/**
 * The volume label: one entry of the root directory with attribute 08, without clusters, size and long name
 * (FATGEN 1.03, "FAT Directory Structure", DIR_Attr).
 */
export function checkLabel(entry: EntryCheck): void {
  const { pass } = entry.check;
  const add = (kind: string, message: string, question: string, repair: () => void): void =>
    pass.report.add({
      kind,
      severity: 'warning',
      message,
      offsetBytes: entryOffset(entry),
      question,
      repair,
    });
  const text = shown(entry.short.trimEnd());
  const remove = (): void => removeEntry(entry, `remove the label "${text}"`);
  if (entry.check.file !== ROOT) {
    add(
      'label-in-subdirectory',
      `Volume label "${text}" in ${entry.check.path}, not in the root directory`,
      'Remove',
      remove,
    );
    return;
  }
  if (pass.label.text !== null) {
    add('extra-label', `Volume label "${text}" is one too many`, 'Remove', remove);
    return;
  }
  if (!isLegalLabel(entry.short)) {
    add('bad-label', `Volume label "${text}" is not valid`, 'Remove', remove);
    return;
  }
  pass.label.text = entry.short;
  if (entry.firstSlot < entry.slot) {
    add('lfn-label', 'Invalid long filename entry for volume label', 'Remove', () =>
      deleteSlots(entry.check, entry.firstSlot, entry.slot, 'a label has no long name'),
    );
  }
  checkLabelFields(entry, add);
}

function checkLabelFields(
  entry: EntryCheck,
  add: (kind: string, message: string, question: string, repair: () => void) => void,
): void {
  const bytes = entry.bytes;
  const { type } = entry.check.pass.geometry;
  const isPlain =
    (attributesOf(bytes) & (ATTRIBUTE.directory | 0xc0)) === 0 &&
    firstClusterOf(type, bytes) === 0 &&
    sizeBytesOf(bytes) === 0;
  if (isPlain) return;
  add('label-clusters', 'The volume label has clusters, a size or is marked as a directory', 'Correct', () =>
    changeEntry(entry, 'make the label a mere name', (changed) => {
      changed[DirectoryEntry.fields.attributes.at] = ATTRIBUTE.label;
      setFirstCluster(type, changed, 0);
      setSizeBytes(changed, 0);
    }),
  );
}

/** FATGEN 1.03 through fsck.vfat's eyes: no control characters, none of `"*+,./:;<=>?[\]|`, no space in front. */

const ILLEGAL_IN_LABEL = /[\u0000-\u001f"*+,./:;<=>?[\\\]|]|^ /;

const isLegalLabel = (label: string): boolean => !ILLEGAL_IN_LABEL.test(label);
