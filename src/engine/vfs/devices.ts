import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import type { Prng } from '../base/prng.ts';
import type { Role } from '../base/role.ts';

/**
 * What lies behind the names in /dev: streams without an end, and whole disks and slices as bytes.
 */
export interface DeviceNode {
  readonly type: 'character device' | 'block device';
  readonly mode: number;
  read(offsetBytes: number, into: Uint8Array): number;
  write(offsetBytes: number, data: Uint8Array): number;
  sync(): void;
}

/** The part of a block device that raw access needs; every `Device` of the device layer is one. */
export interface RawDevice {
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  readonly isReadOnly: boolean;
  read(firstBlock: number, into: Uint8Array): void;
  write(firstBlock: number, data: Uint8Array, label: { role: Role; owner: string; reason: string }): void;
  barrier(reason: string): void;
}

const stream = (read: (into: Uint8Array) => number): DeviceNode => ({
  type: 'character device',
  mode: 0o666,
  read: (_offsetBytes, into) => read(into),
  write: (_offsetBytes, data) => data.length,
  sync: () => {},
});

/** The devices every machine has. `random` is the machine's own generator, so a replay reads the same bytes. */
export const standardDevices = (random: Prng): readonly (readonly [string, DeviceNode])[] => {
  const randomBytes = stream((into) => {
    into.set(random.bytes(into.length));
    return into.length;
  });
  return [
    ['null', stream(() => 0)],
    ['zero', stream((into) => into.fill(0).length)],
    ['random', randomBytes],
    ['urandom', randomBytes],
  ];
};

/** /dev/disk1: any range of bytes; partial blocks are read, changed and written back. */
export function blockDevice(name: string, device: RawDevice): DeviceNode {
  const { blockSizeBytes } = device;
  const sizeBytes = blockSizeBytes * device.blockCount;
  const aligned = (offsetBytes: number, lengthBytes: number) => {
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes);
    const buffer = new Uint8Array((end - first) * blockSizeBytes);
    device.read(first, buffer);
    return { first, buffer, skip: offsetBytes - first * blockSizeBytes };
  };
  return {
    type: 'block device',
    mode: 0o640,
    read(offsetBytes, into) {
      const length = Math.min(into.length, Math.max(0, sizeBytes - offsetBytes));
      if (length === 0) return 0;
      const { buffer, skip } = aligned(offsetBytes, length);
      into.set(buffer.subarray(skip, skip + length));
      return length;
    },
    write(offsetBytes, data) {
      const length = roomFor(device, name, offsetBytes, data.length);
      if (offsetBytes % blockSizeBytes === 0 && length % blockSizeBytes === 0) {
        device.write(offsetBytes / blockSizeBytes, data.subarray(0, length), label(name));
        return length;
      }
      const { first, buffer, skip } = aligned(offsetBytes, length);
      buffer.set(data.subarray(0, length), skip);
      device.write(first, buffer, label(name));
      return length;
    },
    sync: () => device.barrier(`fsync of /dev/${name}`),
  };
}

/** /dev/rdisk1: whole blocks only, nothing in between. EINVAL otherwise. */
export function rawDevice(name: string, device: RawDevice): DeviceNode {
  const { blockSizeBytes } = device;
  const sizeBytes = blockSizeBytes * device.blockCount;
  const requireBlocks = (offsetBytes: number, lengthBytes: number) => {
    if (offsetBytes % blockSizeBytes === 0 && lengthBytes % blockSizeBytes === 0) return;
    throw new FsError('EINVAL', '', '', `a raw device takes whole blocks of ${blockSizeBytes} bytes`);
  };
  return {
    type: 'character device',
    mode: 0o640,
    read(offsetBytes, into) {
      requireBlocks(offsetBytes, into.length);
      const length = Math.min(into.length, Math.max(0, sizeBytes - offsetBytes));
      if (length > 0) device.read(offsetBytes / blockSizeBytes, into.subarray(0, length));
      return length;
    },
    write(offsetBytes, data) {
      requireBlocks(offsetBytes, data.length);
      const length = roomFor(device, name, offsetBytes, data.length);
      device.write(offsetBytes / blockSizeBytes, data.subarray(0, length), label(name));
      return length;
    },
    sync: () => device.barrier(`fsync of /dev/r${name}`),
  };
}

/** How many of `lengthBytes` there is room for: a device ends where it ends. */
function roomFor(device: RawDevice, name: string, offsetBytes: number, lengthBytes: number): number {
  assert(lengthBytes > 0, 'a write has something to write');
  if (device.isReadOnly) throw new FsError('EROFS', '', '', `/dev/${name} cannot be written`);
  const room = device.blockSizeBytes * device.blockCount - offsetBytes;
  if (room <= 0) throw new FsError('ENOSPC', '', '', `/dev/${name} ends here`);
  return Math.min(lengthBytes, room);
}

const label = (name: string) => ({
  role: 'data' as const,
  owner: `/dev/${name}`,
  reason: 'write past the file system, straight to the device',
});
