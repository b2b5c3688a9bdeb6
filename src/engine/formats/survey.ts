import type { Diagram } from '../base/diagram.ts';
import type { Role } from '../base/role.ts';
import type { Annotation } from '../codec/struct.ts';

/**
 * What lies on a device, for those who look. Who holds which block takes a walk over the metadata: it is made once, by
 * the first question that needs it, and serves all others. To be thrown away when the device is written to.
 */
export interface Survey {
  /** What every block is for, in ascending order without gaps, as runs. Cost follows what is stored. */
  regions(): Region[];
  /** Every byte of one block explained. Never throws. */
  annotate(block: number): BlockAnnotation;
  /** The format's own structures as a tree; `parent` null gives the top. Children are made when asked for. */
  structures(parent: StructureId | null, page: Page): StructurePage;
  /**
   * Rings, strips, layers, trees and entry sets to be drawn; never throws on damage, bounded in size. Of what there are
   * many (directories), the structure `chosen` is drawn too; a diagram of a structure has its id.
   */
  diagrams(chosen: StructureId | null): Diagram[];
}

export interface Region {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly role: Role;
  /** 'FAT 1', '/photos', '/notes.txt'; empty for free space. */
  readonly owner: string;
  /** How many files hold these blocks, where that is more than one. Infinity: more than anybody counts. */
  readonly holderCount?: number;
  /** The last of these blocks is where the chain of its file ends. */
  readonly endsChain?: boolean;
}

export interface BlockAnnotation {
  readonly role: Role;
  readonly owner: string;
  /** One line: 'Directory /photos, entries 16 to 31'. */
  readonly title: string;
  /** In ascending order, covering every byte of a metadata block. Of file data: one run. */
  readonly fields: readonly Annotation[];
}

/** Opaque to everyone but the format: 'fat1', 'chain:7', 'dir:2'. */
export type StructureId = string;

export interface Page {
  readonly offset: number;
  readonly countMax: number;
}

export interface StructureNode {
  readonly id: StructureId;
  /** 'Boot sector', 'Chain of /notes.txt', 'slot 3: long name part 1 of 2' */
  readonly title: string;
  /** The value or summary beside it: '3 clusters: 5 → 6 → 9'. */
  readonly text: string;
  readonly hasChildren: boolean;
  /** `diagrams` draws it when asked for it. */
  readonly hasDiagram?: boolean;
  /** Where it lies; selecting it selects these bytes. */
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

export interface StructurePage {
  readonly nodes: readonly StructureNode[];
  readonly total: number;
}
