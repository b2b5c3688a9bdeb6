import { data, upTo } from './disk.ts';
import type { Disk } from './disk.ts';

/** Every kind of operation that changes a volume, and what its crash images may show. */
export interface Operation {
  readonly name: string;
  /** What the volume holds before, beside the bystanders. */
  readonly before?: (disk: Disk) => void;
  readonly run: (disk: Disk) => void;
  /** What may be found besides leaks; each format names its findings for it. */
  readonly window?: Window;
}

/** Two names of a file, or of a directory, until the old one goes; two places of the label. */
export type Window = 'two names' | 'two places' | 'two labels';

/** On exFAT 19 entries of 32 bytes, on FAT 21. */
const NO_SECTOR_HOLDS_IT = `${'a name longer than a sector '.repeat(9).slice(0, 250)}.txt`;

export const OPERATIONS: Operation[] = [
  { name: 'create a short name', run: (d) => d.create('NEW.TXT') },
  { name: 'create a long name', run: (d) => d.create('A long name for a file.text') },
  {
    name: 'create long names that cross sectors',
    run: (d) =>
      ['one', 'two', 'three'].forEach((word) =>
        d.create(`a very long name, longer than a sector is deep, number ${word}.text`),
      ),
  },
  {
    name: 'create long names where others were removed',
    before: (d) => {
      upTo(6).forEach((i) => d.create(`a very long name, longer than a sector is deep, number ${i}.text`));
      upTo(5).forEach((i) => d.unlink(`a very long name, longer than a sector is deep, number ${i}.text`));
    },
    run: (d) => upTo(4).forEach((i) => d.create(`a name that is not quite as long, number ${i}.text`)),
  },
  {
    name: 'create a name that no sector holds',
    run: (d) => d.create(NO_SECTOR_HOLDS_IT),
  },
  {
    name: 'append to a file whose name no sector holds',
    before: (d) => d.put(NO_SECTOR_HOLDS_IT, data(900, 1)),
    run: (d) => d.write(NO_SECTOR_HOLDS_IT, 900, data(9000, 2)),
  },
  {
    name: 'rename to a name that no sector holds',
    before: (d) => d.put('target.txt', data(3000, 1)),
    run: (d) => d.rename('target.txt', NO_SECTOR_HOLDS_IT),
    window: 'two names',
  },
  {
    name: 'unlink of a name that no sector holds',
    before: (d) => d.put(NO_SECTOR_HOLDS_IT, data(900, 1)),
    run: (d) => d.unlink(NO_SECTOR_HOLDS_IT),
  },
  {
    name: 'create files until the directory grows',
    run: (d) => upTo(14).forEach((i) => d.create(`dir/grown file ${i}.txt`)),
  },
  { name: 'first write', before: (d) => d.create('target'), run: (d) => d.write('target', 0, data(700, 1)) },
  {
    name: 'first write of many clusters',
    before: (d) => d.create('target'),
    run: (d) => d.write('target', 0, data(90_000, 1)),
  },
  {
    name: 'append within the cluster',
    before: (d) => d.put('target', data(100, 1)),
    run: (d) => d.write('target', 100, data(50, 2)),
  },
  {
    name: 'append one cluster',
    before: (d) => d.put('target', data(2048, 1)),
    run: (d) => d.write('target', 2048, data(2048, 2)),
  },
  {
    name: 'append many clusters behind another file',
    before: (d) => d.put('target', data(3000, 1)).put('other', data(3000, 2)),
    run: (d) => d.write('target', 3000, data(150_000, 3)),
  },
  {
    name: 'overwrite',
    before: (d) => d.put('target', data(5000, 1)),
    run: (d) => d.write('target', 700, data(3000, 2)),
  },
  {
    name: 'write behind the end',
    before: (d) => d.put('target', data(900, 1)),
    run: (d) => d.write('target', 9000, data(900, 2)),
  },
  {
    name: 'truncate down',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 3000),
  },
  {
    name: 'truncate to nothing',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 0),
  },
  {
    name: 'truncate up',
    before: (d) => d.put('target', data(300, 1)),
    run: (d) => d.truncate('target', 20_000),
  },
  {
    name: 'truncate and append again',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 9000).write('target', 9000, data(9000, 2)),
  },
  { name: 'unlink', before: (d) => d.put('target', data(9000, 1)), run: (d) => d.unlink('target') },
  {
    name: 'unlink of long names that cross sectors',
    before: (d) =>
      upTo(3).forEach((i) =>
        d.put(`a very long name, longer than a sector is deep, number ${i}.text`, data(900, i)),
      ),
    run: (d) =>
      upTo(3).forEach((i) => d.unlink(`a very long name, longer than a sector is deep, number ${i}.text`)),
  },
  {
    name: 'unlink and create again',
    before: (d) => d.put('target', data(9000, 1)),
    run: (d) => d.unlink('target').put('another', data(9000, 2)),
  },
  { name: 'mkdir', run: (d) => d.mkdir('a new directory') },
  {
    name: 'mkdir with files',
    run: (d) => d.mkdir('new').put('new/inside.txt', data(2000, 1)).mkdir('new/deeper'),
  },
  { name: 'rmdir', before: (d) => d.mkdir('empty'), run: (d) => d.rmdir('empty') },
  {
    name: 'rename to a name of the same length',
    before: (d) => d.put('target.txt', data(3000, 1)),
    run: (d) => d.rename('target.txt', 'tegrat.txt'),
    window: 'two names',
  },
  {
    name: 'rename to a longer name',
    before: (d) => d.put('target.txt', data(3000, 1)),
    run: (d) => d.rename('target.txt', 'a very long name, longer than a sector is deep, of a file.text'),
    window: 'two names',
  },
  {
    name: 'rename by case only',
    before: (d) => d.put('Target', data(3000, 1)),
    run: (d) => d.rename('Target', 'tARGET'),
    window: 'two names',
  },
  {
    name: 'rename into another directory',
    before: (d) => d.put('target', data(3000, 1)),
    run: (d) => d.rename('target', 'dir/target'),
    window: 'two names',
  },
  {
    name: 'rename over another file',
    before: (d) => d.put('target', data(3000, 1)).put('victim', data(5000, 2)),
    run: (d) => d.rename('target', 'victim'),
    window: 'two names',
  },
  {
    name: 'rename over a file in another directory',
    before: (d) => d.put('target', data(3000, 1)).put('dir/victim', data(5000, 2)),
    run: (d) => d.rename('target', 'dir/victim'),
    window: 'two names',
  },
  {
    name: 'rename a directory',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)),
    run: (d) => d.rename('house', 'a house with a very long name, so that it needs many slots'),
    window: 'two places',
  },
  {
    name: 'move a directory',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)),
    run: (d) => d.rename('house', 'dir/house'),
    window: 'two places',
  },
  {
    name: 'move a directory over an empty one',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)).mkdir('dir/victim'),
    run: (d) => d.rename('house', 'dir/victim'),
    window: 'two places',
  },
  { name: 'symlink', run: (d) => d.symlink('link', 'dir/kept.txt') },
  { name: 'label', run: (d) => d.label('NEWLABEL'), window: 'two labels' },
  { name: 'flags and times', before: (d) => d.put('target', data(900, 1)), run: (d) => d.touch('target') },
  { name: 'unmount after a last change', run: (d) => d.put('late', data(900, 1)).unmount() },
  {
    name: 'first change after a clean unmount',
    before: (d) => d.remount(),
    run: (d) => d.put('early', data(900, 1)),
  },
];

export function mixedBefore(disk: Disk): void {
  disk.put('append', data(3000, 1)).put('shrink', data(30_000, 2)).put('gone', data(5000, 3)).mkdir('house');
  disk
    .put('house/in it', data(900, 4))
    .put('move me', data(4000, 5))
    .put('victim', data(700, 6))
    .mkdir('empty');
}

/** Every kind of operation, some on what others just made or freed. */
export function mixed(disk: Disk): Disk {
  upTo(6).forEach((i) =>
    disk.put(`dir/a file with a rather long name, number ${i}.text`, data(600 * i, 10 + i)),
  );
  disk.write('append', 3000, data(20_000, 20)).truncate('shrink', 7000).unlink('gone').rmdir('empty');
  disk.put('new in old clusters', data(9000, 21)).mkdir('later').rename('house', 'later/house');
  disk.rename('move me', 'later/moved').rename('later/moved', 'victim').create('still empty');
  disk
    .rename('dir/a file with a rather long name, number 3.text', 'dir/short')
    .unlink('dir/a file with a rather long name, number 5.text');
  return disk;
}
