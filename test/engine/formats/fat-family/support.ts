import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { Format, MountOptions, Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/**
 * What the tests of the FAT family share: volumes to work on, a verdict on them, and words for what went wrong. The
 * suites beside this file are run by each format with a kit of its own.
 */
export interface Kit {
  readonly format: Format;
  /** The reference checker's verdict on an image; empty when it finds nothing. */
  readonly judge: (imagePath: string) => string;
  readonly formatted: (device: Device, settings?: Record<string, string>, label?: string) => void;
  readonly mounted: (device: Device, options?: Partial<MountOptions>) => Volume;
  /** An empty volume. */
  readonly fresh: (
    sizeMebibytes?: number,
    settings?: Record<string, string>,
    options?: Partial<MountOptions>,
  ) => Fresh;
  /** Unmount, and ask the reference checker. */
  readonly verdict: (made: Fresh) => string;
}

export interface Fresh {
  readonly device: FlatDevice;
  readonly volume: Volume;
}

export const INIT = { mode: 0o644, uid: 501, gid: 20 };

/** `sizeMebibytes`: of a volume whose size does not matter. */
export function kitOf(format: Format, sizeMebibytes: number, judge: Kit['judge']): Kit {
  const formatted: Kit['formatted'] = (device, settings = {}, label = '') => {
    format.newfs(device, {
      label,
      settings,
      clock: new SimulatedClock(),
      random: new Prng(1),
      partitionFirstBlock: 0,
    });
  };
  const mounted: Kit['mounted'] = (device, options = {}) =>
    format.mount(device, {
      isReadOnly: false,
      policy: 'each',
      clock: new SimulatedClock(),
      trace: SILENT,
      owner: { uid: 501, gid: 20 },
      timeZoneMinutes: 0,
      ...options,
    });
  const fresh: Kit['fresh'] = (size = sizeMebibytes, settings = {}, options = {}) => {
    const device = new FlatDevice(size * 2 ** 20);
    formatted(device, settings);
    return { device, volume: mounted(device, options) };
  };
  const verdict: Kit['verdict'] = ({ device, volume }) => {
    volume.unmount();
    return judge(imageFile(device.bytes));
  };
  return { format, judge, formatted, mounted, fresh, verdict };
}

/** By the format's own reading of the first sector, which says in words what it cannot use. */
export function geometryFrom<Geometry extends object>(
  device: Device,
  geometryOf: (sector: Uint8Array, sizeBytes: number) => Geometry | string,
): Geometry {
  const sector = new Uint8Array(512);
  device.read(0, sector);
  const geometry = geometryOf(sector, device.blockCount * 512);
  if (typeof geometry === 'string') throw new Error(geometry);
  return geometry;
}

/** 'ok' or the errno's name. */
export function outcome(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
  return 'ok';
}

/** 'ok', or the errno's name with what the error says. */
export function sentence(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return `${error.code}: ${error.detail}`;
    throw error;
  }
  return 'ok';
}

export const bytesOf = (length: number, seed = 1): Uint8Array => new Prng(seed).bytes(length);

export function put(volume: Volume, directory: VolumeNode, name: string, data: Uint8Array): VolumeNode {
  const node = volume.create(directory, name, INIT);
  if (data.length > 0) volume.write(node, 0, data);
  volume.release(node);
  return node;
}

export function get(volume: Volume, directory: VolumeNode, name: string): Uint8Array {
  const node = volume.lookup(directory, name);
  if (!node) throw new Error(`${name} is missing`);
  const into = new Uint8Array(volume.attributes(node).sizeBytes);
  volume.read(node, 0, into);
  return into;
}

export function makeDirectory(volume: Volume, directory: VolumeNode, name: string): VolumeNode {
  const node = volume.makeDirectory(directory, name, INIT);
  volume.release(node);
  return node;
}

export function names(volume: Volume, directory: VolumeNode): string[] {
  const found: string[] = [];
  for (let after: number | null = null; ;) {
    const page = volume.list(directory, after, 7);
    found.push(...page.entries.map((entry) => entry.name));
    if (page.next === null) return found;
    after = page.next;
  }
}
