import { FORMAT_NAMES } from '../engine/formats/registry.ts';
import { withImage } from './image-session.ts';
import type { Subcommand } from './run.ts';
import { EXIT, printable } from './report.ts';
import { IMAGE_OPERAND, JSON_OPTION, READ_ONLY, READ_WRITE } from './settings.ts';

export const fsckCommand: Subcommand = {
  synopsis: {
    name: 'fsck',
    summary: 'Check the volume of an image, and repair it if asked to',
    operands: [IMAGE_OPERAND],
    options: [
      { name: 'repair', short: 'r', help: 'repair what can be repaired' },
      {
        ...{ name: 'type', short: 't', value: 'FORMAT', choices: FORMAT_NAMES },
        help: 'how to read a volume whose first blocks say nothing any more',
      },
      JSON_OPTION,
    ],
    notes: ['Exit codes: 0 clean, 1 something was found (repaired or not), 2 called wrongly, 3 unreadable.'],
  },
  run(args, output) {
    const repair = args.has('repair');
    const format = args.value('type');
    const settings = { ...(repair ? READ_WRITE : READ_ONLY), mountsVolumes: false, mayLackVolume: true };
    return withImage(args.required('IMAGE'), settings, (opened) => {
      const report = opened.session.machine.fsck('disk1', {
        repair,
        ...(format === undefined ? {} : { format }),
      });
      if (repair && report.isReadable) opened.save();
      if (args.has('json')) {
        const isClean = report.isReadable && report.findings.length === 0;
        output.print(`${JSON.stringify({ ...report, isClean })}\n`);
      } else {
        for (const line of report.lines) output.print(`${printable(line)}\n`);
      }
      if (!report.isReadable) return EXIT.unreadable;
      return report.findings.length === 0 ? EXIT.ok : EXIT.failed;
    });
  },
};
