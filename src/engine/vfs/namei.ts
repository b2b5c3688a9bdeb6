import { utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { PATH_BYTES_MAX, SYMLINKS_MAX } from './constants.ts';
import { isSameFile, pathOf } from './mount.ts';
import type { Located, Mount, Place } from './mount.ts';
import { requireSearch } from './permissions.ts';
import type { Credentials } from './permissions.ts';

/**
 * From a path to a file: mount points crossed in both directions, symbolic links followed, search permission asked of
 * every directory on the way. Source of the finer rules: xnu bsd/vfs/vfs_lookup.c.
 */
export interface Walker {
  readonly root: Mount;
  readonly cwd: Located & { readonly isRemoved: boolean };
  readonly credentials: Credentials;
}

export interface Found {
  /** The directory that holds the last component, or would hold it. */
  readonly directory: Place;
  /** The last component as typed, after symbolic links; '.' or '..' as such, '' when the path is the root. */
  readonly name: string;
  readonly target: Place | null;
  /** Absolute path of the target, there or not, as it was walked. */
  readonly components: readonly string[];
  /** 'name/': the caller says that it is, or will be, a directory. */
  readonly hasTrailingSlash: boolean;
}

export interface WalkOptions {
  /** Follow a symbolic link in the last component. One before a trailing slash is followed anyway. */
  readonly follow: boolean;
  /** ELOOP for any link that would be followed, on the way or at the end (…_NOFOLLOW_ANY). */
  readonly refusesLinks?: boolean;
}

const SLASH = 0x2f;

/** ENOENT (empty, or something on the way is missing), ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EINVAL (NUL). */
export function walk(walker: Walker, path: string, options: WalkOptions): Found {
  requirePath(path);
  const rest: string[] = [];
  pushComponents(rest, path);
  let hasTrailingSlash = path.charCodeAt(path.length - 1) === SLASH;
  const isAbsolute = path.charCodeAt(0) === SLASH;
  if (!isAbsolute && walker.cwd.isRemoved) {
    throw new FsError('ENOENT', '', path, 'the current directory has been removed');
  }
  let at: Place = isAbsolute ? walker.root.root : walker.cwd;
  let components = isAbsolute ? [] : [...walker.cwd.components];
  let links = 0;
  let name = '';
  let directory = at;

  for (;;) {
    const component = rest.pop();
    if (component === undefined) return { directory, name, target: at, components, hasTrailingSlash };
    if (at.node.type !== 'directory') throw new FsError('ENOTDIR', '', path);
    requireSearch(at, walker.credentials, path);
    name = component;

    if (component === '.' || component === '..') {
      if (component === '..') {
        at = parentOf(at);
        components.pop();
      }
      directory = at;
      continue;
    }

    requireName(component, at.mount, path);
    directory = at;
    const child = at.mount.volume.lookup(at.node, component);
    const isLast = rest.length === 0;
    if (child === undefined) {
      if (!isLast) throw new FsError('ENOENT', '', path);
      components.push(component);
      return { directory, name, target: null, components, hasTrailingSlash };
    }

    if (child.type === 'symlink' && (!isLast || options.follow || hasTrailingSlash)) {
      if (options.refusesLinks === true)
        throw new FsError('ELOOP', '', path, 'a symbolic link is on the way');
      if (++links > SYMLINKS_MAX) throw new FsError('ELOOP', '', path);
      const target = readLink(at.mount, child, path);
      if (utf8(target).length + rest.length >= PATH_BYTES_MAX) throw new FsError('ENAMETOOLONG', '', path);
      if (isLast && target.endsWith('/')) hasTrailingSlash = true;
      pushComponents(rest, target);
      if (target.startsWith('/')) {
        at = walker.root.root;
        components = [];
        directory = at;
        name = '';
      }
      continue;
    }

    components.push(component);
    at = at.mount.coveringAt(child)?.root ?? { mount: at.mount, node: child };
  }
}

/** As `walk`, for calls whose file must exist: ENOENT otherwise; ENOTDIR for 'file/'. */
export function walkToExisting(walker: Walker, path: string, options: WalkOptions): Place {
  return requireExisting(walk(walker, path, options), path);
}

/** The same, with its canonical path. */
export function walkToCanonical(walker: Walker, path: string, options: WalkOptions): Located {
  const found = walk(walker, path, options);
  const target = requireExisting(found, path);
  return { ...target, components: canonical(walker.root, found.components) };
}

function requireExisting({ target, hasTrailingSlash }: Found, path: string): Place {
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
  const found = walk(walker, path, options);
  const target = requireExisting(found, path);
  if (target.node === target.mount.volume.root) return { directory: target, name: '.', target };
  const { directory, name, components } = found;
  if (name !== '.' && name !== '..') return { directory, name, target };
  return { directory: parentOf(target), name: components.at(-1) ?? '.', target };
}

/** The path with its names as the disk has them: what getcwd(3) and realpath(3) print. */
export function canonical(root: Mount, components: readonly string[]): readonly string[] {
  let at: Place = root.root;
  return components.map((typed) => {
    const stored = at.mount.volume.storedName(at.node, typed);
    const child = at.mount.volume.lookup(at.node, typed);
    if (child === undefined) throw new FsError('ENOENT', '', pathOf(components));
    at = at.mount.coveringAt(child)?.root ?? { mount: at.mount, node: child };
    return stored ?? typed;
  });
}

/** The directory above, across mount points; the root is its own. */
export function parentOf(place: Place): Place {
  let at: Place = place;
  while (at.node === at.mount.volume.root) {
    if (at.mount.covered === null) return at;
    at = at.mount.covered;
  }
  return { mount: at.mount, node: at.mount.volume.parentOf(at.node) };
}

/** Is `place` the directory `ancestor` or in it? Bounded: on a damaged disk the way up may be a circle. */
export function isAtOrBelow(place: Place, ancestor: Place): boolean {
  let at = place;
  for (let depth = 0; depth < 65_536; depth++) {
    if (isSameFile(at, ancestor)) return true;
    if (at.node === at.mount.volume.root) return false;
    at = parentOf(at);
  }
  throw new FsError('EIO', '', '', 'the directories above lead round in a circle');
}

/** Siblings looked at in one go when a name is searched. */
const PAGE = 1024;

/**
 * The absolute path of a directory that is known by nothing but its node: on the way up each name is searched among
 * its siblings. ENOENT when it has none any more.
 */
export function componentsOf(place: Place): readonly string[] {
  const names: string[] = [];
  let at = place;
  while (at.node !== at.mount.volume.root) {
    if (names.length > PATH_BYTES_MAX) throw new FsError('ENAMETOOLONG', '', '');
    const parent = parentOf(at);
    names.push(nameIn(parent, at));
    at = parent;
  }
  return [...at.mount.components, ...names.reverse()];
}

function nameIn({ mount, node }: Place, child: Place): string {
  let after: number | null = null;
  do {
    const { entries, next } = mount.volume.list(node, after, PAGE);
    const found = entries.find(({ inode }) => inode === child.node.inode);
    if (found !== undefined) return found.name;
    after = next;
  } while (after !== null);
  throw new FsError('ENOENT', '', '', 'the directory has lost its name');
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

/** The components of `path` on top of the stack, the first one uppermost; empty ones are left out. */
function pushComponents(stack: string[], path: string): void {
  let end = path.length;
  for (let i = path.length - 1; i >= -1; i--) {
    if (i >= 0 && path.charCodeAt(i) !== SLASH) continue;
    if (i + 1 < end) stack.push(path.slice(i + 1, end));
    end = i;
  }
}
