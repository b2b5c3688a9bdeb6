// A plugin for Vite: puts sw.js beside the built page (workers/service-worker.js says what it does) and tells it which
// files there are. The version is the hash of their names and contents: the same build is the same version.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = 'workers/service-worker.js';
/** What the page never asks for: itself under another name, the worker, pictures for README. */
const NOT_KEPT = /^(index\.html|sw\.js|screens\/.*|.*\.map)$/;

export function serviceWorker() {
  let root = '';
  let folder = '';
  return {
    name: 'service-worker',
    apply: 'build',
    configResolved(config) {
      root = config.root;
      folder = join(config.root, config.build.outDir);
      if (config.build.outDir.startsWith('/')) folder = config.build.outDir;
    },
    closeBundle: {
      order: 'post',
      handler() {
        const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
          .filter((name) => statSync(join(folder, name)).isFile())
          .map((name) => name.replaceAll('\\', '/'))
          .sort();
        if (!all.includes('index.html')) return;
        const files = ['./', ...all.filter((name) => !NOT_KEPT.test(name))];
        const source = readFileSync(join(root, SOURCE), 'utf8');
        const hash = createHash('sha256').update(source);
        for (const name of files) {
          hash.update(`\n${name}\n`).update(readFileSync(join(folder, name === './' ? 'index.html' : name)));
        }
        const facts = { FILES: files, VERSION: hash.digest('hex').slice(0, 16) };
        const built = source.replace(/self\.__(FILES|VERSION)__/g, (_, name) => JSON.stringify(facts[name]));
        writeFileSync(join(folder, 'sw.js'), built);
      },
    },
  };
}
