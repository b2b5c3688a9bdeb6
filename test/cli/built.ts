import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, inject } from 'vitest';

/** The command line as people run it: built, then started as a program of its own. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLine {
  (args: readonly string[], input?: string | Uint8Array): Outcome;
  /** A path in a folder that goes when the file's tests are over. */
  path(name: string): string;
  /** Path of the program, for who starts it in a way of his own; known once the tests of the file run. */
  program(): string;
}

/** The program. Test files that share a process share it. */
let program: Promise<string> | null = null;

async function built(): Promise<string> {
  const outDir = mkdtempSync(join(inject('commandLineFolder'), 'built-'));
  await build({
    logLevel: 'error',
    build: { ssr: 'src/cli/main.ts', outDir, target: 'node20', copyPublicDir: false },
    ssr: { noExternal: true },
  });
  return join(outDir, 'main.js');
}

export function commandLine(): CommandLine {
  let folder = '';
  let main = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'diskoscope-cli-'));
    main = await (program ??= built());
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (args: readonly string[], input: string | Uint8Array = ''): Outcome => {
    const { status, stdout, stderr, signal } = spawnSync(process.execPath, [main, ...args], {
      input,
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    return { exitCode: status ?? (signal === null ? -1 : 128), stdout, stderr };
  };
  return Object.assign(run, { path: (name: string) => join(folder, name), program: () => main });
}
