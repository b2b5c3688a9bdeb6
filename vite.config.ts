import { availableParallelism } from 'node:os';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/longest-first.mjs';
import { serviceWorker } from './scripts/service-worker-plugin.mjs';

export default defineConfig(({ isSsrBuild }) => ({
  base: './',
  plugins: [svelte(), serviceWorker()],
  worker: { format: 'es' },
  build: {
    ...(isSsrBuild
      ? { outDir: 'dist/cli', target: 'node20', copyPublicDir: false }
      : { outDir: 'dist/page', target: 'es2022' }),
    emptyOutDir: true,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  ssr: { noExternal: true },
  preview: { host: '127.0.0.1', port: 4173 },
  test: {
    // One more than there are processors: tests of the page wait more than they compute.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'engine',
          environment: 'node',
          // Files share what they import: no test changes a module, and loading all formats anew takes a second.
          isolate: false,
          setupFiles: ['test/support/all-formats.ts'],
          globalSetup: ['test/cli/build-folder.ts'],
          include: ['test/**/*.test.ts'],
          exclude: ['test/page/**', 'test/long/**'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          environment: 'node',
          setupFiles: ['test/support/all-formats.ts'],
          globalSetup: ['test/cli/build-folder.ts'],
          include: ['test/long/**/*.test.ts'],
          testTimeout: 1_800_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'page',
          environment: 'node',
          include: ['test/page/**/*.test.ts'],
          globalSetup: ['test/page/build-once.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Whether it comes is the question; when, is the benchmark's.
          expect: { poll: { timeout: 20_000 } },
        },
      },
    ],
  },
}));
