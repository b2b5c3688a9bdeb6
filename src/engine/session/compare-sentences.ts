import type { Cell, Comparison, Figures } from './comparison.ts';
import { counted, grouped, listed, printedDuration, printedRatio, printedSize } from './sentences.ts';

/**
 * What differs most between the disks, in sentences. Each rule looks at one figure, says nothing where the disks agree,
 * and weighs what it says by how far they are apart: a factor of two is 1, of four 2, and so on. The heaviest few are
 * kept. Figures so small that their ratio means nothing are first raised by a floor.
 */
type Facts = Omit<Comparison, 'sentences'>;

interface Remark {
  readonly weight: number;
  readonly text: string;
}

const SENTENCES_MAX = 6;
/** A fifth apart, or nearly. */
const WEIGHT_MIN = 0.25;
/** What no ratio is heavier than. */
const OUTCOME = 100;
/** Somebody named the file and wants to hear of it. */
const ASKED = 10;

export function sentencesOf(facts: Facts): string[] {
  const { disks, total, commands } = facts;
  if (disks.length < 2 || commands.length === 0) return [];
  const remarks = RULES.flatMap((rule) => rule(facts))
    .filter(({ weight }) => weight >= WEIGHT_MIN)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, SENTENCES_MAX)
    .map(({ text }) => text);
  if (remarks.length > 0) return remarks;
  return [
    total.every(({ bytes, barriers, trims }) => bytes + barriers + trims === 0)
      ? 'Nothing was written to any of the disks.'
      : 'In what they wrote, in barriers, time and free space, the disks hardly differ.',
  ];
}

// ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Ranked {
  readonly title: string;
  readonly value: number;
}

/** How far apart two amounts are, in powers of two. */
const distance = (a: number, b: number, floor: number): number =>
  Math.abs(Math.log2((a + floor) / (b + floor)));

const ranked = ({ disks }: Facts, values: readonly number[]): Ranked[] =>
  disks.map(({ title }, at) => ({ title, value: values[at] ?? 0 })).sort((a, b) => b.value - a.value);

const titlesWith = (all: readonly Ranked[], value: number): string =>
  listed(all.filter((one) => one.value === value).map(({ title }) => title));

/** 'HFS+ and APFS' with the most, 'exFAT' with the least, and how far they are apart; null where all have the same. */
function extremes(facts: Facts, values: readonly number[], floor: number) {
  const all = ranked(facts, values);
  const most = all[0]?.value ?? 0;
  const least = all.at(-1)?.value ?? 0;
  if (most === least) return null;
  const ratio = least === 0 ? Infinity : most / least;
  return {
    ...{ most, least, ratio, mostTitles: titlesWith(all, most), leastTitles: titlesWith(all, least) },
    weight: distance(most, least, floor),
  };
}

/** 'twice', '2.9 times', '40 times' */
const times = (ratio: number): string => {
  const shown = ratio >= 10 ? Math.round(ratio) : Number(ratio.toFixed(1));
  return shown === 2 ? 'twice' : `${grouped(shown)} times`;
};

const quoted = (line: string): string => `“${line.length > 60 ? `${line.slice(0, 59)}…` : line}”`;

/** 'APFS and HFS+ 12 KiB, exFAT 8 KiB', groups of equals in the order of the bench. */
function groups(facts: Facts, at: readonly number[], say: (disk: number) => string): string[] {
  const titles = new Map<string, string[]>();
  for (const disk of at) {
    const said = say(disk);
    titles.set(said, [...(titles.get(said) ?? []), facts.disks[disk]?.title ?? '']);
  }
  return [...titles].map(([said, names]) => `${listed(names)} ${said}`);
}

const indexes = <T>(cells: readonly T[], isWanted: (cell: T) => boolean): number[] =>
  cells.flatMap((cell, at) => (isWanted(cell) ? [at] : []));

// ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Rule = (facts: Facts) => readonly Remark[];

/** A command that one disk refuses and another does. */
const refusals: Rule = (facts) => {
  const all = facts.commands.flatMap(({ line, cells }) => {
    const failed = indexes(cells, (cell) => cell !== null && cell.failures > 0);
    const done = indexes(cells, (cell) => cell !== null && cell.failures === 0);
    if (failed.length === 0 || done.length === 0) return [];
    const why = groups(facts, failed, (disk) => errorOf(cells[disk] ?? null));
    const works = listed(done.map((disk) => facts.disks[disk]?.title ?? ''));
    return [`${quoted(line)} works on ${works}; it fails on ${why.join(', on ')}.`];
  });
  const rest = all.length - 2;
  const more = rest > 0 ? [`So it is with ${counted(rest, 'more command')}.`] : [];
  return [...all.slice(0, 2), ...more].map((text, at) => ({ weight: OUTCOME - at, text }));
};

