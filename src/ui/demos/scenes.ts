import type { NewDiskRequest, StepView } from '../../rpc/protocol.ts';
import { bytesInWords, count, durationInWords, plural } from '../draw/words.ts';
import { prepared } from '../state/samples.ts';
import type { Scene } from './scene.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

const disk = (format: string, sizeBytes: number, startLines: readonly string[] = []): NewDiskRequest => ({
  ...prepared(format),
  ...{ sizeBytes, startLines },
});

const dataBytes = ({ costs }: StepView): number => costs.bytesByRole.data ?? 0;
const metadataBytes = (step: StepView): number => step.costs.bytes - dataBytes(step);
const simulated = ({ costs }: StepView): string => `${durationInWords(costs.simulatedNanoseconds)} simulated`;
const MILLISECOND = 1e6;

const FIFTY_GIGABYTES: Scene = {
  id: '50-gb-in-50-ms',
  title: '50 GB in 50 ms',
  blurb: 'A clone of 50 GiB on APFS, a copy of 1 GiB on HFS+, and what the first overwritten block costs.',
  disks: [disk('apfs', 128 * GIB, ['mkfile 50g film.mov']), disk('hfsplus', 4 * GIB, ['mkfile 1g film.mov'])],
  beats: [
    { say: 'A film of 50 GiB on APFS, and one of 1 GiB on HFS+.', line: 'ls -lh film.mov; df -h .' },
    {
      say: 'On APFS, cp -c asks for a clone: two names for the same blocks.',
      line: 'on apfs cp -c film.mov clone.mov',
      claim: (seen) => {
        const step = seen.step('apfs');
        return {
          sentence: `No block of contents was written: ${bytesInWords(metadataBytes(step))} of metadata, ${simulated(step)}.`,
          holds: dataBytes(step) === 0 && step.costs.simulatedNanoseconds < 50 * MILLISECOND,
        };
      },
    },
    {
      say: 'HFS+ has no clones: the same command falls back to copying every byte.',
      line: 'on hfs cp -c film.mov copy.mov',
      claim: (seen) => {
        const step = seen.step('hfsplus');
        const fifty = durationInWords(step.costs.simulatedNanoseconds * 50);
        return {
          sentence: `${bytesInWords(dataBytes(step))} of contents were written, ${simulated(step)}; 50 GiB would take ${fifty}.`,
          holds: dataBytes(step) >= GIB,
        };
      },
    },
    {
      say: 'du counts the clone in full, df knows better.',
      line: 'on apfs du -sh .; df -h .',
      claim: (seen) => {
        const usedBytes = 128 * GIB - seen.freeBytes('apfs');
        return {
          sentence: `Two files of 50 GiB, and ${bytesInWords(usedBytes)} of the container in use.`,
          holds: usedBytes < 51 * GIB,
        };
      },
    },
    {
      say: 'Now 4 KiB in the middle of the clone: one block goes its own way.',
      line: 'on apfs dd if=/dev/random of=clone.mov bs=4k seek=1000000 count=1 conv=notrunc',
      look: { format: 'apfs', tab: 'Trace' },
      claim: (seen) => {
        const step = seen.step('apfs');
        return {
          sentence: `${plural(dataBytes(step) / 4096, 'data block')} and ${plural(metadataBytes(step) / 4096, 'block')} of metadata on the copy-on-write path.`,
          holds: dataBytes(step) === 4096,
        };
      },
    },
    {
      say: 'What do the two still share?',
      line: 'on apfs scope shared film.mov clone.mov',
      look: { format: 'apfs', tab: 'Files', path: '/clone.mov' },
    },
  ],
};

