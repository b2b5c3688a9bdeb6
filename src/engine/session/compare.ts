import { assert } from '../base/assert.ts';
import { ROLES } from '../base/role.ts';
import { PROFILES } from '../device/profile.ts';
import type { ProfileName } from '../device/profile.ts';
import { sentencesOf } from './compare-sentences.ts';
import { EXTENTS_MAX, groupOf } from './comparison.ts';
import type { ComparedFile, ComparedSteps, Comparison, Figures } from './comparison.ts';
import { addCosts, NO_COSTS } from './costs.ts';
import type { FileDetailView, StepView } from './view.ts';

/**
 * The same commands on several disks, side by side: figures from the views of their steps, whatever engine or worker
 * they come from. Nothing here knows of sessions, and nothing is measured: all of it was counted by the disks.
 */
export function compare(disks: readonly ComparedSteps[], profile: ProfileName): Comparison {
  const commandCount = disks[0]?.steps.length ?? 0;
  assert(
    disks.every(({ steps }) => steps.length === commandCount),
    'every disk says something about every command',
  );
  const commands = Array.from({ length: commandCount }, (_, at) => ({
    line: disks.map(({ steps }) => steps[at]?.line).find((line) => line !== undefined) ?? '',
    cells: disks.map(({ steps, blockSizeBytes }) => {
      const step = steps[at] ?? null;
      return step === null ? null : figuresOf([step], blockSizeBytes, profile);
    }),
  }));
  const facts = {
    profile: { name: profile, title: PROFILES[profile].title },
    disks: disks.map(({ title, blockSizeBytes }) => ({ title, blockSizeBytes })),
    commands,
    total: disks.map(({ steps, blockSizeBytes }) =>
      figuresOf(
        steps.filter((step) => step !== null),
        blockSizeBytes,
        profile,
      ),
    ),
    files: filesOf(disks),
  };
  return { ...facts, sentences: sentencesOf(facts) };
}

function figuresOf(steps: readonly StepView[], blockSizeBytes: number, profile: ProfileName): Figures {
  const costs = steps.reduce((sum, step) => addCosts(sum, step.costs), NO_COSTS);
  const total = (of: (step: StepView) => number) => steps.reduce((sum, step) => sum + of(step), 0);
  const bytesByGroup = { data: 0, metadata: 0, journal: 0, checkpoint: 0 };
  for (const role of ROLES) bytesByGroup[groupOf(role)] += costs.bytesByRole[role] ?? 0;
  const blocksOf = (bytes: number) => Math.ceil(bytes / blockSizeBytes);
  const blocksByGroup = {
    data: blocksOf(bytesByGroup.data),
    metadata: blocksOf(bytesByGroup.metadata),
    journal: blocksOf(bytesByGroup.journal),
    checkpoint: blocksOf(bytesByGroup.checkpoint),
  };
  const handedBytes = total(({ figures }) => figures.handedBytes);
  const failed = steps.findLast(({ exitCode, error }) => exitCode !== 0 && error !== null);
  return {
    writes: costs.writes,
    blocks: blocksOf(costs.bytes),
    bytes: costs.bytes,
    ...{ bytesByGroup, blocksByGroup, handedBytes },
    writeAmplification: handedBytes === 0 ? null : costs.bytes / handedBytes,
    barriers: costs.barriers,
    trims: costs.trims,
    trimmedBytes: total(({ figures }) => figures.trimmedBytes),
    simulatedNanoseconds: total(({ figures }) => figures.nanosecondsByProfile[profile]),
    freeBytesChange: total(({ freeBytesChange }) => freeBytesChange),
    error: (failed ?? steps.findLast(({ error }) => error !== null))?.error ?? null,
    failures: steps.filter(({ exitCode }) => exitCode !== 0).length,
  };
}

/** Of a file as `views.file` shows it. */
export const comparedFile = (
  path: string,
  { file, extents, extentFirstBlocks }: FileDetailView,
): ComparedFile => ({
  ...{ path, sizeBytes: file.sizeBytes, extentCount: file.extentCount, allocatedBytes: file.allocatedBytes },
  extents: extents.slice(0, EXTENTS_MAX).map(({ lengthBytes }, at) => ({
    ...{ firstBlock: extentFirstBlocks[at] ?? 0, lengthBytes },
  })),
  problem: null,
});

/** Of one that could not be looked at. */
export const missingFile = (path: string, problem: string): ComparedFile => ({
  ...{ path, sizeBytes: null, extentCount: 0, allocatedBytes: 0, extents: [], problem },
});

function filesOf(disks: readonly ComparedSteps[]): Comparison['files'] {
  const paths = new Set(disks.flatMap(({ files = [] }) => files.map(({ path }) => path)));
  return [...paths].map((path) => ({
    path,
    cells: disks.map(({ files = [] }) => files.find((file) => file.path === path) ?? null),
  }));
}