const errorOf = (cell: Cell): string =>
  cell?.error == null ? 'without an errno' : `with ${cell.error.code} (${cell.error.text})`;

/** Contents that one disk writes and another need not: what a clone saves. Command by command. */
const copies: Rule = (facts) => {
  const remarks = facts.commands.flatMap(({ line, cells }) => {
    const remark = copiesOf(facts, cells);
    const where = facts.commands.length === 1 ? '' : `At ${quoted(line)} `;
    return remark === null ? [] : [{ ...remark, text: `${where}${remark.text}` }];
  });
  return remarks.sort((a, b) => b.weight - a.weight).slice(0, 2);
};

function copiesOf(facts: Facts, cells: readonly Cell[]): Remark | null {
  const without = indexes(cells, (cell) => cell?.bytesByGroup.data === 0 && cell.failures === 0);
  const withData = indexes(cells, (cell) => (cell?.bytesByGroup.data ?? 0) > 0);
  if (without.length === 0 || withData.length === 0) return null;
  const isCopy = without.every((disk) => cells[disk]?.handedBytes === 0);
  const few = groups(facts, without, (disk) => withoutData(cells[disk] as Figures, blockSizeOf(facts, disk)));
  const many = groups(facts, withData, (disk) => {
    const { handedBytes, bytesByGroup, error, failures } = cells[disk] as Figures;
    const got = error === null || failures > 0 ? '' : `got ${error.code} and `;
    return isCopy && handedBytes > 0 && failures === 0
      ? `${got}copied ${printedSize(handedBytes)}`
      : `${got}wrote ${printedSize(bytesByGroup.data)} of data`;
  });
  const most = Math.max(...withData.map((disk) => cells[disk]?.bytesByGroup.data ?? 0));
  return { weight: distance(most, 0, 512), text: `${[...few, ...many].join('; ')}.` };
}

const blockSizeOf = ({ disks }: Facts, disk: number): number => disks[disk]?.blockSizeBytes ?? 512;

const withoutData = ({ blocks, bytes }: Figures, blockSizeBytes: number): string =>
  bytes === 0
    ? 'wrote nothing'
    : `wrote ${counted(blocks, 'block')} of ${printedSize(blockSizeBytes)} (${printedSize(bytes)}) and none of them data`;

/** What was written beside the data that all of them had to write. */
const beside: Rule = (facts) => {
  const found = extremes(
    facts,
    facts.total.map(({ bytes, bytesByGroup }) => bytes - bytesByGroup.data),
    4096,
  );
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles, ratio, weight } = found;
  const text =
    least > 0 && ratio >= 1.5
      ? `${mostTitles} wrote ${printedSize(most)}, ${times(ratio)} as much as ${leastTitles} (${printedSize(least)})`
      : `${mostTitles} wrote ${printedSize(most)}, ${leastTitles} ${least === 0 ? 'nothing' : printedSize(least)}`;
  return [{ weight, text: `Beside data ${text}.` }];
};

const barriers: Rule = (facts) => {
  const found = extremes(
    facts,
    facts.total.map((figures) => figures.barriers),
    0.5,
  );
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles, weight } = found;
  const few = least === 0 ? 'none' : grouped(least);
  return [{ weight, text: `${mostTitles} needed ${counted(most, 'barrier')}, ${leastTitles} ${few}.` }];
};

const time: Rule = (facts) => {
  const values = facts.total.map(({ simulatedNanoseconds }) => simulatedNanoseconds);
  const found = extremes(facts, values, 1000);
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles, ratio, weight } = found;
  const long = Number.isFinite(ratio) && ratio >= 1.05 ? `, ${times(ratio)} as long` : '';
  return [
    {
      weight,
      text: `On the simulated device (${facts.profile.title}) it took ${printedDuration(least)} on ${leastTitles} and ${printedDuration(most)} on ${mostTitles}${long}.`,
    },
  ];
};

