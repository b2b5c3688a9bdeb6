import type { Tape } from '../device/tape.ts';
import type { Sharing } from '../formats/contract.ts';
import type { BlockAnnotation, Region } from '../formats/survey.ts';
import type { History } from './history.ts';
import { counted, printedSize } from './sentences.ts';
import type { DiskView, FileDetailView, FileView, WhyView } from './view.ts';

/** Plain sentences about why a block or a file is where it is, and what would free it. */
export interface BlockQuestion {
  readonly block: number;
  readonly annotation: BlockAnnotation;
  readonly region: Region | undefined;
  readonly history: History<unknown>;
  readonly tape: Tape;
  readonly disk: DiskView;
}

const ROLE_SENTENCES: Readonly<Record<Region['role'], (owner: string) => string>> = {
  free: () => 'It is free: nobody uses it, and the next write may take it.',
  header: (owner) => `It belongs to ${owner || 'a header'}, without which the volume cannot be mounted.`,
  allocation: (owner) => `It belongs to ${owner || 'the allocation table'}: it says which blocks are taken.`,
  directory: (owner) => `It holds entries of the directory ${owner}.`,
  data: (owner) => `It holds contents of ${owner || 'a file'}.`,
  reserved: (owner) => `It is set aside${owner === '' ? '' : ` (${owner})`} and holds nothing of a file.`,
  partition: (owner) => `It belongs to the ${owner || 'partition map'}, which says where the volumes begin.`,
  tree: (owner) => `It holds nodes of ${owner || 'a B-tree'}: records sorted by key.`,
  references: (owner) => `It belongs to ${owner || 'a tree of references'}: who refers to which blocks.`,
  checkpoint: (owner) => `It belongs to ${owner || 'a checkpoint'}: one state of the whole container.`,
  shared: (owner) => `It holds contents that several files share: ${owner || 'nobody can say which'}.`,
  pinned: (owner) =>
    `It holds contents that only a snapshot still shows: ${owner || 'nobody can say which'}.`,
  journal: () => 'It belongs to the journal: changes are written down here before they are made.',
  bad: () => 'It is marked as bad: nothing is written here.',
};

export function whyBlock({ block, annotation, region, history, tape, disk }: BlockQuestion): WhyView {
  const sentences: string[] = [];
  const { volume } = disk;
  if (volume !== null && volume.firstBlock > 0 && block >= volume.firstBlock) {
    sentences.push(`It is block ${block - volume.firstBlock} of ${volume.device}.`);
  }
  const role = region?.role ?? annotation.role;
  sentences.push(ROLE_SENTENCES[role](region?.owner ?? annotation.owner));
  if (region !== undefined) {
    const end = region.firstBlock + region.blockCount - 1;
    const run = counted(region.blockCount, 'block');
    if (region.blockCount > 1)
      sentences.push(`It is one of ${run} in a row, ${region.firstBlock} to ${end}.`);
  }
  sentences.push(lastWrite(block, history, tape) ?? 'Nothing in this history has written it.');
  return { title: `Block ${block}: ${annotation.title}`, sentences, deletions: [] };
}

/** Who wrote the block last on the way to the moment shown. */
function lastWrite(block: number, history: History<unknown>, tape: Tape): string | null {
  const { now } = history;
  const route = history.routeTo(now.step, () => false).reverse();
  for (const { view, entries } of route) {
    const isNow = view.step === now.step && now.write !== undefined;
    const end = isNow ? entries.from + (now.write ?? 0) + 1 : entries.to;
    for (let i = end - 1; i >= entries.from; i--) {
      const first = tape.firstBlockAt(i);
      if (block < first || block >= first + tape.blockCountAt(i)) continue;
      const { kind, reason } = tape.entry(i);
      const verb = kind === 'trim' ? 'given back' : 'written';
      return `It was last ${verb} in step ${view.step}, ${JSON.stringify(view.line)}: ${reason}.`;
    }
  }
  return null;
}

export function whyFile(detail: FileDetailView): WhyView {
  const { file, extents, extentFirstBlocks, forkAllocatedBytes, sharing } = detail;
  const title = `${file.path}: ${file.type}, ${counted(file.sizeBytes, 'byte')}`;
  const sentences: string[] = [];
  const what = file.type === 'directory' ? 'Its entries take' : 'Its contents take';
  if (extents.length === 0) sentences.push('It has no blocks of its own: its entry is all there is of it.');
  else {
    const pieces = extents.length === 1 ? 'in one piece' : `in ${counted(extents.length, 'piece')}`;
    const contentsBytes = file.allocatedBytes - forkAllocatedBytes;
    sentences.push(`${what} ${printedSize(contentsBytes)} on the disk, ${pieces}.`);
    sentences.push(
      extents.length === 1
        ? `They begin at block ${extentFirstBlocks[0]}.`
        : `The pieces begin at blocks ${[...extentFirstBlocks.subarray(0, 8)].join(', ')}${extents.length > 8 ? ' …' : ''}.`,
    );
  }
  const slackBytes = file.allocatedBytes - forkAllocatedBytes - file.sizeBytes;
  if (file.type === 'file' && extents.length > 0 && slackBytes > 0) {
    const slack = counted(slackBytes, 'byte');
    sentences.push(
      `${slack} behind its end belong to it and hold nothing: space is given out in whole units.`,
    );
  }
  if (forkAllocatedBytes > 0) {
    sentences.push(`Its resource fork takes another ${printedSize(forkAllocatedBytes)}.`);
  }
  sentences.push(...shares(file, sharing));
  return { title, sentences, deletions: [] };
}

/** Whom it shares its blocks or its names with. */
function shares({ linkCount, type }: FileView, sharing: Sharing | undefined): string[] {
  const sentences: string[] = [];
  if (type !== 'directory' && linkCount > 1) sentences.push(`It has ${linkCount} names.`);
  if (sharing === undefined || sharing.cloneReferenceCount <= 1) return sentences;
  const others = counted(sharing.cloneReferenceCount - 1, 'other file');
  const are = sharing.cloneReferenceCount === 2 ? 'is a clone' : 'are clones';
  return [...sentences, `${others} ${are} with the very same blocks.`];
}