const MISSING_SPACE: Scene = {
  id: 'where-did-my-space-go',
  title: 'Where did my space go?',
  blurb: 'A snapshot keeps what you delete. Who holds the blocks, and what would free them?',
  disks: [disk('apfs', 64 * MIB, ['mkfile 20m film.mov', 'echo "a line" > notes.txt'])],
  beats: [
    {
      say: 'A snapshot of the volume: it keeps this state, and costs next to nothing.',
      line: 'scope snapshot create monday',
      claim: (seen) => {
        const step = seen.step('apfs');
        return {
          sentence: `${bytesInWords(step.costs.bytes)} were written, none of them contents.`,
          holds: dataBytes(step) === 0 && step.costs.bytes < MIB,
        };
      },
    },
    {
      say: 'The film is deleted. Twenty megabytes should come back …',
      line: 'rm film.mov; df -h .',
      claim: (seen) => {
        const { freeBytesChange } = seen.step('apfs');
        return {
          sentence: `Free space changed by ${bytesInWords(freeBytesChange)}: the snapshot holds every block of the film.`,
          holds: freeBytesChange < MIB,
        };
      },
    },
    {
      say: 'The volume is empty, and du agrees; the blocks are violet on the map: held by a snapshot.',
      line: 'du -sh .; tmutil listlocalsnapshots /; diskutil apfs listSnapshots disk2s1',
    },
    {
      say: 'Deleting the snapshot is what frees them.',
      line: 'scope snapshot delete monday; df -h .',
      claim: (seen) => {
        const { freeBytesChange } = seen.step('apfs');
        return {
          sentence: `${bytesInWords(freeBytesChange)} came back.`,
          holds: freeBytesChange >= 20 * MIB,
        };
      },
    },
  ],
};

const FOUR_GIBIBYTES = 4 * GIB - 1;

const THE_WALL: Scene = {
  id: 'the-4-gib-wall',
  title: 'The 4 GiB wall',
  blurb: 'FAT32 keeps the size of a file in 32 bits. Its neighbours do not.',
  disks: ['fat32', 'exfat', 'hfsplus', 'apfs'].map((format) => disk(format, 10 * GIB)),
  beats: [
    {
      say: 'The largest size that 32 bits can say: 4 GiB less one byte.',
      line: `mkfile ${FOUR_GIBIBYTES} film.mov; ls -l film.mov`,
      claim: (seen) => ({
        sentence: 'Every format takes it.',
        holds: ['fat32', 'exfat', 'hfsplus', 'apfs'].every((format) => seen.step(format).exitCode === 0),
      }),
    },
    {
      say: 'One more byte.',
      line: 'echo -n x >> film.mov',
      claim: (seen) => {
        const { error } = seen.step('fat32');
        const rest = ['exfat', 'hfsplus', 'apfs'].filter((format) => seen.step(format).exitCode === 0);
        return {
          sentence: `FAT32: ${error?.code ?? 'no error'} (${error?.text ?? ''}). ${plural(rest.length, 'other format')} took it.`,
          holds: error?.code === 'EFBIG' && rest.length === 3,
        };
      },
    },
    {
      say: 'The size lies in the directory entry, in the last four bytes of its 32: they are all ff.',
      look: { format: 'fat32', tab: 'Files', path: '/film.mov' },
      claim: async (seen) => {
        const { file } = await seen.api('fat32').file('/film.mov');
        return {
          sentence: `DIR_FileSize says ${count(file.sizeBytes)}, hexadecimal ${file.sizeBytes.toString(16)}.`,
          holds: file.sizeBytes === FOUR_GIBIBYTES,
        };
      },
    },
  ],
};

const FOUR = ['apfs', 'hfsplus', 'exfat', 'fat32'] as const;
const NAMES = { apfs: 'APFS', hfsplus: 'HFS+', exfat: 'exFAT', fat32: 'FAT32' } as const;