/** Of many commands the one at which the time differs most. */
const slowest: Rule = (facts) => {
  if (facts.commands.length < 2) return [];
  const apart = facts.commands.map(({ line, cells }) => {
    const nanoseconds = cells.map((cell) => cell?.simulatedNanoseconds ?? 0);
    return { line, nanoseconds, spread: Math.max(...nanoseconds) - Math.min(...nanoseconds) };
  });
  const all = apart.reduce((sum, { spread }) => sum + spread, 0);
  const [largest] = apart.toSorted((a, b) => b.spread - a.spread);
  const found = largest && extremes(facts, largest.nanoseconds, 1000);
  if (largest === undefined || found == null || largest.spread < all / 2) return [];
  const { most, least, mostTitles, leastTitles, weight } = found;
  const text = `The times are furthest apart at ${quoted(largest.line)}: ${printedDuration(most)} on ${mostTitles}, ${printedDuration(least)} on ${leastTitles}.`;
  // It stands behind the sentence about all of them.
  return [{ weight: Math.min(weight, (time(facts)[0]?.weight ?? 0) - 0.01), text }];
};

/** Journals and checkpoints: which share of all that a disk wrote. */
const safety: Rule = (facts) =>
  (['journal', 'checkpoint'] as const).flatMap((group) => {
    const bytes = facts.total.map(({ bytesByGroup }) => bytesByGroup[group]);
    const found = extremes(facts, bytes, 512);
    if (found === null || found.least > 0) return [];
    const at = bytes.indexOf(found.most);
    const share = found.most / (facts.total[at]?.bytes ?? 1);
    const where = group === 'journal' ? 'into its journal' : 'as checkpoints';
    const text = `${facts.disks[at]?.title} wrote ${printedSize(found.most)} ${where}, ${percent(share)} of all it wrote; ${found.leastTitles} nothing of the kind.`;
    return [{ weight: share < 0.1 ? 0 : 3 * share, text }];
  });

const percent = (share: number): string => `${Math.max(1, Math.round(share * 100))} %`;

/** Only where enough was handed over for the last block not to decide. */
const amplification: Rule = (facts) => {
  if (facts.total.some(({ handedBytes }) => handedBytes < 4096)) return [];
  const found = extremes(
    facts,
    facts.total.map(({ writeAmplification }) => writeAmplification ?? 0),
    0.01,
  );
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles, weight } = found;
  const text = `For each byte handed over ${mostTitles} wrote ${printedRatio(most)} bytes to the device, ${leastTitles} ${printedRatio(least)}.`;
  return [{ weight, text }];
};

const freeSpace: Rule = (facts) => {
  const values = facts.total.map(({ freeBytesChange }) => freeBytesChange);
  const found = extremes(facts, values, 0);
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles } = found;
  // In powers of two above a block: space differs by differences, not by ratios.
  const weight = Math.log2(1 + (most - least) / 65_536);
  const text = `Free space ${changed(least)} on ${leastTitles} and ${changed(most)} on ${mostTitles}.`;
  return [{ weight, text }];
};

const changed = (bytes: number): string =>
  bytes === 0 ? 'stayed as it was' : `${bytes < 0 ? 'fell' : 'grew'} by ${printedSize(Math.abs(bytes))}`;

const trims: Rule = (facts) => {
  const found = extremes(
    facts,
    facts.total.map(({ trimmedBytes }) => trimmedBytes),
    65_536,
  );
  if (found === null) return [];
  const { most, least, mostTitles, leastTitles, weight } = found;
  const little = least === 0 ? 'nothing' : printedSize(least);
  return [
    {
      weight,
      text: `${mostTitles} gave ${printedSize(most)} back to the device with trims, ${leastTitles} ${little}.`,
    },
  ];
};

const files: Rule = (facts) =>
  facts.files.flatMap(({ path, cells }) => {
    const there = indexes(cells, (cell) => cell !== null && cell.problem === null);
    const missing = indexes(cells, (cell) => cell !== null && cell.problem !== null);
    const names = (at: readonly number[]) => listed(at.map((disk) => facts.disks[disk]?.title ?? ''));
    const presence =
      there.length > 0 && missing.length > 0
        ? [{ weight: ASKED + 3, text: `${quoted(path)} is on ${names(there)}, not on ${names(missing)}.` }]
        : [];
    const counts = there.map((disk) => cells[disk]?.extentCount ?? 0);
    const [most, least] = [Math.max(...counts), Math.min(...counts)];
    if (there.length < 2 || most === least) return presence;
    const lies = groups(facts, there, (disk) => `in ${counted(cells[disk]?.extentCount ?? 0, 'extent')}`);
    const text = `${quoted(path)} lies on ${lies.join(', on ')}.`;
    return [...presence, { weight: ASKED + distance(most, least, 0.5), text }];
  });

const RULES: readonly Rule[] = [
  ...[refusals, copies, beside, barriers, time, slowest],
  ...[safety, amplification, freeSpace, trims, files],
];
