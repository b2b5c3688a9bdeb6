/**
 * A curve through every cell of a rectangle, each once, from neighbour to neighbour: the Hilbert curve where the sides
 * are equal powers of two, and what comes nearest to it elsewhere. Blocks that are close on the disk are close on such a
 * map, whatever the width of the column. Where both sides are odd or even in an awkward way one step goes to a diagonal
 * neighbour; no step goes further.
 */
export interface Curve {
  /** Place (row × columns + column) of the nth cell of the curve. */
  readonly placeOf: Int32Array;
  /** The other way round. */
  readonly cellOf: Int32Array;
}

/** A side of a stretch of the rectangle: one of the two is 0. */
interface Side {
  readonly x: number;
  readonly y: number;
}

const length = ({ x, y }: Side): number => Math.abs(x + y);
const unit = ({ x, y }: Side): Side => ({ x: Math.sign(x), y: Math.sign(y) });
const sum = (...sides: readonly Side[]): Side =>
  sides.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }));
const minus = ({ x, y }: Side): Side => ({ x: 0 - x, y: 0 - y });

/** About half of a side; of a long one an even number of cells, so that the curve comes out where it has to. */
function half(side: Side): Side {
  const middle = { x: Math.trunc(side.x / 2), y: Math.trunc(side.y / 2) };
  const cells = length(middle);
  return cells % 2 === 1 && length(side) > 2 ? sum(middle, unit(side)) : middle;
}

/** Visits the cells of a stretch: from its corner along `along`, ending at the far end of `along`. */
function walk(corner: Side, along: Side, across: Side, visit: (x: number, y: number) => void): void {
  const long = length(along);
  const wide = length(across);
  if (wide === 1 || long === 1) {
    const step = unit(wide === 1 ? along : across);
    for (let i = 0; i < Math.max(long, wide); i++) visit(corner.x + step.x * i, corner.y + step.y * i);
    return;
  }
  const first = half(along);
  if (2 * long > 3 * wide) {
    walk(corner, first, across, visit);
    walk(sum(corner, first), sum(along, minus(first)), across, visit);
    return;
  }
  // Up on the near side, along in the middle, down again on the far side.
  const up = half(across);
  const near = { x: Math.trunc(along.x / 2), y: Math.trunc(along.y / 2) };
  const turn = sum(corner, along, minus(unit(along)), up, minus(unit(across)));
  walk(corner, up, near, visit);
  walk(sum(corner, up), along, sum(across, minus(up)), visit);
  walk(turn, minus(up), minus(sum(along, minus(near))), visit);
}

function lay(columns: number, rows: number): Curve {
  const placeOf = new Int32Array(columns * rows);
  const cellOf = new Int32Array(columns * rows);
  const right = { x: columns, y: 0 };
  const down = { x: 0, y: rows };
  let cell = 0;
  const isBroad = columns >= rows;
  walk({ x: 0, y: 0 }, isBroad ? right : down, isBroad ? down : right, (x, y) => {
    const place = y * columns + x;
    placeOf[cell] = place;
    cellOf[place] = cell++;
  });
  return { placeOf, cellOf };
}

/** Curves of the sizes asked for last: a map asks again for every frame. */
const known = new Map<string, Curve>();
const KNOWN_MAX = 16;

export function curveOf(columns: number, rows: number): Curve {
  const key = `${columns}x${rows}`;
  let curve = known.get(key);
  if (curve === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    curve = lay(columns, rows);
    known.set(key, curve);
  }
  return curve;
}
