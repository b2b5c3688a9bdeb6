import { viewOf } from '../../base/bytes.ts';
import { RECORD_FLAG } from './layout-catalog.ts';
import { dataAtOf, ID, NODE, objectOffset, setFlags } from './fsck-catalog.ts';
import { set32 } from './fsck-moving.ts';
import type { Pass } from './fsck-pass.ts';
import { AT } from './fsck-records.ts';

/** The chain through all links of one file: the target names the first, each link its neighbours, 0 at both ends. */
export interface Link {
  readonly row: number;
  readonly id: number;
  readonly flags: number;
  readonly isChained: boolean;
  readonly previous: number;
  readonly next: number;
  readonly first: number;
  readonly createDate: number;
}

export function linkOf(pass: Pass, row: number): Link {
  const { objects } = pass.catalog;
  const at = dataAtOf(objects, row);
  const view = viewOf(pass.trees.catalog.readNode(objects.get(row, NODE)));
  const flags = view.getUint16(at + AT.flags);
  return {
    row,
    id: objects.get(row, ID),
    flags,
    isChained: (flags & RECORD_FLAG.hasLinkChain) !== 0,
    previous: view.getUint32(at + AT.previousLink),
    next: view.getUint32(at + AT.nextLink),
    first: view.getUint32(at + AT.firstLink),
    createDate: view.getUint32(at + AT.createDate),
  };
}

/** `targetRow` null: the first link stands elsewhere (in an extended attribute) and is taken to be right. */
export function checkChain(
  pass: Pass,
  targetRow: number | null,
  targetId: number,
  word: string,
  links: readonly Link[],
): void {
  for (const link of links) {
    if (link.isChained) continue;
    const right = link.flags | RECORD_FLAG.hasLinkChain;
    pass.report.add({
      kind: 'record-flags',
      severity: 'error',
      message: `Incorrect flags for ${word} hard link (id = ${link.id})`,
      shouldBe: [right, link.flags],
      offsetBytes: objectOffset(pass, link.row),
      repair: () => setFlags(pass, link.row, right),
    });
  }
  const stated = targetRow === null ? null : linkOf(pass, targetRow).first;
  const ordered = inOrder(links, stated);
  const firstId = ordered[0]?.id ?? 0;
  if (targetRow !== null && stated !== firstId) {
    pass.report.add({
      kind: 'link-chain',
      severity: 'error',
      message: `Invalid first link in hard link chain (id = ${targetId})`,
      shouldBe: [firstId, stated ?? 0],
      offsetBytes: objectOffset(pass, targetRow),
      repair: () => set32(pass, targetRow, AT.firstLink, firstId, 'name the first link of the chain'),
    });
  }
  for (const [index, link] of ordered.entries()) {
    neighbour(pass, link, 'Previous', AT.previousLink, ordered[index - 1]?.id ?? 0, link.previous);
    neighbour(pass, link, 'Next', AT.nextLink, ordered[index + 1]?.id ?? 0, link.next);
  }
}

function neighbour(pass: Pass, link: Link, word: string, at: number, right: number, found: number): void {
  if (right === found) return;
  pass.report.add({
    kind: 'link-chain',
    severity: 'error',
    message: `${word} ID in a hard link chain is incorrect (id = ${link.id})`,
    shouldBe: [right, found],
    offsetBytes: objectOffset(pass, link.row),
    repair: () => set32(pass, link.row, at, right, 'close the chain of hard links'),
  });
}

/** As far as the chain can be followed, as it is; the others behind it, newest first, as the driver adds them. */
function inOrder(links: readonly Link[], first: number | null): Link[] {
  const left = new Map(links.map((link) => [link.id, link]));
  const ordered: Link[] = [];
  const start = left.get(first ?? 0) ?? links.find((link) => link.previous === 0);
  for (let link = start; link; link = left.get(link.next)) {
    left.delete(link.id);
    ordered.push(link);
  }
  return [...ordered, ...[...left.values()].sort((a, b) => b.id - a.id)];
}
