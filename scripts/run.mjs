// What `npm start`, `npm test` and their like do. Node built-ins only: this runs before node_modules exists.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [job = '', ...rest] = process.argv.slice(2);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  stop(`Diskoscope needs Node 20.19 or newer; this is ${process.version}.`);
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

function succeeds(command, args, options = {}) {
  // npm is a .cmd file on Windows, which only a shell can start.
  const shell = process.platform === 'win32' && command === 'npm';
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell, ...options });
  if (result.error) stop(`${command} could not be started: ${result.error.message}`);
  return result.status === 0;
}

/** Runs a package's own script with this very Node, so that no PATH and no npx is involved. */
const tool = (script, ...args) => succeeds(process.execPath, [join(root, 'node_modules', script), ...args]);
const must = (isDone) => isDone || process.exit(1);

function install() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = join(root, 'node_modules', '.installed-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing packages (npm ci) …');
  must(succeeds('npm', ['ci', '--no-audit', '--no-fund']));
  writeFileSync(stamp, lock);
}

function build() {
  must(tool('vite/bin/vite.js', 'build', '--logLevel', 'warn'));
  must(tool('vite/bin/vite.js', 'build', '--ssr', 'src/cli/main.ts', '--logLevel', 'warn'));
}

/** Types of the engine (no DOM), types of everything, Svelte, lint, layout of the text: side by side. */
async function check() {
  const checks = [
    ['typescript/bin/tsc', '-p', 'tsconfig.json'],
    ['svelte-check/bin/svelte-check', '--tsconfig', './tsconfig.app.json', '--fail-on-warnings'],
    ['eslint/bin/eslint.js', '--quiet', '.'],
    ['prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  ];
  const results = await Promise.all(
    checks.map(([script, ...args]) => {
      const path = join(root, 'node_modules', script);
      const child = spawn(process.execPath, [path, ...args], {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      return new Promise((resolve) => child.once('close', (code) => resolve(code === 0)));
    }),
  );
  must(results.every(Boolean));
}

async function test() {
  const { ensureChromium } = await import('./chromium.mjs');
  const { ensureCheckers } = await import('./checkers.mjs');
  const notChecked = [];
  process.env.CHECKERS = ensureCheckers(notChecked);
  const chromium = ensureChromium(notChecked);
  if (chromium) process.env.CHROME_PATH = chromium;
  if (!process.env.FOREIGN_IMAGES) {
    notChecked.push('foreign images: the variable FOREIGN_IMAGES names no folder of them');
  }

  await check();
  const projects = ['--project', 'engine', ...(chromium ? ['--project', 'page'] : [])];
  const folder = join(root, 'node_modules', '.cache', 'diskoscope');
  const report = join(folder, 'tests.json');
  mkdirSync(folder, { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const isGreen = tool('vitest/vitest.mjs', 'run', ...projects, ...reporters, ...rest);

  for (const line of notChecked) console.log(`not checked: ${line}`);
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
  }
  must(isGreen);
}

/** What takes minutes for one answer: not part of `npm test`. */
async function testLong() {
  const { ensureCheckers } = await import('./checkers.mjs');
  const notChecked = [];
  process.env.CHECKERS = ensureCheckers(notChecked);
  const isGreen = tool('vitest/vitest.mjs', 'run', '--project', 'long', ...rest);
  for (const line of notChecked) console.log(`not checked: ${line}`);
  must(isGreen);
}

const JOBS = {
  start() {
    build();
    must(tool('vite/bin/vite.js', 'preview', '--outDir', 'dist/page', ...rest));
  },
  test,
  'test:long': testLong,
  dev: () => must(tool('vite/bin/vite.js', ...rest)),
  build,
  /** Bundled first: a test runner's module loader would slow down what is measured. */
  bench() {
    const entry = ['--ssr', 'test/bench/main.ts', '--outDir', 'dist/bench'];
    must(tool('vite/bin/vite.js', 'build', ...entry, '--logLevel', 'warn'));
    must(succeeds(process.execPath, [join(root, 'dist/bench/main.js'), ...rest]));
  },
  /** Figures of the built page in a real Chromium. */
  async 'bench:page'() {
    const { ensureChromium } = await import('./chromium.mjs');
    const chromium = ensureChromium([]);
    if (!chromium) stop('No Chromium here: install one or set CHROME_PATH to its program.');
    process.env.CHROME_PATH = chromium;
    must(succeeds(process.execPath, [join(root, 'test/bench/page.mjs'), ...rest]));
  },
  async check() {
    await check();
    must(tool('vitest/vitest.mjs', 'run', '--project', 'engine', 'test/tidy.test.ts'));
  },
};

if (!Object.hasOwn(JOBS, job)) stop(`run.mjs knows ${Object.keys(JOBS).join(', ')}; not '${job}'.`);
install();
await JOBS[job]();
