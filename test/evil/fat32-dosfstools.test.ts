import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/fat32/fsck.ts';
import { foreignImages } from '../support/checkers.ts';
import { DAMAGE, vfatVerdict } from './volumes.ts';

/**
 * Goal: the damaged volumes that dosfstools tests itself with are understood and repaired.
 * Method: `NAME.fsck` is the damaged image as xxd prints it (`NAME.xxd`, what fsck.fat -a makes of it, is its own policy
 * where a lost chain becomes FSCK0000.REC). Our fsck names the defect, and fsck.vfat has nothing to add to its repair.
 */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'check-chain_to_free_cluster': ['chain-to-free', 'chain-beyond-size'],
  'check-chain_to_other_file': ['cross-link', 'size-beyond-chain'],
  'check-circular_chain': ['circular-chain'],
  'check-dot_entries': ['no-dot', 'no-dotdot', 'dot-misplaced'],
  'check-duplicate_names': ['duplicate-name'],
  'check-fat32_dos_cln_shut': ['dirty'],
};

describe.each(Object.entries(EXPECTED))('%s', (name, kinds) => {
  test(`is found as ${kinds.join(', ')} and repaired`, () => {
    const folder = foreignImages();
    if (folder === null) return;
    const damaged = readXxd(join(folder, 'corrupt', `${name}.fsck`));

    const report = fsck(damaged, { repair: false });
    const found = report.findings.map(({ kind }) => kind);
    expect(found, report.lines.join('\n')).toEqual(expect.arrayContaining([...kinds]));

    const repair = fsck(damaged, { repair: true });
    expect(
      repair.findings.every((finding) => finding.isRepaired),
      repair.lines.join('\n'),
    ).toBe(true);
    expect(fsck(damaged, { repair: false }).findings).toEqual([]);
    expect(vfatVerdict(damaged)).toBe('');
  });
});

/** `xxd -r`: each line has an offset and 16 bytes, `*` repeats the line before (always zeros in these images). */
function readXxd(path: string): Store {
  const lines = readFileSync(path, 'latin1')
    .split('\n')
    .filter((line) => line.includes(':'));
  const offsetOf = (line = ''): number => Number.parseInt(line.slice(0, 8), 16);
  const sizeBytes = offsetOf(lines.at(-1)) + 16;
  const store = new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
  const block = new Uint8Array(512);
  for (const line of lines) {
    const offset = offsetOf(line);
    const bytes = Uint8Array.from(line.slice(10, 49).replace(/ /g, '').match(/../g) ?? [], (pair) =>
      Number.parseInt(pair, 16),
    );
    store.read(Math.floor(offset / 512), block);
    block.set(bytes, offset % 512);
    store.write(Math.floor(offset / 512), block, DAMAGE);
  }
  return store;
}
