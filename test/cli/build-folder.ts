import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the command line is built by those who need it; gone when the tests are over. */
    commandLineFolder: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-cli-'));
  project.provide('commandLineFolder', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
