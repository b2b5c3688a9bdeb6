import type { Diagram, DiagramPart } from '../base/diagram.ts';

export type { DiagramKind, DiagramTone } from '../base/diagram.ts';

/** A part at bytes of the whole disk. */
export interface DiagramPartView extends DiagramPart {
  /** The step shown wrote here. */
  readonly isChanged: boolean;
}

export interface DiagramView extends Diagram {
  readonly parts: readonly DiagramPartView[];
}

/** What the format draws at the moment shown, and before its step; nothing before where the step wrote nothing. */
export interface DiagramsView {
  readonly now: readonly DiagramView[];
  readonly before: readonly DiagramView[];
}
