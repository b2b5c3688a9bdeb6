import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * Properties of the code itself, checked like any other property. The rules live here, not in a linter, because
 * import rules of linters do not see `import type` inside a .svelte file, and because this can be read.
 */

const CONTRACT = ['src/engine/formats/contract.ts', 'src/engine/formats/survey.ts'];

/** What each layer may import besides itself, lowest layer first. The longest matching path names a file's layer. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'src/engine/base': [],
  'src/engine/codec': ['src/engine/base'],
  'src/engine/device': ['src/engine/base', 'src/engine/codec'],
  'src/engine/formats/contract.ts': ['src/engine/base', 'src/engine/device', 'src/engine/codec', ...CONTRACT],
  'src/engine/formats/survey.ts': ['src/engine/base', 'src/engine/codec'],
  'src/engine/formats': ['src/engine/base', 'src/engine/device', 'src/engine/codec', ...CONTRACT],
  'src/engine/vfs': ['src/engine/base', 'src/engine/codec', ...CONTRACT],
  'src/engine/shell': ['src/engine/base', 'src/engine/vfs', ...CONTRACT],
  'src/engine/session': ['src/engine'],
  'src/rpc': ['src/engine/base', 'src/engine/session', 'src/engine/codec', ...CONTRACT],
  'src/lessons': ['src/rpc'],
  'src/ui': ['src/rpc', 'src/lessons'],
  'src/cli': ['src/engine', 'src/lessons'],
  workers: ['src/engine/session', 'src/rpc'],
};

const FORMAT_FILES = [
  'README.md',
  ...['layout', 'names', 'alloc', 'extents', 'directory', 'attributes', 'commit', 'newfs', 'volume', 'fsck'],
  ...['annotate', 'index'],
].map((name) => (name.includes('.') ? name : `${name}.ts`));

const LINES_MAX = 500;
/** Tables that a script writes; long by nature. */
const GENERATED = /\.generated\.ts$/;

const sources = ['src', 'workers']
  .filter((root) => existsSync(root))
  .flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name)))
  .filter((path) => statSync(path).isFile() && /\.(ts|svelte)$/.test(path));

const layerOf = (path: string): string | undefined =>
  Object.keys(LAYERS)
    .filter((layer) => path === layer || path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0];
const mayImport = (layer: string, target: string): boolean =>
  [layer, ...(LAYERS[layer] ?? [])].some(
    (allowed) => target === allowed || target.startsWith(`${allowed}/`),
  ) &&
  (!CONTRACT.includes(layer) || layerOf(target) !== 'src/engine/formats');
const formatOf = (path: string) => /^src\/engine\/formats\/([^/]+)\//.exec(path)?.[1];

function importsOf(path: string): string[] {
  const matches = readFileSync(path, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...matches].map(([, target]) => normalize(join(dirname(path), target ?? '')));
}

describe.each(sources)('%s', (path) => {
  const text = readFileSync(path, 'utf8');

  test('lives in a layer and imports only from layers it may see', () => {
    const layer = layerOf(path);
    if (layer === undefined) throw new Error(`in no layer of the table:\n${JSON.stringify(LAYERS, null, 2)}`);
    const strangers = importsOf(path).filter((target) => !mayImport(layer, target));
    expect(strangers, `the table: ${JSON.stringify(LAYERS, null, 2)}`).toEqual([]);
  });

  test('does not know another format', () => {
    const own = formatOf(path);
    if (own === undefined) return;
    expect(importsOf(path).filter((target) => ![own, undefined].includes(formatOf(target)))).toEqual([]);
  });

  test('fsck shares nothing with the code it judges', () => {
    if (!/\/fsck(-[a-z]+)?\.ts$/.test(path)) return;
    const own = importsOf(path).filter((target) => formatOf(target));
    expect(own.filter((target) => !/\/(layout(-[a-z]+)?|names|fsck(-[a-z]+)?)\.ts$/.test(target))).toEqual(
      [],
    );
  });

  test(`fits in ${LINES_MAX} lines`, () => {
    if (GENERATED.test(path)) return;
    expect(text.split('\n').length).toBeLessThanOrEqual(LINES_MAX + 1);
  });

  test('has no clock and no chance of its own in the engine', () => {
    if (!path.startsWith('src/engine/')) return;
    expect(
      text.match(/\bMath\.random|\bDate\.now|\bnew Date\(\)|\bperformance\.now|\bsetTimeout|\bPromise\b/g),
    ).toBeNull();
  });

  test('never makes HTML from text', () => {
    expect(text.match(/\{@html|\binnerHTML\b|\beval\(|new Function\(/g)).toBeNull();
  });
});

describe('formats', () => {
  const formats = readdirSync('src/engine/formats').filter((name) =>
    statSync(`src/engine/formats/${name}`).isDirectory(),
  );

  test.each(formats)('%s has the same thirteen names', (format) => {
    const missing = FORMAT_FILES.filter((name) => !existsSync(`src/engine/formats/${format}/${name}`));
    expect(missing).toEqual([]);
  });
});

describe('workers', () => {
  test.each(existsSync('workers') ? readdirSync('workers') : [])('%s is an entry without logic', (name) => {
    expect(readFileSync(`workers/${name}`, 'utf8').split('\n').length).toBeLessThanOrEqual(41);
  });
});

describe('tests', () => {
  const tests = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );

  test.each(tests)('%s leaves nothing out in silence', (name) => {
    const text = readFileSync(join('test', name), 'utf8');
    expect(text.match(/\b(test|it|describe)\.(only|skip|todo)\b/g)).toBeNull();
  });
});