const ONE_LETTER: Scene = {
  id: 'one-letter-changed',
  title: 'One letter changed: who writes what',
  blurb: 'The smallest change there is, on four formats: where it goes and what has to follow it.',
  disks: FOUR.map((format) =>
    disk(format, 64 * MIB, ['mkfile 1m film.mov', 'echo "hello, disk" > notes.txt']),
  ),
  beats: [
    {
      say: 'One letter of a small file is overwritten in place, as the program sees it.',
      line: 'printf J | dd of=notes.txt bs=1 conv=notrunc; cat notes.txt',
      claim: (seen) => {
        const said = FOUR.map((format) => {
          const step = seen.step(format);
          return `${NAMES[format]} ${bytesInWords(step.costs.bytes)}`;
        });
        const bytes = (format: string) => seen.step(format).costs.bytes;
        return {
          sentence: `For one byte: ${said.join(', ')}.`,
          holds: FOUR.every((format) => bytes(format) > 0) && bytes('apfs') > bytes('fat32'),
        };
      },
    },
    {
      say: 'HFS+ says what it is going to do in its journal first.',
      look: { format: 'hfsplus', tab: 'Trace' },
      claim: (seen) => {
        const journal = seen.step('hfsplus').costs.bytesByRole.journal ?? 0;
        return {
          sentence: `${bytesInWords(journal)} of what HFS+ wrote went through the journal.`,
          holds: journal > 0,
        };
      },
    },
    {
      say: 'APFS writes nothing over what is there: the block, every node above it and a new superblock are new.',
      look: { format: 'apfs', tab: 'Trace' },
      claim: (seen) => {
        const { bytesByRole } = seen.step('apfs').costs;
        const [tree, checkpoint] = [bytesByRole.tree ?? 0, bytesByRole.checkpoint ?? 0];
        return {
          sentence: `${bytesInWords(tree)} of trees and ${bytesInWords(checkpoint)} of checkpoint for ${plural((bytesByRole.data ?? 0) / 4096, 'data block')}.`,
          holds: tree > 0 && checkpoint > 0,
        };
      },
    },
  ],
};

const THE_JOURNAL: Scene = {
  id: 'the-journal-at-work',
  title: 'The journal at work',
  blurb: 'HFS+ writes a change twice, in an order that survives a cut at any point.',
  disks: ['hfsplus', 'exfat'].map((format) => disk(format, 64 * MIB, ['mkfile 1m film.mov'])),
  beats: [
    {
      say: 'A file is renamed: on HFS+ the catalog changes in two places, and must never be seen half done.',
      line: 'mv film.mov "a quite different name.mov"',
      look: { format: 'hfsplus', tab: 'Trace' },
      claim: async (seen) => {
        const { step, costs } = seen.step('hfsplus');
        const { rows } = await seen.api('hfsplus').trace(step, { offset: 0, countMax: 10_000 });
        const journal = rows.findIndex(({ kind, role }) => kind === 'write' && role === 'journal');
        const tree = rows.findIndex(({ kind, role }) => kind === 'write' && role === 'tree');
        const isBarred = rows.slice(journal, tree).some(({ kind }) => kind === 'barrier');
        return {
          sentence: `${bytesInWords(costs.bytesByRole.journal ?? 0)} to the journal, a barrier, and only then ${bytesInWords(costs.bytesByRole.tree ?? 0)} to the catalog.`,
          holds: journal >= 0 && tree > journal && isBarred,
        };
      },
    },
    {
      say: 'exFAT has no journal: all that protects it is the order of its writes, where there are several.',
      look: { format: 'exfat', tab: 'Trace' },
      claim: (seen) => {
        const { costs } = seen.step('exfat');
        return {
          sentence: `${bytesInWords(costs.bytes)} in ${plural(costs.writes, 'write')} with ${plural(costs.barriers, 'barrier')}, nothing of it twice.`,
          holds: (costs.bytesByRole.journal ?? 0) === 0 && costs.bytes > 0,
        };
      },
    },
    {
      say: 'Step through the writes with the timeline, cut the power at any of them, and let Check mount what is left.',
    },
  ],
};

export const SCENES: readonly Scene[] = [FIFTY_GIGABYTES, MISSING_SPACE, THE_WALL, ONE_LETTER, THE_JOURNAL];
