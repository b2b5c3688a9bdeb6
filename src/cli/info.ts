import { withImage } from './image-session.ts';
import { EXIT, printable } from './report.ts';
import type { Subcommand } from './run.ts';
import { IMAGE_OPERAND, JSON_OPTION, READ_ONLY } from './settings.ts';
import { printedSize } from '../engine/session/sentences.ts';

export const infoCommand: Subcommand = {
  synopsis: {
    name: 'info',
    summary: 'Print the geometry of an image and of its volume',
    operands: [IMAGE_OPERAND],
    options: [JSON_OPTION, { name: 'hash', help: 'add the fingerprint of the whole disk (reads all of it)' }],
    notes: ['Exit code 3 when the image holds no volume that can be read.'],
  },
  run(args, output) {
    return withImage(args.required('IMAGE'), { ...READ_ONLY, mayLackVolume: true }, ({ session }) => {
      const disk = session.views.disk();
      const slices = session.machine.disks().flatMap((description) => description.slices);
      const hash = args.has('hash') ? { hash: session.imageHash() } : {};
      if (args.has('json')) {
        output.print(`${JSON.stringify({ ...disk, slices, ...hash })}\n`);
        return disk.volume === null ? EXIT.unreadable : EXIT.ok;
      }
      const rows: (readonly [string, string])[] = [
        ['Image', disk.name],
        ['Size', `${printedSize(disk.sizeBytes)} (${disk.sizeBytes.toLocaleString('en')} bytes)`],
        ['Blocks', `${disk.blockCount.toLocaleString('en')} of ${disk.blockSizeBytes} bytes`],
        ['Partition map', disk.scheme],
        ...slices.map(
          (slice) =>
            [
              slice.device,
              `${slice.typeName}, ${printedSize(slice.sizeBytes)}, from block ${slice.firstBlock}`,
            ] as const,
        ),
        ...(hash.hash === undefined ? [] : [['Fingerprint', hash.hash] as const]),
        ...(disk.problem === null ? [] : [['Problem', disk.problem] as const]),
        ...(disk.volume?.warnings ?? []).map((warning) => ['Warning', warning] as const),
        ...(disk.volume === null ? [] : session.machine.info(disk.volume.device)),
      ];
      const width = Math.max(...rows.map(([key]) => key.length)) + 2;
      for (const [key, value] of rows) output.print(`${`${key}:`.padEnd(width)} ${printable(value)}\n`);
      return disk.volume === null ? EXIT.unreadable : EXIT.ok;
    });
  },
};
