import { utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { PATH_BYTES_MAX, SYMLINKS_MAX } from './constants.ts';
import { pathOf } from './mount.ts';
import type { Mount, Place } from './mount.ts';
import { requireSearch } from './permissions.ts';
import type { Credentials } from './permissions.ts';

/**
 * From a path to a file: mount points crossed in both directions, symbolic links followed, search permission asked of
 * every directory on the way. Source of the finer rules: xnu bsd/vfs/vfs_lookup.c.
 */
export interface Walker {
  readonly root: Mount;
  readonly cwd: Place & { readonly isRemoved: boolean };
  readonly credentials: Credentials;
}

export interface Found {
  /** The directory that holds the last component, or would hold it. */
  readonly directory: Place;
  /** The last component as typed, after symbolic links; '.' or '..' as such, '' when the path is the root. */
  readonly name: string;
  readonly target: Place | null;
  /** 'name/': the caller says that it is, or will be, a directory. */
  readonly hasTrailingSlash: boolean;
}

export interface WalkOptions {
  /** Follow a symbolic link in the last component. One before a trailing slash is followed anyway. */
  readonly follow: boolean;
}

/** ENOENT (empty, or something on the way is missing), ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EINVAL (NUL). */
export function walk(walker: Walker, path: string, options: WalkOptions): Found {
  requirePath(path);
  const rest = splitReversed(path);
  let hasTrailingSlash = path.endsWith('/');
  let at: Place = path.startsWith('/') ? walker.root.root : walker.cwd;
  let components = [...at.components];
  let links = 0;
  let name = '';
  let directory = at;

  if (at === walker.cwd && walker.cwd.isRemoved) {
    throw new FsError('ENOENT', '', path, 'the current directory has been removed');
  }
  for (;;) {
    const component = rest.pop();
    if (component === undefined) return { directory, name, target: at, hasTrailingSlash };
    if (at.node.type !== 'directory') throw new FsError('ENOTDIR', '', path);
    name = component;

    if (component === '.' || component === '..') {
      requireSearch(at, walker.credentials, path);
      if (component === '..') {
        at = parentOf(at);
        components.pop();
      }
      directory = at;
      continue;
    }

    requireName(component, at.mount, path);
    requireSearch(at, walker.credentials, path);
    directory = at;
    const child = at.mount.volume.lookup(at.node, component);
    const isLast = rest.length === 0;
    if (child === undefined) {
      if (!isLast) throw new FsError('ENOENT', '', path);
      return { directory, name, target: null, hasTrailingSlash };
    }

    if (child.type === 'symlink' && (!isLast || options.follow || hasTrailingSlash)) {
      if (++links > SYMLINKS_MAX) throw new FsError('ELOOP', '', path);
      const target = readLink(at.mount, child, path);
      if (utf8(target).length + rest.length >= PATH_BYTES_MAX) throw new FsError('ENAMETOOLONG', '', path);
      if (isLast && target.endsWith('/')) hasTrailingSlash = true;
      rest.push(...splitReversed(target));
      if (target.startsWith('/')) {
        at = walker.root.root;
        components = [...at.components];
        directory = at;
        name = '';
      }
      continue;
    }

    components.push(component);
    const covering = at.mount.coveringAt(child);
    at =
      covering === undefined
        ? { mount: at.mount, node: child, components: [...components] }
        : { ...covering.root, components: [...components] };
  }
}

/** As `walk`, for calls whose file must exist: ENOENT otherwise; ENOTDIR for 'file/'. */
export function walkToExisting(walker: Walker, path: string, options: WalkOptions): Place {
  const { target, hasTrailingSlash } = walk(walker, path, options);
  if (target === null) throw new FsError('ENOENT', '', path);
  if (hasTrailingSlash && target.node.type !== 'directory') throw new FsError('ENOTDIR', '', path);
  return target;
}

/** An existing file together with its name in its directory; the root of a volume is '.' in itself. */
export interface Entry {
  readonly directory: Place;
  readonly name: string;
  readonly target: Place;
}

export function walkToEntry(walker: Walker, path: string, options: WalkOptions): Entry {
  const { directory, name, target, hasTrailingSlash } = walk(walker, path, options);
  if (target === null) throw new FsError('ENOENT', '', path);
  if (target.node.type !== 'directory') {
    if (hasTrailingSlash) throw new FsError('ENOTDIR', '', path);
    return { directory, name, target };
  }
  if (target.node === target.mount.volume.root) return { directory: target, name: '.', target };
  return { directory: parentOf(target), name: target.components.at(-1) ?? '.', target };
}

/** The same place with its names as the disk has them: what getcwd(3) and realpath(3) print. */
export function canonical(root: Mount, place: Place): Place {
  let at = root.root;
  const components: string[] = [];
  for (const typed of place.components) {
    components.push(at.mount.volume.storedName(at.node, typed) ?? typed);
    const child = at.mount.volume.lookup(at.node, typed);
    if (child === undefined) throw new FsError('ENOENT', '', pathOf(place.components));
    at = at.mount.coveringAt(child)?.root ?? { mount: at.mount, node: child, components };
  }
  return { mount: place.mount, node: place.node, components };
}

/** The directory above, across mount points; the root is its own. */
export function parentOf(place: Place): Place {
  let at = place;
  const components = place.components.slice(0, -1);
  while (at.node === at.mount.volume.root) {
    if (at.mount.covered === null) return at.mount.root;
    at = at.mount.covered;
  }
  return { mount: at.mount, node: at.mount.volume.parentOf(at.node), components };
}

function readLink(mount: Mount, node: Place['node'], path: string): string {
  const target = mount.volume.readLink?.(node);
  if (target === undefined || target === '') throw new FsError('ENOENT', '', path);
  if (target.includes('\0')) throw new FsError('EINVAL', '', path, 'a symbolic link on the way holds a NUL');
  return target;
}

function requirePath(path: string): void {
  if (path === '') throw new FsError('ENOENT', '', path, 'the path is empty');
  if (path.includes('\0')) {
    throw new FsError('EINVAL', '', path, 'a path cannot hold a NUL: no program could hand it over');
  }
  // The terminating NUL counts.
  if (path.length * 3 >= PATH_BYTES_MAX && utf8(path).length >= PATH_BYTES_MAX) {
    throw new FsError('ENAMETOOLONG', '', path, `a path has at most ${PATH_BYTES_MAX - 1} bytes`);
  }
}

/** Composed characters count: volumes that store them decomposed know their own, narrower limit. */
function requireName(component: string, mount: Mount, path: string): void {
  const unitsMax = mount.volume.limits.nameUnitsMax;
  if (component.length > unitsMax && component.normalize('NFC').length > unitsMax) {
    throw new FsError('ENAMETOOLONG', '', path, `a name has at most ${unitsMax} characters here`);
  }
}

const splitReversed = (path: string): string[] =>
  path
    .split('/')
    .filter((component) => component !== '')
    .reverse();
