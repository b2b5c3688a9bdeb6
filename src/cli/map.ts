import { withImage } from './image-session.ts';
import type { Subcommand } from './run.ts';
import { EXIT, printable } from './report.ts';
import { IMAGE_OPERAND, JSON_OPTION, READ_ONLY } from './settings.ts';

export const mapCommand: Subcommand = {
  synopsis: {
    name: 'map',
    summary: 'Print what every block of an image is for, as runs',
    operands: [IMAGE_OPERAND],
    options: [JSON_OPTION],
    notes: [
      'Columns: first block, count of blocks, role, owner. Blocks are sectors of the whole disk, from 0.',
    ],
  },
  run(args, output) {
    return withImage(args.required('IMAGE'), { ...READ_ONLY, mayLackVolume: true }, async ({ session }) => {
      const { regions } = session.views.regions({ offset: 0, countMax: Infinity });
      if (args.has('json')) {
        output.print(`${JSON.stringify(regions)}\n`);
        return EXIT.ok;
      }
      const width = String(regions.at(-1)?.firstBlock ?? 0).length + 1;
      for (const { firstBlock, blockCount, role, owner } of regions) {
        const numbers = `${String(firstBlock).padStart(width)} ${String(blockCount).padStart(width)}`;
        output.print(`${numbers}  ${role.padEnd(10)}  ${printable(owner)}`.trimEnd() + '\n');
        await output.drained();
      }
      return EXIT.ok;
    });
  },
};
