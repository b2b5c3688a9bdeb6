import { marksOf } from './layout.ts';
import type { Geometry } from './layout.ts';
import { count } from './fsck-report.ts';
import type { Report } from './fsck-report.ts';
import { PAGE_ENTRIES, entryByteOffset } from './fsck-table.ts';
import type { FatTable } from './fsck-table.ts';

/** The FAT as a table: its copies against each other, its first two entries, bits that mean nothing. */

/**
 * Why the boot sector cannot be right about this volume, or null. A wrong size of the FAT, say, passes every check of
 * the boot sector itself; "repairing" on its word would destroy the volume. So where the FATs are not what FATs look
 * like *and* no entries are where the root directory must be, nothing is touched.
 */
export function doubtOf(tables: readonly FatTable[], hasRoot: boolean): string | null {
  const [first, second] = tables;
  if (!first || hasRoot) return null;
  if (!tables.some(beginsWell)) return 'no FAT begins where it must';
  if (second && differences(first, second).length > DOUBTFUL_DIFFERENCES)
    return 'the FATs have little in common';
  return null;
}

/** A power cut leaves a few sectors of difference; one sector of FAT12 has the most entries, 341. */
const DOUBTFUL_DIFFERENCES = 1500;

/**
 * Choose the copy to believe and hold the others against it. The first one counts, unless only another begins as a FAT
 * does, or the boot sector names another as the active one.
 */
export function checkCopies(
  report: Report,
  geometry: Geometry,
  tables: readonly FatTable[],
  active: number,
): FatTable {
  const first = tables[active] ?? tables[0];
  if (!first) throw new RangeError('a volume has at least one FAT');
  const chosen = beginsWell(first) ? first : (tables.find(beginsWell) ?? first);
  for (const other of tables) {
    if (other === chosen) continue;
    const differing = differences(chosen, other);
    if (differing.length === 0) continue;
    const listed = differing.slice(0, 5).map((at) => `${at}: ${chosen.get(at)}/${other.get(at)}`);
    const copies = `FAT ${chosen.copy + 1} and FAT ${other.copy + 1} differ`;
    report.add({
      kind: 'fats-differ',
      severity: 'error',
      message:
        `${copies} in ${count(differing.length, 'entry')} (${listed.join(', ')}` +
        `${differing.length > listed.length ? ', …' : ''}); using FAT ${chosen.copy + 1}`,
      offsetBytes: entryByteOffset(geometry, differing[0] ?? 0, other.copy),
      question: 'Fix',
      repair: () => {
        for (const at of differing)
          chosen.set(at, chosen.raw(at), `copy entry ${at} of FAT ${chosen.copy + 1}`);
      },
    });
  }
  return chosen;
}

/** The bits above the media byte of entry 0 are set; fsck.vfat calls such a FAT intact. */
function beginsWell(table: FatTable): boolean {
  const upper = table.marks.mask & 0x0fff_ff00;
  return (table.get(0) & upper) === upper;
}

/** Numbers of the entries in which two copies differ, reserved bits and all. Only stored pages are looked at. */
function differences(a: FatTable, b: FatTable): number[] {
  const found: number[] = [];
  const numbers = [...new Set([...a.pageNumbers(), ...b.pageNumbers()])].sort((x, y) => x - y);
  for (const number of numbers) {
    const pageA = a.page(number);
    const pageB = b.page(number);
    for (let i = 0; i < PAGE_ENTRIES; i++) {
      if ((pageA?.[i] ?? 0) !== (pageB?.[i] ?? 0)) found.push(number * PAGE_ENTRIES + i);
    }
  }
  return found;
}

/** Entry 0 repeats the media byte, entry 1 is an end mark whose two upper bits are flags. */
export function checkFirstEntries(report: Report, geometry: Geometry, table: FatTable, media: number): void {
  const { mask, endOfChainMin, cleanBit, noErrorBit } = marksOf(geometry.type);
  const wanted = ((mask & 0x0fff_ff00) | media) >>> 0;
  const found = table.get(0);
  if (found !== wanted) {
    report.add({
      kind: 'fat0',
      severity: 'warning',
      message: `FAT[0] is incorrect (is 0x${found.toString(16).toUpperCase()}; should be 0x${wanted.toString(16).toUpperCase()})`,
      offsetBytes: entryByteOffset(geometry, 0),
      question: 'Correct',
      repair: () => table.set(0, wanted, 'repeat the media byte in entry 0'),
    });
  }
  const flags = cleanBit | noErrorBit;
  const second = table.get(1);
  if ((second | flags) < endOfChainMin) {
    report.add({
      kind: 'fat1',
      severity: 'warning',
      message: 'FAT[1] is incorrect',
      offsetBytes: entryByteOffset(geometry, 1),
      question: 'Correct',
      repair: () => table.set(1, (second | (mask & ~flags)) >>> 0, 'make entry 1 an end mark'),
    });
  }
}

/** The upper four bits of FAT32 entries belong to nobody; newfs clears them and drivers leave them alone. */
export function checkUpperBits(report: Report, geometry: Geometry, table: FatTable): void {
  if (geometry.type !== 32) return;
  const found: number[] = [];
  for (const [first, entries] of table.pages()) {
    for (let i = first === 0 ? 2 : 0; i < entries.length; i++) {
      if ((entries[i] ?? 0) > 0x0fff_ffff) found.push(first + i);
    }
  }
  const [first] = found;
  if (first === undefined) return;
  report.add({
    kind: 'reserved-bits',
    severity: 'warning',
    message: `${found.length} entries of the FAT have reserved upper bits set, the first for cluster ${first}`,
    offsetBytes: entryByteOffset(geometry, first),
    question: 'Clear',
    repair: () => {
      for (const at of found) table.set(at, table.get(at), `clear the reserved bits of entry ${at}`);
    },
  });
}

export interface CleanMarks {
  readonly isClean: boolean;
  readonly isWithoutError: boolean;
}

/** FATGEN 1.03, "FAT[1]": a set bit is the good case. FAT12 has no such bits and is always clean. */
export function isMarkedClean(table: FatTable): CleanMarks {
  const { cleanBit, noErrorBit } = table.marks;
  const second = table.get(1);
  return {
    isClean: (second & cleanBit) === cleanBit,
    isWithoutError: (second & noErrorBit) === noErrorBit,
  };
}

export function markClean(table: FatTable): void {
  const { cleanBit, noErrorBit } = table.marks;
  const second = table.get(1);
  const clean = (second | cleanBit | noErrorBit) >>> 0;
  if (clean !== second) table.set(1, clean, 'say that the volume is clean');
}
