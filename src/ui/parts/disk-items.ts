import type { Bench } from '../state/bench.svelte.ts';
import type { Column } from '../state/column.svelte.ts';
import type { MenuItem } from './Menu.svelte';

/** What the menu of a disk does elsewhere on the page. */
interface Actions {
  readonly check: () => void;
  readonly download: () => void;
  readonly tellExactness: () => void;
  readonly replace: () => void;
}

/** Formats whose freed blocks can be trimmed. */
const TRIMMING: ReadonlySet<string> = new Set(['apfs', 'hfsplus', 'hfsx']);

/** The menu of a disk of the bench. */
export function itemsOfDisk(bench: Bench, one: Column, actions: Actions): MenuItem[] {
  const volume = one.disk.view?.volume ?? null;
  return [
    { label: 'Check volume', run: actions.check },
    { label: 'Download…', hint: 'img, gz, dmg, vhd', run: actions.download },
    {
      label: 'How exact is its format…',
      hint: 'exact, policy, simplified',
      run: actions.tellExactness,
      isDisabled: volume === null,
    },
    { label: 'Another disk in its place…', run: actions.replace },
    ...(volume?.formatName === 'apfs' ? [overwritingItem(bench, one)] : []),
    ...(TRIMMING.has(volume?.formatName ?? '') ? [trimmingItem(bench, one)] : []),
    { label: 'Move to the left', run: () => bench.move(one, -1), isDisabled: bench.columns[0] === one },
    { label: 'Move to the right', run: () => bench.move(one, 1), isDisabled: bench.columns.at(-1) === one },
    { label: 'Remove from the bench', run: () => void bench.removeDisk(one) },
  ];
}

/** Where an overwritten block goes that nobody else holds is a policy: the format allows both. */
function overwritingItem(bench: Bench, one: Column): MenuItem {
  const isInPlace = optionsOf(one)?.overwritesInPlace === true;
  return {
    label: isInPlace ? 'Policy: overwrite to new blocks' : 'Policy: overwrite in place',
    hint: isInPlace ? 'now in place' : 'now new blocks',
    run: () => void bench.setDiskOptions(one, { overwritesInPlace: !isInPlace }),
  };
}

function trimmingItem(bench: Bench, one: Column): MenuItem {
  const isTrimming = optionsOf(one)?.trims !== false;
  return {
    label: isTrimming ? 'Policy: do not trim freed blocks' : 'Policy: trim freed blocks',
    hint: isTrimming ? 'now after the commit that frees them' : 'now never',
    run: () => void bench.setDiskOptions(one, { trims: !isTrimming }),
  };
}

const optionsOf = ({ disk: { origin } }: Column) =>
  origin?.kind === 'new' ? origin.request : origin?.options;
