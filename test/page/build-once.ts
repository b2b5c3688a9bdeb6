import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the built page. Not to be changed: every test file copies it. */
    builtPage: string;
  }
}

/** Builds the page before the first of its tests. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-page-'));
  // In a process of its own: under NODE_ENV=test Vite would build something that nobody gets.
  const env = { ...process.env, NODE_ENV: 'production' };
  const options = ['--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', ...options], {
    ...{ env, stdio: 'inherit' },
  });
  project.provide('builtPage', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
