import { describe, expect, test } from 'vitest';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { Patient } from '../../../evil/apfs-patient.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { IMAGES } from './view-images.ts';

/** One image was cut off where nothing but zeros followed. */
function whole(device: FlatDevice): FlatDevice {
  const view = new DataView(device.bytes.buffer);
  const grown = new FlatDevice(
    Math.max(device.bytes.length, view.getUint32(0x28, true) * 4096),
    device.blockSizeBytes,
  );
  grown.bytes.set(device.bytes);
  return grown;
}

/** What others made is clean; of what is encrypted only the container can be judged. */
describe.each(IMAGES)('$name', ({ device }) => {
  test('is clean, and checking does not write', () => {
    const container = whole(device());
    const { isReadable, findings, lines } = fsck(container, { repair: true });
    expect(isReadable).toBe(true);
    expect(findings.filter(({ kind }) => kind !== 'unsupported' && kind !== 'encrypted')).toEqual([]);
    expect(lines.at(-1)).toBe('** The container appears to be OK.');
    expect(container.log).toEqual([]);
  });

  test('without its first chunk bitmap it is not', () => {
    const container = whole(device());
    const clean = fsck(container, { repair: false }).findings.length;
    const patient = new Patient(container);
    patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(0));
    expect(fsck(container, { repair: false }).findings.length).toBeGreaterThan(clean);
  });
});
