import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { FORMAT_NAMES } from '../engine/formats/registry.ts';
import { createDisk } from '../engine/session/new-disk.ts';
import { createImage } from './host-file.ts';
import { UsageError } from './options.ts';
import type { Arguments } from './options.ts';
import { EXIT, HostError, onHost, printable } from './report.ts';
import type { Subcommand } from './run.ts';
import { SEED_OPTION, seedOf } from './settings.ts';
import { parseSize } from './size.ts';

const DEFAULT_SIZE_BYTES = 64 * 2 ** 20;
const SCHEMES = ['none', 'gpt', 'mbr'] as const;

export const newfsCommand: Subcommand = {
  synopsis: {
    name: 'newfs',
    summary: 'Make a disk image with an empty volume',
    operands: [{ name: 'IMAGE', help: 'file to make' }],
    options: [
      { name: 'type', short: 't', value: 'FORMAT', choices: FORMAT_NAMES, help: 'format of the volume' },
      { name: 'size', short: 's', value: 'SIZE', help: '512k, 64m, 2g, 1t or bytes (default 64m)' },
      { name: 'label', short: 'v', value: 'LABEL', help: 'name of the volume' },
      {
        ...{ name: 'option', short: 'o', value: 'KEY[=VALUE]', isRepeatable: true },
        help: 'setting of the format, as in -o cluster-size=4k or -o case-sensitive',
      },
      { name: 'scheme', value: 'SCHEME', choices: SCHEMES, help: 'partition map (default none)' },
      { name: 'force', short: 'f', help: 'replace a file that is there' },
      SEED_OPTION,
    ],
    notes: [
      'An existing file that is not empty is only replaced with --force; without -s it keeps its size.',
    ],
  },
  run(args, output) {
    const path = args.required('IMAGE');
    const format = args.value('type');
    if (path.toLowerCase().endsWith('.gz')) {
      const detail = 'newfs makes plain images; `diskoscope export IMAGE OUT.img.gz` packs one';
      throw new HostError(`${printable(path)}: ${detail}.`, EXIT.usage);
    }
    if (format === undefined) throw new UsageError(`-t is missing: -t ${FORMAT_NAMES.join('|')}.`);
    const sizeBytes = sizeFor(path, args);
    const { store, report } = createDisk({
      format,
      sizeBytes,
      label: args.value('label') ?? '',
      scheme: SCHEMES.find((scheme) => scheme === args.value('scheme')) ?? 'none',
      settings: settingsOf(args),
      seed: seedOf(args),
    });
    createImage(path, sizeBytes, store);
    for (const line of report.lines) output.print(`${printable(line)}\n`);
    for (const warning of report.warnings) output.complain(`diskoscope newfs: ${printable(warning)}\n`);
    return EXIT.ok;
  },
};

/** Looks at what is there now, before anything is made. */
function sizeFor(path: string, args: Arguments): number {
  const asked = args.value('size');
  const sizeBytes = asked === undefined ? undefined : parseSize(asked);
  const stats = onHost('make', path, EXIT.failed, () => fs.statSync(path, { throwIfNoEntry: false }));
  if (stats === undefined) {
    onHost('make', path, EXIT.failed, () => fs.accessSync(dirname(path), fs.constants.W_OK));
    return sizeBytes ?? DEFAULT_SIZE_BYTES;
  }
  if (!stats.isFile()) throw new HostError(`${printable(path)} is not a plain file.`, EXIT.failed);
  if (stats.size > 0 && !args.has('force')) {
    throw new HostError(
      `${printable(path)} is there already and not empty; --force replaces it.`,
      EXIT.failed,
    );
  }
  return sizeBytes ?? (stats.size > 0 ? stats.size : DEFAULT_SIZE_BYTES);
}

function settingsOf(args: Arguments): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const text of args.values('option')) {
    const [, key = '', value = ''] = /^([^=]*)=?([^]*)$/.exec(text) ?? [];
    if (key === '') throw new UsageError(`-o takes KEY=VALUE or KEY, not '${text}'.`);
    if (Object.hasOwn(settings, key)) throw new UsageError(`-o ${key} is given twice.`);
    settings[key] = value;
  }
  return settings;
}
