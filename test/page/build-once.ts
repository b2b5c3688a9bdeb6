import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preview } from 'vite';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the built page. Not to be changed: every test file copies it into a folder of `served`. */
    builtPage: string;
    /** A folder and the address it is served under. */
    served: { readonly folder: string; readonly address: string };
  }
}

/** Builds the page before the first of its tests, and serves what they make of it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'diskoscope-page-'));
  const served = mkdtempSync(join(tmpdir(), 'diskoscope-served-'));
  // In a process of its own: under NODE_ENV=test Vite would build something that nobody gets.
  const env = { ...process.env, NODE_ENV: 'production' };
  const options = ['--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', ...options], {
    ...{ env, stdio: 'inherit' },
  });
  const server = await preview({
    build: { outDir: served },
    preview: { port: 0, host: '127.0.0.1' },
    logLevel: 'error',
  });
  const { port } = server.httpServer.address() as AddressInfo;
  project.provide('builtPage', folder);
  project.provide('served', { folder: served, address: `http://127.0.0.1:${port}/` });
  return async () => {
    await server.close();
    for (const path of [folder, served]) rmSync(path, { recursive: true, force: true });
  };
}
