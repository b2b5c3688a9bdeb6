#!/usr/bin/env node
/** The command line as npm installs it: runs what `npm run build` made. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('diskoscope: not built yet: run npm run build first\n');
  process.exitCode = 3;
}
