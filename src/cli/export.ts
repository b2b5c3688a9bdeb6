import * as fs from 'node:fs';
import {
  CONTAINER_ENDINGS,
  CONTAINERS,
  prepareExport,
  type Container,
  type PreparedExport,
} from '../engine/session/export.ts';
import { writeAll, writeAside } from './host-file.ts';
import { withImage } from './image-session.ts';
import { UsageError } from './options.ts';
import { EXIT, HostError, onHost, printable } from './report.ts';
import type { Output } from './report.ts';
import type { Subcommand } from './run.ts';
import { IMAGE_OPERAND, READ_ONLY } from './settings.ts';

const ENDINGS = Object.values(CONTAINER_ENDINGS);

export const exportCommand: Subcommand = {
  synopsis: {
    name: 'export',
    summary: 'Write an image as another kind of file',
    operands: [IMAGE_OPERAND, { name: 'OUT', help: `file to make: ${ENDINGS.join(', ')}` }],
    options: [
      { name: 'gpt', help: 'put a partition map around a bare volume (.dmg and .vhd do)' },
      { name: 'bare', help: 'put none around it' },
      { name: 'force', short: 'f', help: 'replace a file that is there' },
    ],
    notes: ['Prints how macOS, Linux and Windows use the file. The image itself is only read.'],
  },
  run(args, output) {
    const path = args.required('OUT');
    const container = containerOf(path);
    if (args.has('gpt') && args.has('bare')) throw new UsageError('--gpt and --bare exclude each other.');
    const isWrapped = args.has('gpt') || (!args.has('bare') && (container === 'dmg' || container === 'vhd'));
    if (!args.has('force') && onHost('make', path, EXIT.failed, () => fs.existsSync(path))) {
      throw new HostError(`${printable(path)} is there already; --force replaces it.`, EXIT.failed);
    }
    return withImage(args.required('IMAGE'), { ...READ_ONLY, mayLackVolume: true }, ({ session }) => {
      const { shownStore, now } = session;
      const source = { shownStore, restingStore: shownStore.fork(), now, label: labelOf(path) };
      const prepared = prepareExport(source, { container, state: 'rest', isWrapped });
      writeAside(path, 'make', (descriptor) => writePieces(descriptor, prepared));
      tell(path, prepared, container, output);
      return EXIT.ok;
    });
  },
};

/** By its name; the longest ending first. */
function containerOf(path: string): Container {
  const found = [...CONTAINERS]
    .sort((a, b) => CONTAINER_ENDINGS[b].length - CONTAINER_ENDINGS[a].length)
    .find((container) => path.toLowerCase().endsWith(CONTAINER_ENDINGS[container]));
  if (found === undefined) throw new UsageError(`OUT ends with ${ENDINGS.join(', ')}; '${path}' does not.`);
  return found;
}

const labelOf = (path: string): string =>
  path.replace(/^.*[/\\]/, '').replace(/\.(img|img\.gz|dmg|vhd)$/i, '');

/** Zeros become holes. */
function writePieces(descriptor: number, prepared: PreparedExport): void {
  let at = 0;
  for (const piece of prepared.pieces()) {
    if (piece.kind === 'data') writeAll(descriptor, piece.bytes, at);
    at += piece.kind === 'data' ? piece.bytes.length : piece.lengthBytes;
  }
  fs.ftruncateSync(descriptor, at);
}

/** The commands are about the file as it is called here, where its name needs no quotes. */
function tell(path: string, { view }: PreparedExport, container: Container, output: Output): void {
  const written = fs.statSync(path).size;
  output.print(`${printable(path)}: ${written.toLocaleString('en')} bytes\n`);
  const told = view.fileName.slice(0, -CONTAINER_ENDINGS[container].length);
  const stem = labelOf(path);
  const own = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(stem) ? stem : told;
  for (const { system, steps, notes } of view.advice) {
    output.print(`\n${system}\n`);
    for (const { what, command } of steps) {
      output.print(`  ${what}:\n    ${command.replaceAll(told, own)}\n`);
    }
    for (const note of notes) output.print(`  ${note}\n`);
  }
}
