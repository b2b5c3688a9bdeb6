import { expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { ApfsDisk, INIT } from './apfs-disk.ts';

/** The checker over a life of our own volumes: it must find nothing that apfsck does not find either. */

const findings = (disk: ApfsDisk): string[] =>
  fsck(disk.store, { repair: false }).findings.map(({ kind, message }) => `${kind}: ${message}`);

/** Without what is said of every container that is open: block 0 waits for the end. */
const grave = (disk: ApfsDisk): string[] => findings(disk).filter((text) => !text.startsWith('dirty'));

class Life {
  readonly #names: string[] = [];
  readonly #snapshots: string[] = [];
  #next = 0;

  constructor(
    readonly disk: ApfsDisk,
    readonly random: Prng,
  ) {}

  #pick(): string | undefined {
    return this.#names[this.random.below(Math.max(this.#names.length, 1))];
  }

  #with(name: string, use: (node: VolumeNode) => void): void {
    const { volume } = this.disk;
    const node = volume.lookup(volume.root, name);
    if (node) use(node);
  }

  step(): void {
    const { random, disk } = this;
    const { volume } = disk;
    const choice = random.below(13);
    const name = this.#pick();
    if (choice < 3 || name === undefined) {
      const made = `file ${this.#next++}`;
      const node = volume.create(volume.root, made, INIT);
      volume.write(
        node,
        random.below(3) === 0 ? 40_960 : 0,
        new Uint8Array(1 + random.below(30_000)).fill(0x41),
      );
      volume.release(node);
      this.#names.push(made);
      return;
    }
    this.#with(name, (node) => {
      const size = volume.attributes(node).sizeBytes;
      if (choice < 5)
        volume.write(node, random.below(size + 1), new Uint8Array(1 + random.below(20_000)).fill(0x42));
      else if (choice < 7) volume.truncate(node, random.below(size + 5000));
      else if (choice < 8) volume.punchHole?.(node, 4096 * random.below(4), 4096 * (1 + random.below(4)));
      else if (choice < 10) {
        const made = `clone ${this.#next++}`;
        volume.clone?.(node, volume.root, made, null);
        this.#names.push(made);
      } else if (choice < 11) {
        const made = `link ${this.#next++}`;
        volume.link?.(node, volume.root, made);
        this.#names.push(made);
      } else if (choice < 12) {
        const bytes = new Uint8Array(random.below(2) === 0 ? 20 : 6000).fill(0x43);
        volume.setExtendedAttribute?.(node, `attribute ${random.below(3)}`, bytes);
      } else {
        volume.remove(volume.root, name);
        this.#names.splice(this.#names.indexOf(name), 1);
      }
    });
  }

  snapshot(): void {
    const { snapshots } = this.disk.volume;
    if (this.#snapshots.length > 2) {
      snapshots?.delete(this.#snapshots.splice(this.random.below(this.#snapshots.length), 1)[0] ?? '');
    }
    const name = `snapshot ${this.#next++}`;
    snapshots?.create(name);
    this.#snapshots.push(name);
  }
}

test.each([1, 2, 3])('a life with clones, links, holes, attributes and snapshots, seed %d', (seed) => {
  const disk = new ApfsDisk({ sizeBytes: 32 * 2 ** 20 });
  const life = new Life(disk, new Prng(seed));
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 15; i++) life.step();
    if (round % 2 === 1) life.snapshot();
    disk.container.sync();
    expect(grave(disk), `seed ${seed}, round ${round}`).toEqual([]);
    expect(disk.verdict(), `seed ${seed}, round ${round}`).toBe('');
  }
  expect(disk.remount()).toBe('');
  disk.unmount();
  expect(findings(disk)).toEqual([]);
});

test('a file that is open and has no name any more is a warning, and nothing else', () => {
  const disk = new ApfsDisk();
  const node = disk.volume.create(disk.volume.root, 'open', INIT);
  disk.volume.write(node, 0, new Uint8Array(5000).fill(0x41));
  disk.volume.remove(disk.volume.root, 'open');
  disk.container.sync();
  const { findings: found } = fsck(disk.store.fork(), { repair: false });
  const said = found.filter(({ kind }) => kind !== 'dirty');
  expect(said.map(({ kind, severity }) => [kind, severity])).toEqual([['orphan', 'warning']]);
  expect(said[0]?.message).toContain('waits in the private directory to be deleted');
  disk.volume.release(node);
});
