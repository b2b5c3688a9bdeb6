import { FsError } from '../engine/base/errno.ts';
import type { Backing } from '../engine/device/store.ts';
import { openUdif } from '../engine/device/udif.ts';
import { openDisk } from '../engine/session/new-disk.ts';
import { Session } from '../engine/session/session.ts';
import type { SessionSettings } from '../engine/session/settings.ts';
import type { ProcessCalls } from '../engine/vfs/calls.ts';
import { HostImage } from './host-file.ts';
import { isGzip, refusePackedWrite, unpacked } from './packed-image.ts';
import { EXIT, HostError, printable } from './report.ts';
import type { Output } from './report.ts';

const SUPERUSER = { uid: 0, gid: 0 };

/** Nothing smaller holds a disk. */
const SMALLEST_BYTES = 512;

/** An image of the host, opened as the disk of a session. */
export interface ImageSession {
  readonly session: Session;
  /** System calls of the superuser: whoever holds an image may read all of it, whatever its files' permissions say. */
  readonly system: ProcessCalls;
  /** Unmounts everything and writes what changed into the image. Returns the bytes that really differed. */
  save(): number;
  close(): void;
}

export interface ImageSettings extends SessionSettings {
  readonly mayLackVolume?: boolean;
  /** Where commands print; absent: nobody runs any. */
  readonly output?: Output;
}

/**
 * Opens `path`, finds its partition map and its volume. Unless `mayLackVolume`, an image without a volume that can be
 * mounted is a HostError with exit code 3.
 */
export async function openImageSession(path: string, settings: ImageSettings): Promise<ImageSession> {
  const image = HostImage.open(path, !settings.isReadOnly);
  try {
    const backing = await backingOf(image, path, settings);
    if (backing.sizeBytes < SMALLEST_BYTES) {
      const what = backing.sizeBytes === 0 ? 'empty' : 'too small';
      throw new HostError(`${printable(path)} is ${what}: no disk image.`, EXIT.unreadable);
    }
    return sessionOn(image, backing, settings);
  } catch (error) {
    image.close();
    throw error;
  }
}

/** What the image holds: itself, or what is packed in it, which is only read. */
async function backingOf(image: HostImage, path: string, { isReadOnly }: ImageSettings): Promise<Backing> {
  if (isGzip(image)) {
    if (!isReadOnly) throw refusePackedWrite(path);
    return unpacked(image);
  }
  if (!isReadOnly && openUdif(image, path) !== null) {
    const detail =
      'a packed disk image (.dmg) is only read; `hdiutil convert -format UDRW` unpacks it on a Mac';
    throw new HostError(`${printable(path)}: ${detail}`, EXIT.usage);
  }
  return image;
}

function sessionOn(image: HostImage, backing: Backing, settings: ImageSettings): ImageSession {
  const { path } = image;
  const { output } = settings;
  const session = Session.open(
    openDisk(backing, path, settings.isReadOnly),
    path,
    settings,
    (stream, bytes) => {
      if (stream === 'stdout') output?.print(bytes);
      else output?.complain(bytes);
    },
  );
  if (session.volume === null && settings.mayLackVolume !== true) {
    throw new HostError(`${printable(path)}: ${session.problem}`, EXIT.unreadable);
  }
  const system = session.system.fork(SUPERUSER);
  // A current directory on the volume would keep a script from erasing the disk.
  system.chdir('/');
  return {
    ...{ session, system },
    save() {
      system.exit();
      session.shutDown();
      return image.save(session.store);
    },
    close: () => image.close(),
  };
}

/** Runs `work` on a path of the volume that is only looked at; a damaged image is exit code 3. */
export async function withImage<T>(
  path: string,
  settings: ImageSettings,
  work: (opened: ImageSession) => T | Promise<T>,
): Promise<T> {
  const opened = await openImageSession(path, settings);
  try {
    return await work(opened);
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== 'EIO') throw error;
    throw new HostError(`${printable(path)} cannot be read: ${error.message}.`, EXIT.unreadable, {
      cause: error,
    });
  } finally {
    opened.close();
  }
}
