import { expect } from 'vitest';
import { FAT32 } from './fat32-cases-tables.ts';
import type { Case } from './fat32-cases-tables.ts';
import type { Patient } from './patient.ts';
import { LONG_NAME } from './volumes.ts';

/** Damage to names and directories, one at a time. */
export const NAMES: Case[] = [
  {
    kind: 'lfn-checksum',
    what: 'a long name with the checksum of another',
    spoil: (p) => spoilParts(p, 13, 0x77),
  },
  {
    kind: 'lfn-order',
    what: 'parts of a long name out of order',
    spoil: (p) => p.put(p.find(LONG_NAME).parts[1] ?? 0, [1]),
    says: /Invalid long filename entry for .* part 1 where part 4 must be/,
  },
  {
    kind: 'lfn-order',
    what: 'one part of a long name with the checksum of another name',
    spoil: (p) => p.put((p.find(LONG_NAME).parts[2] ?? 0) + 13, [0x77]),
    says: /part 3 carries another checksum/,
  },
  {
    kind: 'lfn-order',
    what: 'a long name without its first part',
    spoil: (p) => p.put(p.find(LONG_NAME).parts[0] ?? 0, [0xe5]),
  },
  {
    kind: 'lfn-orphan',
    what: 'parts of a long name behind the last entry',
    spoil: (p) => {
      const parts = p.find(LONG_NAME).parts;
      p.freeSlots('', parts.length).forEach((offset, i) => p.put(offset, p.bytes(parts[i] ?? 0, 32)));
    },
    says: /Invalid long filename entry at end of directory \//,
  },
  {
    kind: 'lfn-orphan',
    what: 'a long name whose entry is deleted',
    spoil: (p) => {
      const { offset, firstCluster } = p.find(LONG_NAME);
      for (const cluster of p.chain(firstCluster)) p.setFat(cluster, 0);
      p.put(offset, [0xe5]);
    },
  },
  {
    kind: 'lfn-field',
    what: 'a cluster number in a part of a long name',
    spoil: (p) => spoilParts(p, 26, 9),
  },
  { kind: 'lfn-field', what: 'a type in a part of a long name', spoil: (p) => spoilParts(p, 12, 1) },
  {
    kind: 'lfn-field',
    what: 'a reserved attribute of a part of a long name',
    spoil: (p) => spoilParts(p, 11, 0x4f),
  },
  {
    kind: 'bad-long-name',
    what: 'a colon in a long name',
    spoil: (p) => p.put((p.find(LONG_NAME).parts.at(-1) ?? 0) + 3, [0x3a]),
    says: /it has a forbidden character/,
  },
  {
    kind: 'bad-short-name',
    what: 'a star in a short name',
    spoil: (p) => p.put(p.find('notes.txt').offset + 2, [0x2a]),
  },
  {
    kind: 'bad-short-name',
    what: 'an escape sequence in a short name, shown escaped',
    spoil: (p) => p.put(p.find('notes.txt').offset + 1, [0x1b, 0x5b]),
    says: /\\u001b\[/,
  },
  {
    kind: 'bad-short-name',
    what: 'a short name in lower case',
    spoil: (p) => p.put(p.find('notes.txt').offset, [0x6e]),
  },
  {
    kind: 'bad-short-name',
    what: 'a short name that begins with a space',
    spoil: (p) => p.put(p.find('notes.txt').offset, [0x20]),
  },
  {
    kind: 'duplicate-name',
    what: 'two files with one short name',
    spoil: (p) => void p.addEntry('', 'NOTES   TXT', 0x20),
    says: /Duplicate directory entry \(NOTES\.TXT\)/,
  },
  {
    kind: 'duplicate-name',
    what: 'two files with one long name',
    spoil: (p) => copyWithShortName(p, LONG_NAME, 'OTHER   TXT'),
    says: /Duplicate directory entry \/A file/,
  },
  {
    kind: 'attributes',
    what: 'attribute bits without meaning',
    spoil: (p) => p.put(p.find('notes.txt').offset + 11, [0xa0]),
  },
  {
    kind: 'bad-date',
    what: 'the 31st of a 15th month',
    spoil: (p) => p.putU16(p.find('notes.txt').offset + 24, 0xffff),
    says: /\/notes\.txt: no calendar has its modification date/,
  },
  { kind: 'bad-date', what: 'an hour 31', spoil: (p) => p.putU16(p.find('notes.txt').offset + 22, 0xffff) },
  {
    kind: 'bad-date',
    what: 'a creation time beyond two seconds',
    spoil: (p) => p.put(p.find('notes.txt').offset + 13, [250]),
  },
  {
    kind: 'bad-date',
    what: 'a 30th of February',
    spoil: (p) => p.putU16(p.find('notes.txt').offset + 18, (46 << 9) | (2 << 5) | 30),
  },
];

export const DIRECTORIES: Case[] = [
  {
    kind: 'directory-size',
    what: 'a directory with a size',
    spoil: (p) => p.setSize('photos', 512),
    says: /Directory \/photos has size != 0/,
  },
  {
    kind: 'dot-entry',
    what: 'a "." that names another cluster',
    spoil: (p) => p.putU16((p.slots('photos')[0] ?? 0) + 26, 99),
  },
  {
    kind: 'dot-entry',
    what: 'a "." that is a file',
    spoil: (p) => p.put((p.slots('photos')[0] ?? 0) + 11, [0x20]),
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." that names another directory',
    spoil: (p) => p.putU16((p.slots('photos')[1] ?? 0) + 26, p.find('many').firstCluster),
    says: /`\.\.' entry in \/photos has non-zero start cluster/,
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." of a deeper directory that names another one',
    spoil: (p) =>
      p.putU16((p.slots('photos/summer holidays 2026')[1] ?? 0) + 26, p.find('many').firstCluster),
    says: /`\.\.' entry in \/photos\/summer holidays 2026 has incorrect start cluster \(\d+, not \d+\)/,
  },
  {
    kind: 'dotdot-entry',
    what: 'a ".." that names the root directory by its number',
    spoil: (p) => p.putU16((p.slots('photos')[1] ?? 0) + 26, p.geometry.rootCluster),
    says: /has non-zero start cluster \(2\), its parent being the root directory/,
    types: FAT32,
  },
  {
    kind: 'no-dot',
    what: 'a directory whose "." is gone',
    spoil: (p) => p.put(p.slots('photos')[0] ?? 0, [0xe5]),
  },
  {
    kind: 'no-dotdot',
    what: 'a directory whose ".." is gone',
    spoil: (p) => p.put(p.slots('photos')[1] ?? 0, [0xe5]),
  },
  {
    kind: 'no-dot',
    what: 'files where the dot entries belong',
    spoil: (p) => {
      const [first = 0, second = 0] = p.slots('photos');
      p.put(first, entryNamed('ONE     TXT')).put(second, entryNamed('TWO     TXT'));
    },
    says: /Expected a valid '\.' entry in the first slot/,
  },
  {
    kind: 'no-dot',
    what: 'files where the dot entries belong, and old entries behind the end',
    spoil: (p) => {
      const [first = 0, second = 0] = p.slots('photos');
      p.put(first, entryNamed('ONE     TXT')).put(second, entryNamed('TWO     TXT'));
      const [, , stale = 0] = p.freeSlots('photos', 3);
      p.put(stale, entryNamed('STALE   TXT'));
    },
    then: (p) => {
      expect(p.find('photos/ONE.TXT').sizeBytes + p.find('photos/TWO.TXT').sizeBytes).toBe(0);
      expect(() => p.find('photos/STALE.TXT'), 'what lay behind the end stays dead').toThrow();
    },
  },
  {
    kind: 'dot-misplaced',
    what: 'a "." in the root directory',
    spoil: (p) => void p.addEntry('', '.          ', 0x10),
  },
  {
    kind: 'dot-misplaced',
    what: 'a ".." in the middle of a directory',
    spoil: (p) => void p.addEntry('photos', '..         ', 0x10),
  },
  {
    kind: 'directory-loop',
    what: 'a directory that contains itself',
    spoil: (p) => p.setFirstCluster('photos/summer holidays 2026', p.find('photos').firstCluster),
    says: /Directory \/photos\/summer holidays 2026 leads back to \/photos, which contains it/,
  },
  {
    kind: 'directory-loop',
    what: 'the root directory inside itself',
    spoil: (p) => p.setFirstCluster('photos', p.geometry.rootCluster),
    types: FAT32,
  },
  {
    kind: 'directory-twice',
    what: 'two names for one directory',
    spoil: (p) => void p.addEntry('many', 'ALIAS      ', 0x10, p.find('photos').firstCluster),
    says: /is the same as/,
  },
  {
    kind: 'not-a-directory',
    what: 'a text that calls itself a directory',
    spoil: (p) => p.put(p.find('notes.txt').offset + 11, [0x10]),
    says: /Item \/notes\.txt does not appear to be a subdirectory/,
  },
  {
    kind: 'entries-after-end',
    what: 'entries behind the end of a directory',
    spoil: (p) => {
      const [, , third = 0] = p.freeSlots('', 3);
      p.put(third, entryNamed('STALE   TXT'));
    },
    says: /\/ has entries after end of directory \(1 slot/,
  },
  { kind: 'extra-label', what: 'two volume labels', spoil: (p) => void p.addEntry('', 'SECOND     ', 0x08) },
  {
    kind: 'label-in-subdirectory',
    what: 'a volume label in a subdirectory',
    spoil: (p) => void p.addEntry('photos', 'INSIDE     ', 0x08),
  },
  {
    kind: 'label-clusters',
    what: 'a volume label with clusters',
    spoil: (p) => p.putU16((p.slots('')[0] ?? 0) + 26, p.freeCluster()),
  },
  {
    kind: 'label-clusters',
    what: 'a volume label that is a directory',
    spoil: (p) => p.put((p.slots('')[0] ?? 0) + 11, [0x18]),
  },
  {
    kind: 'bad-label',
    what: 'a volume label with a star',
    spoil: (p) => p.put((p.slots('')[0] ?? 0) + 1, [0x2a]),
  },
];

function spoilParts(patient: Patient, at: number, value: number): void {
  for (const part of patient.find(LONG_NAME).parts) patient.put(part + at, [value]);
}

function entryNamed(short: string): Uint8Array {
  const slot = new Uint8Array(32);
  for (let i = 0; i < 11; i++) slot[i] = short.charCodeAt(i);
  slot[11] = 0x20;
  slot[24] = 0x21;
  return slot;
}

function copyWithShortName(patient: Patient, path: string, short: string): void {
  const { parts } = patient.find(path);
  let sum = 0;
  for (const character of short) sum = (((sum & 1) << 7) + (sum >> 1) + character.charCodeAt(0)) & 0xff;
  patient.freeSlots('', parts.length).forEach((offset, i) => {
    const part = patient.bytes(parts[i] ?? 0, 32);
    part[13] = sum;
    patient.put(offset, part);
  });
  patient.addEntry('', short, 0x20);
}
