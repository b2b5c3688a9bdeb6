import { zlibSync } from 'fflate';
import type { VolumeNode } from '../../src/engine/formats/contract.ts';
import { data, upTo } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Operation } from './operations.ts';

export const has = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('APFS can do that');
  return value;
};
const at = (disk: Disk, name: string): VolumeNode => has(disk.volume.lookup(disk.volume.root, name));
const { root } = { root: (disk: Disk) => disk.volume.root };

/** What only a copy-on-write format does. */
export const MORE: readonly Operation[] = [
  {
    name: 'clone',
    before: (d) => d.put('target', data(30_000, 1)),
    run: (d) => {
      d.volume.clone?.(at(d, 'target'), root(d), 'clone', null);
      know(d, 'clone', 'target');
    },
  },
  {
    name: 'clone of a directory',
    run: (d) => {
      d.volume.clone?.(at(d, 'dir'), root(d), 'copy', null);
      know(d, 'copy/kept.txt', 'dir/kept.txt');
    },
  },
  {
    name: 'first write into a clone',
    before: (d) => {
      d.put('target', data(30_000, 1));
      d.volume.clone?.(at(d, 'target'), root(d), 'clone', null);
      know(d, 'clone', 'target');
    },
    run: (d) => d.write('clone', 4096, data(4096, 2)),
  },
  {
    name: 'the original of a clone goes',
    before: (d) => {
      d.put('target', data(30_000, 1));
      d.volume.clone?.(at(d, 'target'), root(d), 'clone', null);
      know(d, 'clone', 'target');
    },
    run: (d) => d.unlink('target'),
  },
  {
    name: 'one of two names goes',
    before: (d) => {
      d.put('target', data(9000, 1));
      d.volume.link?.(at(d, 'target'), root(d), 'second');
      know(d, 'second', 'target');
    },
    run: (d) => d.unlink('target'),
  },
  {
    name: 'one of two names is another',
    before: (d) => {
      d.put('target', data(9000, 1));
      d.volume.link?.(at(d, 'target'), root(d), 'second');
      know(d, 'second', 'target');
    },
    run: (d) => d.rename('second', 'dir/third'),
  },
  {
    name: 'blocks in reserve come and go',
    before: (d) => d.put('target', data(9000, 1)),
    run: (d) => {
      const node = at(d, 'target');
      d.volume.retain(node);
      d.volume.preallocate?.(node, 50_000);
      d.write('target', 9000, data(5000, 2));
      d.volume.release(node);
    },
  },
  {
    name: 'a file in use loses its name, and then its holder',
    before: (d) => d.put('target', data(30_000, 1)),
    run: (d) => {
      const node = at(d, 'target');
      d.volume.retain(node);
      d.unlink('target');
      d.volume.write(node, 4096, data(4096, 2));
      d.volume.release(node);
    },
  },
  {
    name: 'a large attribute instead of another',
    before: (d) => {
      d.put('target', data(900, 1));
      d.volume.setExtendedAttribute?.(at(d, 'target'), 'org.example.large', data(9000, 3));
    },
    run: (d) => d.volume.setExtendedAttribute?.(at(d, 'target'), 'org.example.large', data(20_000, 4)),
  },
  {
    name: 'a snapshot gets another name',
    before: (d) => d.volume.snapshots?.create('state'),
    run: (d) => d.volume.snapshots?.rename('state', 'other'),
  },
  { name: 'snapshot', run: (d) => d.volume.snapshots?.create('state') },
  {
    name: 'changes under a snapshot',
    before: (d) => {
      d.put('target', data(30_000, 1));
      d.volume.snapshots?.create('state');
    },
    run: (d) => d.write('target', 5000, data(9000, 2)).unlink('kept.bin').put('late', data(3000, 3)),
  },
  {
    name: 'a snapshot goes',
    before: (d) => {
      d.put('target', data(30_000, 1));
      d.volume.snapshots?.create('state');
      d.unlink('target').put('late', data(9000, 2));
    },
    run: (d) => d.volume.snapshots?.delete('state'),
  },
  {
    name: 'back to a snapshot',
    before: (d) => {
      d.put('target', data(30_000, 1));
      d.volume.snapshots?.create('state');
    },
    run: (d) => {
      d.put('late', data(9000, 2));
      d.volume.snapshots?.revert('state');
      d.contents.delete('late');
    },
  },
  {
    name: 'punch a hole',
    before: (d) => d.put('target', data(40_960, 1)),
    run: (d) => {
      d.volume.punchHole?.(at(d, 'target'), 8192, 8192);
      const bytes = (d.contents.get('target') ?? new Uint8Array(0)).slice().fill(0, 8192, 16_384);
      d.contents.set('target', bytes);
      d.ever.set('target', [...(d.ever.get('target') ?? []), bytes]);
    },
  },
  {
    name: 'swap two names',
    before: (d) => d.put('target', data(9000, 1)).put('other', data(5000, 2)),
    run: (d) => {
      d.volume.swap?.(root(d), 'target', root(d), 'other');
      const [a, b] = ['target', 'other'].map((name) => d.contents.get(name) ?? new Uint8Array(0));
      for (const [name, bytes] of [
        ['target', b],
        ['other', a],
      ] as const) {
        d.contents.set(name, has(bytes));
        d.ever.set(name, [...(d.ever.get(name) ?? []), has(bytes)]);
      }
    },
  },
  {
    name: 'attributes, small and large',
    before: (d) => d.put('target', data(9000, 1)),
    run: (d) => {
      d.volume.setExtendedAttribute?.(at(d, 'target'), 'org.example.small', data(60, 2));
      d.volume.setExtendedAttribute?.(at(d, 'target'), 'org.example.large', data(9000, 3));
      d.volume.removeExtendedAttribute?.(at(d, 'target'), 'org.example.large');
    },
  },
  {
    name: 'a second name',
    before: (d) => d.put('target', data(9000, 1)),
    run: (d) => {
      d.volume.link?.(at(d, 'target'), root(d), 'second');
      know(d, 'second', 'target');
    },
  },
  {
    name: 'a file of many pieces goes',
    before: (d) => {
      d.put('pieces', data(4096, 1));
      upTo(60).forEach((i) =>
        d.write('pieces', (i + 1) * 4096, data(4096, i)).put(`between ${i}`, data(10, i)),
      );
    },
    run: (d) => d.unlink('pieces'),
  },
  {
    name: 'a shared file of many pieces gets shorter',
    before: (d) => {
      const file = d.put('target', data(100, 1));
      upTo(40).forEach((i) => file.write('target', 2 * i * 4096, data(4096, i)));
      d.volume.clone?.(at(d, 'target'), root(d), 'clone', null);
      know(d, 'clone', 'target');
    },
    run: (d) => d.truncate('target', 74 * 4096 + 100),
  },
  { name: 'a FIFO', run: (d) => d.volume.makeSpecial?.(root(d), 'pipe', 'fifo', 0, INIT) },
  {
    name: 'a file of many pieces gets shorter',
    before: (d) => {
      d.put('pieces', data(4096, 1)).put('other', data(4096, 1));
      upTo(70).forEach((i) =>
        d.write('pieces', (i + 1) * 4096, data(4096, i)).write('other', (i + 1) * 4096, data(4096, i)),
      );
    },
    run: (d) => d.truncate('pieces', 100),
  },
];

/** It has to be unpacked first. */
export const WRITE_TO_COMPRESSED: Pick<Operation, 'before' | 'run'> = {
  before: (d) => {
    const bytes = new Uint8Array(30_000).fill(7);
    d.create('packed').volume.setExtendedAttribute?.(at(d, 'packed'), 'com.apple.decmpfs', packed(bytes));
    d.contents.set('packed', bytes);
  },
  run: (d) => d.write('packed', 5000, data(6000, 2)),
};

const INIT = { mode: 0o644, uid: 501, gid: 20 };

/** What com.apple.decmpfs says of a file whose contents it holds, packed with zlib (<sys/decmpfs.h>, type 3). */
function packed(bytes: Uint8Array): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  header.set([0x66, 0x70, 0x6d, 0x63]);
  view.setUint32(4, 3, true);
  view.setBigUint64(8, BigInt(bytes.length), true);
  return Uint8Array.of(...header, ...zlibSync(bytes));
}

/** `path` holds what `source` holds. */
function know(disk: Disk, path: string, source: string): void {
  const bytes = disk.contents.get(source) ?? new Uint8Array(0);
  disk.contents.set(path, bytes);
  disk.ever.set(path, [...(disk.ever.get(path) ?? []), bytes]);
}
