import type { Session } from '../engine/session/session.ts';
import type { BlockView, FileDetailView } from '../engine/session/view.ts';
import { withImage } from './image-session.ts';
import { UsageError } from './options.ts';
import type { Output } from './report.ts';
import { EXIT, printable } from './report.ts';
import type { Subcommand } from './run.ts';
import {
  choiceOf,
  IMAGE_OPERAND,
  JSON_OPTION,
  READ_ONLY,
  SNAPSHOT_OPTION,
  VOLUME_OPTION,
} from './settings.ts';

export const inspectCommand: Subcommand = {
  synopsis: {
    name: 'inspect',
    summary: 'Explain the bytes of a block, or where a file lies',
    operands: [IMAGE_OPERAND],
    options: [
      { name: 'block', short: 'b', value: 'N', help: 'a block of the whole disk, counted from 0' },
      { name: 'path', short: 'p', value: 'PATH', help: 'a file or directory of the volume' },
      ...[VOLUME_OPTION, SNAPSHOT_OPTION, JSON_OPTION],
    ],
    notes: ['Give one of --block and --path.'],
  },
  run(args, output) {
    const path = args.value('path');
    const block = args.value('block');
    if ((path === undefined) === (block === undefined)) {
      throw new UsageError('Give one of --block and --path.');
    }
    const settings = { ...READ_ONLY, ...choiceOf(args), mayLackVolume: path === undefined };
    return withImage(args.required('IMAGE'), settings, ({ session }) => {
      if (block !== undefined) inspectBlock(session, block, args.has('json'), output);
      if (path !== undefined) inspectPath(session, path, args.has('json'), output);
      return EXIT.ok;
    });
  },
};

function inspectBlock(session: Session, text: string, isJson: boolean, output: Output): void {
  const block = Number(text);
  const { blockCount } = session.views.disk();
  if (!/^\d+$/.test(text) || block >= blockCount) {
    throw new UsageError(`--block takes a number from 0 to ${blockCount - 1}, not '${printable(text)}'.`);
  }
  const view = session.views.block(block);
  const why = session.views.why(block);
  if (isJson) {
    const bytes = Buffer.from(view.bytes).toString('hex');
    output.print(`${JSON.stringify({ block, bytes, annotation: view.annotation, why: why.sentences })}\n`);
    return;
  }
  printBlock(view, output);
  for (const sentence of why.sentences) output.print(`${printable(sentence)}\n`);
}

function printBlock({ block, bytes, annotation }: BlockView, output: Output): void {
  const owner = annotation.owner === '' ? '' : `, ${printable(annotation.owner)}`;
  output.print(`Block ${block}: ${printable(annotation.title)} (${annotation.role}${owner})\n`);
  for (const { offsetBytes, lengthBytes, name, text, doc, section } of annotation.fields) {
    const shown = Buffer.from(bytes.subarray(offsetBytes, offsetBytes + Math.min(lengthBytes, 8)));
    const hex = (shown.toString('hex').match(/../g) ?? []).join(' ') + (lengthBytes > 8 ? ' …' : '');
    const where = `${String(offsetBytes).padStart(5)} ${String(lengthBytes).padStart(4)}`;
    const value = text === '' ? '' : ` = ${printable(text)}`;
    const source = section === '' ? '' : `  [${section}]`;
    output.print(`${where}  ${hex.padEnd(25)}  ${printable(name)}${value}  ${printable(doc)}${source}\n`);
  }
}

function inspectPath(session: Session, path: string, isJson: boolean, output: Output): void {
  const detail = session.views.file(path);
  const why = session.views.why(path);
  if (isJson) {
    const extentFirstBlocks = [...detail.extentFirstBlocks];
    output.print(`${JSON.stringify({ ...detail, extentFirstBlocks, why: why.sentences })}\n`);
    return;
  }
  printFile(detail, output);
  for (const sentence of why.sentences) output.print(`${printable(sentence)}\n`);
}

function printFile({ file, extents, extentFirstBlocks, attributes }: FileDetailView, output: Output): void {
  output.print(`${printable(file.path)}: ${file.type}, ${file.sizeBytes.toLocaleString('en')} bytes\n`);
  for (const [key, value] of attributes) output.print(`  ${printable(key)}: ${printable(value)}\n`);
  extents.forEach(({ fileOffsetBytes, lengthBytes }, i) => {
    const where = `from byte ${fileOffsetBytes}: ${lengthBytes} bytes at block ${extentFirstBlocks[i]}`;
    output.print(`  extent ${i + 1} ${where}\n`);
  });
}
