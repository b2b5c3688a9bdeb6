import * as fs from 'node:fs';
import { join } from 'node:path';
import { FsError } from '../engine/base/errno.ts';
import { O_RDONLY, S_IFMT, S_IFREG } from '../engine/vfs/constants.ts';
import { freeBytes, hostIsFull, writeAll, writeAside } from './host-file.ts';
import { baseName } from '../engine/shell/paths-text.ts';
import { withImage } from './image-session.ts';
import type { ImageSession } from './image-session.ts';
import { pathInVolume } from './paths.ts';
import { EXIT, Progress } from './report.ts';
import type { Output } from './report.ts';
import type { Subcommand } from './run.ts';
import { choiceOf, IMAGE_OPERAND, READ_ONLY, VOLUME_OPTION, SNAPSHOT_OPTION } from './settings.ts';

const PIECE_BYTES = 2 ** 20;

export const getCommand: Subcommand = {
  synopsis: {
    name: 'get',
    summary: 'Copy a file out of an image to the host',
    operands: [
      IMAGE_OPERAND,
      { name: 'PATH', help: 'file in the volume' },
      { name: 'HOSTFILE', help: 'where to on the host: a name or a directory; - is standard output' },
    ],
    options: [VOLUME_OPTION, SNAPSHOT_OPTION],
    notes: ['The time of modification goes along. HOSTFILE appears, or is replaced, only when all is there.'],
  },
  run(args, output) {
    return withImage(args.required('IMAGE'), { ...READ_ONLY, ...choiceOf(args) }, async (opened) => {
      const { session, system } = opened;
      const path = pathInVolume(session.mountPoint, args.required('PATH'));
      const stat = system.stat(path);
      if ((stat.mode & S_IFMT) !== S_IFREG) {
        throw new FsError('EISDIR', 'get', args.required('PATH'), 'get copies single files');
      }
      const hostPath = args.required('HOSTFILE');
      if (hostPath === '-') await print(opened, path, output);
      else copyOut(opened, path, hostTarget(hostPath, path), output);
      return EXIT.ok;
    });
  },
};

const hostTarget = (hostPath: string, path: string): string => {
  const isDirectory = fs.statSync(hostPath, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? join(hostPath, baseName(path)) : hostPath;
};

/** Written under another name and moved into place at the end: never half a file. */
function copyOut(opened: ImageSession, path: string, target: string, output: Output): void {
  const { sizeBytes, modifyTime } = opened.system.stat(path);
  if (sizeBytes > freeBytes(target)) throw hostIsFull(target, sizeBytes);
  writeAside(target, 'write', (descriptor) => {
    const progress = new Progress(output, 'get', sizeBytes);
    let done = 0;
    for (const piece of pieces(opened, path)) {
      writeAll(descriptor, piece, null);
      progress.show((done += piece.length));
    }
    progress.end();
    const seconds = modifyTime.seconds + modifyTime.nanoseconds / 1e9;
    fs.futimesSync(descriptor, seconds, seconds);
  });
}

async function print(opened: ImageSession, path: string, output: Output): Promise<void> {
  for (const piece of pieces(opened, path)) {
    output.print(piece.slice());
    await output.drained();
  }
}

function* pieces({ system }: ImageSession, path: string): Generator<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES);
  const fd = system.open(path, O_RDONLY);
  try {
    for (let count = system.read(fd, buffer); count > 0; count = system.read(fd, buffer)) {
      yield buffer.subarray(0, count);
    }
  } finally {
    system.close(fd);
  }
}
