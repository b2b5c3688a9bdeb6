import { DEFAULT_SETTINGS } from '../engine/session/settings.ts';
import type { SessionSettings } from '../engine/session/settings.ts';
import type { Arguments, OptionSpec } from './options.ts';
import { UsageError } from './options.ts';

/** Options that several subcommands share. */
export const JSON_OPTION: OptionSpec = { name: 'json', help: 'print JSON instead of text' };

export const SEED_OPTION: OptionSpec = {
  name: 'seed',
  value: 'N',
  help: 'seed of everything random, a whole number (default 1)',
};

const POLICIES = ['each', 'writeback'] as const;

export const POLICY_OPTION: OptionSpec = {
  ...{ name: 'policy', value: 'POLICY', choices: POLICIES },
  help: 'commit each system call, or gather (default each)',
};

export const policyOf = (args: Arguments): SessionSettings['policy'] =>
  POLICIES.find((policy) => policy === args.value('policy')) ?? 'each';

export const IMAGE_OPERAND = { name: 'IMAGE', help: 'disk image on the host' };

export const VOLUME_OPTION: OptionSpec = {
  name: 'volume',
  value: 'NAME',
  help: 'the volume that is meant, by name or as disk2s1 (default the first)',
};

export const SNAPSHOT_OPTION: OptionSpec = {
  name: 'snapshot',
  value: 'NAME',
  help: 'the volume as this snapshot of it shows it',
};

/** The volume and snapshot asked for. */
export function choiceOf(args: Arguments): Pick<SessionSettings, 'volume' | 'snapshot'> {
  const volume = args.value('volume');
  const snapshot = args.value('snapshot');
  return { ...(volume === undefined ? {} : { volume }), ...(snapshot === undefined ? {} : { snapshot }) };
}

export function seedOf(args: Arguments): number {
  const text = args.value('seed');
  if (text === undefined) return DEFAULT_SETTINGS.seed;
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed)) {
    throw new UsageError(`--seed takes a whole number from 0 to 2^53 − 1, not '${text}'.`);
  }
  return seed;
}

export const READ_ONLY: SessionSettings = { ...DEFAULT_SETTINGS, isReadOnly: true, isRecording: false };
export const READ_WRITE: SessionSettings = { ...READ_ONLY, isReadOnly: false };
