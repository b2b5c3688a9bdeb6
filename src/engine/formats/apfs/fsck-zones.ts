import { BLOCK_SIZE_BYTES } from './layout.ts';
import { SPACE_DATAZONE_AT } from './layout-space.ts';
import { u64At } from './fsck-check.ts';
import type { Space } from './fsck-space.ts';

/** Allocation zones: two devices of eight, each with its present and seven earlier boundaries (apfs.md §3.1). */
const DEVICES = 2;
const ZONES = 8;
const ZONE_BYTES = 136;
const BOUNDARY_BYTES = 16;
const PREVIOUS_BOUNDARIES = 7;
/** Behind the boundaries: id, index of the newest of the earlier ones, reserved. */
const ID_AT = 128;
const PREVIOUS_INDEX_AT = 130;
const RESERVED_AT = 132;

interface Zone {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Hints of macOS's allocator. Nobody else needs them, but they are either unused or make sense. */
export function checkDatazone(space: Space): void {
  const { view } = space;
  const wrong = (text: string): void => space.wrong(`allocation zone: ${text}`);
  for (let device = 0; device < DEVICES; device++) {
    const zones: Zone[] = [];
    for (let i = 0; i < ZONES; i++) {
      const at = SPACE_DATAZONE_AT + (device * ZONES + i) * ZONE_BYTES;
      const zone = { id: view.getUint16(at + ID_AT, true), start: u64At(view, at), end: u64At(view, at + 8) };
      if (view.getUint32(at + RESERVED_AT, true) !== 0) wrong('a reserved field is set');
      checkPrevious(space, at, wrong);
      if (zone.id === 0) {
        if (zone.start !== 0 || zone.end !== 0) wrong('boundaries without an id');
        continue;
      }
      if (device > 0) wrong('one of a second device');
      checkBoundary(zone, wrong);
      if (zones.some(({ id }) => id === zone.id)) wrong(`id ${zone.id} is used twice`);
      if (zones.some(({ start, end }) => zone.start < end && zone.end > start)) wrong('two overlap');
      zones.push(zone);
    }
  }
}

function checkPrevious({ view }: Space, at: number, wrong: (text: string) => void): void {
  const newest = view.getUint16(at + PREVIOUS_INDEX_AT, true);
  if (newest > PREVIOUS_BOUNDARIES) wrong(`index ${newest} of earlier boundaries`);
  for (let i = 0; i < PREVIOUS_BOUNDARIES; i++) {
    const boundary = at + (i + 1) * BOUNDARY_BYTES;
    const start = u64At(view, boundary);
    const end = u64At(view, boundary + 8);
    if (start === 0 && end === 0) {
      if (newest > 0 && i === newest - 1) wrong('the newest of the earlier boundaries is missing');
    } else if (newest === 0) {
      wrong('earlier boundaries without an index');
    } else {
      checkBoundary({ start, end }, wrong);
    }
  }
}

function checkBoundary({ start, end }: Pick<Zone, 'start' | 'end'>, wrong: (text: string) => void): void {
  if (start >= end || start % BLOCK_SIZE_BYTES !== 0 || end % BLOCK_SIZE_BYTES !== 0) {
    wrong(`boundaries ${start} to ${end}`);
  }
}
