import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/exfat/fsck.ts';
import { foreignImages, temporaryFolder } from '../support/checkers.ts';
import { exfatVerdict } from './exfat-volumes.ts';
import { storeOfBytes } from './volumes.ts';

/**
 * Goal: the damaged volumes that exfatprogs tests itself with are understood and repaired, and what macOS made is clean.
 * Method: our fsck names the defect, and fsck.exfat has nothing to add to its repair.
 */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  bad_bitmap: ['used-marked-free', 'lost-clusters'],
  bad_file_size: ['size-beyond-chain', 'chain-beyond-size'],
  bad_root: ['root-chain'],
  bs_bad_csum: ['boot-sector'],
  de_bad_csum: ['set-checksum', 'dirty'],
  duplicate_clu: ['cross-link'],
  loop_chain: ['circular-chain'],
  // fsck.exfat 1.2 passes these files over; later releases bring them back, as we do.
  'unused-dentries': ['entries-after-end'],
};

function corrupted(folder: string, name: string): Store {
  const target = temporaryFolder();
  execFileSync('tar', ['-xf', join(folder, 'corrupt', `${name}--exfat.img.tar.xz`), '-C', target]);
  return storeOfBytes(readFileSync(join(target, 'exfat.img')));
}

describe.each(Object.entries(EXPECTED))('%s', (name, kinds) => {
  test(`is found as ${kinds.join(', ')} and repaired`, () => {
    const folder = foreignImages();
    if (folder === null) return;
    const damaged = corrupted(folder, name);

    const report = fsck(damaged, { repair: false });
    const found = report.findings.map(({ kind }) => kind);
    expect(found, report.lines.join('\n')).toEqual(expect.arrayContaining([...kinds]));

    const repair = fsck(damaged, { repair: true });
    expect(
      repair.findings.filter((finding) => !finding.isRepaired),
      repair.lines.join('\n'),
    ).toEqual([]);
    expect(fsck(damaged, { repair: false }).findings).toEqual([]);
    expect(exfatVerdict(damaged)).toBe('');
  });
});

test('sets with a wrong checksum stay, files behind the end come back', () => {
  const folder = foreignImages();
  if (folder === null) return;
  const filesAfter = (name: string): string => {
    const store = corrupted(folder, name);
    fsck(store, { repair: true });
    return fsck(store, { repair: false }).lines.find((line) => / files, /.test(line)) ?? '';
  };
  // fsck.exfat leaves 2 files and 1 directory of the one, and sees 461 files of the other.
  expect(filesAfter('de_bad_csum')).toMatch(/^6 files, 2 directories, /);
  expect(filesAfter('unused-dentries')).toMatch(/^838 files, 7 directories, /);
});

test('a volume made by macOS is clean', () => {
  const folder = foreignImages();
  if (folder === null) return;
  const path = join(folder, 'exfat', 'gofilesystems-image.exfat.gz');
  const report = fsck(storeOfBytes(gunzipSync(readFileSync(path))), { repair: false });
  expect(report.findings).toEqual([]);
  expect(report.lines).toEqual([
    '** Checking volume.',
    '** Checking main boot region.',
    '** Checking system files.',
    '** Volume name is EXFATTEST.',
    '** Checking upper case translation table.',
    '** Checking file system hierarchy.',
    '** Checking active bitmap.',
    '** Rechecking main boot region.',
    '** Rechecking alternate boot region.',
    '2 files, 2 directories, 356 KiB free (89 clusters)',
    '** The volume EXFATTEST appears to be OK.',
  ]);
});
