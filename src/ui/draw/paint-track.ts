import type { Offshoot, TrackMarks } from './timeline.ts';

/** Paints the track of the timeline. Cost follows its width, never how many steps there are. */
export interface TrackColours {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly panel: string;
  readonly bad: string;
  readonly barrier: string;
  readonly focus: string;
}

export interface TrackPicture {
  readonly marks: TrackMarks;
  readonly offshoots: readonly Offshoot[];
  /** Places that steps take on the track. */
  readonly count: number;
  /** Shares of the track. */
  readonly bookmarks: readonly number[];
  readonly widthPixels: number;
  readonly scale: number;
  readonly colours: TrackColours;
}

export const TRACK_PIXELS = 40;
export const OFFSHOOT_ROWS = 2;
export const RAIL_Y = 17;
/** With more room than this between two steps, each is a ring; else a stroke. */
const RING_GAP_PIXELS = 12;

export function paintTrack(context: CanvasRenderingContext2D, picture: TrackPicture): void {
  const { marks, count, widthPixels, scale, colours } = picture;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, widthPixels, TRACK_PIXELS);
  context.fillStyle = colours.line;
  context.fillRect(0, RAIL_Y - 1, widthPixels, 2);

  context.fillStyle = colours.barrier;
  marks.barriers.forEach((barriers, x) => {
    if (barriers > 0) context.fillRect(x, RAIL_Y - 10, barriers > 1 ? 1 : 2, 20);
  });
  paintOffshoots(context, picture);

  const isRings = widthPixels / Math.max(1, count) >= RING_GAP_PIXELS;
  context.lineWidth = 2;
  marks.steps.forEach((step, x) => {
    if (step === 0) return;
    const colour = step === 2 ? colours.bad : colours.soft;
    if (isRings) {
      context.beginPath();
      context.arc(x + 0.5, RAIL_Y, 4, 0, 2 * Math.PI);
      context.fillStyle = colours.panel;
      context.fill();
      context.strokeStyle = colour;
      context.stroke();
    } else {
      context.fillStyle = colour;
      context.fillRect(x, RAIL_Y - (step === 2 ? 6 : 4), 1, step === 2 ? 12 : 8);
    }
  });

  context.fillStyle = colours.ink;
  for (const share of picture.bookmarks) {
    const x = share * (widthPixels - 1);
    context.beginPath();
    context.moveTo(x - 4, 0);
    context.lineTo(x + 4, 0);
    context.lineTo(x, 6);
    context.fill();
  }
}

/** Branches hang below the rail where they leave it, dashed, as long as they are. */
function paintOffshoots(context: CanvasRenderingContext2D, picture: TrackPicture): void {
  const { offshoots, count, widthPixels, colours } = picture;
  context.strokeStyle = colours.soft;
  context.lineWidth = 1.5;
  context.setLineDash([3, 2]);
  for (const { from, to, row } of offshoots) {
    const x = (from / Math.max(1, count)) * (widthPixels - 1);
    const end = Math.min(widthPixels - 1, Math.max(x + 8, (to / Math.max(1, count)) * (widthPixels - 1)));
    const y = RAIL_Y + 10 + row * 7;
    context.beginPath();
    context.moveTo(x, RAIL_Y + 2);
    context.lineTo(Math.min(end, x + 5), y);
    context.lineTo(end, y);
    context.stroke();
  }
  context.setLineDash([]);
}

export function trackColours(probe: HTMLElement): TrackColours {
  const read = (token: string) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  return {
    ...{ ink: read('--ink'), soft: read('--soft'), line: read('--line-strong'), panel: read('--panel') },
    ...{ bad: read('--bad'), barrier: read('--role-journal'), focus: read('--focus') },
  };
}
