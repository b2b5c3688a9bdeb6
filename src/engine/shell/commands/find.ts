import { allDigits } from '../../base/file-size.ts';
import { FsError, strerror } from '../../base/errno.ts';
import type { Command, CommandContext, Running } from '../command.ts';
import type { Actions, Found, Plan } from '../find-expression.ts';
import { compile } from '../find-expression.ts';
import { ExpressionProblem } from '../find-primaries.ts';
import { TreeWalk } from '../fts.ts';
import { compareNames } from '../paths-text.ts';
import { groupName, isDirectory, isSymlink, modeText, userName } from '../permissions-text.ts';
import type { Invocation } from '../program.ts';
import { program } from '../program.ts';
import { outcomeOf } from '../system-outcome.ts';
import { listingTime } from '../times-text.ts';

const USAGE = [
  'usage: find [-H | -L | -P] [-EXdsx] [-f path] path ... [expression]',
  '       find [-H | -L | -P] [-EXdsx] -f path [path ...] [expression]',
].join('\n');

export const find: Command = program({
  name: 'find',
  summary: 'look for files in a tree',
  manual: `find [-H | -L | -P] [-dsx] [-f path] path ... [expression]

  -name -iname -path -ipath pattern      -type b|c|d|f|l        -empty
  -size [+-]n[ckMGTP]                    -links -inum [+-]n     -user -group name      -perm [+-]mode
  -mtime -atime -ctime [+-]n[smhdw]      -mmin [+-]n            -newer file            -newerXY file (X, Y: m a c B)
  -flags [+-]flags                       -xattr                 -xattrname name
  -maxdepth -mindepth n   -depth [n]     -xdev   -prune   -quit   -true   -false
  -print   -print0   -ls   -delete   -exec command … {} … ;   -exec command … {} +   -ok command … ;
  ! -not   -a -and   -o -or   ( )

Options: -d contents before their directory, -s sorted, -x one volume. Differs from macOS: no -regex, -acl, -fstype,
-samefile, -execdir, -newerXt.`,
  usage: USAGE,
  usageExitCode: 1,
  letters: 'HLPEXdsxf:',
  *main(call) {
    const start = call.operands.findIndex((word) => /^[-!(]/.test(word));
    const own = start < 0 ? call.operands : call.operands.slice(0, start);
    const paths = [...call.options.filter(({ letter }) => letter === 'f').map(({ value }) => value), ...own];
    if (paths.length === 0) return yield* call.showUsage();
    if (yield* call.refusesEmpty(paths)) return 1;
    const search = new Search(call);
    const plan = compile(call, start < 0 ? [] : call.operands.slice(start), search);
    if (plan instanceof ExpressionProblem) return yield* call.fail(plan.sentence);
    return yield* search.run(paths, plan);
  },
});

/** Paths per `-exec … +`: as much as fits in an argument list of macOS, near enough. */
const GATHERED_MAX = 5000;

class Search implements Actions {
  readonly #call: Invocation;
  readonly #context: CommandContext;

  constructor(call: Invocation) {
    this.#call = call;
    this.#context = call.context;
    // The compiler hands these on as they are.
    this.print = this.print.bind(this);
    this.list = this.list.bind(this);
    this.remove = this.remove.bind(this);
  }

  *run(paths: readonly string[], plan: Plan): Running {
    const call = this.#call;
    const links = call.lastOf('HLP');
    const isDepthFirst = plan.isDepthFirst || call.has('d');
    const walk = new TreeWalk(call.system, paths, {
      follow: links === 'L' ? 'always' : links === 'H' ? 'roots' : 'never',
      oneVolume: plan.oneVolume || call.has('x'),
      ...(call.has('s') ? { compare: compareNames } : {}),
    });
    for (let entry = yield* walk.next(); entry && !plan.isOver; entry = yield* walk.next()) {
      const { event, path, error, stat, depth } = entry;
      if (event === 'cycle') continue;
      if (error || !stat) {
        yield* call.warn(`${path}: ${strerror(error?.code ?? 'EIO')}`);
        continue;
      }
      if (event === 'directory' && depth >= plan.depthMax) walk.passOver();
      if (event === (isDepthFirst ? 'directory' : 'directory end') || depth < plan.depthMin) continue;
      plan.isPruned = false;
      yield* plan.test({ ...entry, stat });
      if (plan.isPruned && event === 'directory') walk.passOver();
      for (const gathering of plan.gathered) {
        if (gathering.paths.length >= GATHERED_MAX) yield* this.#executeGathered(gathering);
      }
    }
    for (const gathering of plan.gathered) yield* this.#executeGathered(gathering);
    return call.exitCode;
  }

  *print(entry: Found, end: string): Running<boolean> {
    yield* this.#call.print(entry.path + end);
    return true;
  }

  *list({ path, stat }: Found): Running<boolean> {
    const { system } = this.#call;
    const target = isSymlink(stat.mode) ? outcomeOf(() => system.readlink(path)) : '';
    const fields = [
      String(stat.inode).padStart(6),
      String(stat.blocks).padStart(8),
      `${modeText(stat.mode)} `,
      String(stat.linkCount).padStart(3),
      userName(stat.uid).padEnd(16),
      groupName(stat.gid).padEnd(16),
      allDigits(stat.sizeBytes).padStart(8),
      listingTime(stat.modifyTime, system.now(), false),
      typeof target === 'string' && target !== '' ? `${path} -> ${target}` : path,
    ];
    yield* this.#call.printLine(fields.join(' '));
    return true;
  }

  *remove({ path, name, depth, stat }: Found): Running<boolean> {
    if (/^\.\.?$/.test(name)) return true;
    if (depth === 0 && /^\/+$/.test(path)) {
      yield* this.#call.warn('-delete: /: Operation not permitted');
      return true;
    }
    const { system } = this.#call;
    const isTree = isDirectory(stat.mode);
    const removed = outcomeOf(() => (isTree ? system.rmdir(path) : system.unlink(path)));
    if (removed instanceof FsError && !(isTree && removed.code === 'ENOTEMPTY')) {
      const { exitCode } = this.#call;
      yield* this.#call.complain(`-delete: ${isTree ? 'rmdir' : 'unlink'}(${path})`, removed);
      this.#call.exitCode = exitCode;
    }
    return true;
  }

  *execute(words: readonly string[], { path }: Found, asks: boolean): Running<boolean> {
    const command = words.map((word) => word.replaceAll('{}', path));
    if (asks && !(yield* this.#call.asks(`"${command.join(' ')}"? `))) return false;
    yield* this.#call.flush();
    return (yield* this.#context.execute(command)) === 0;
  }

  *#executeGathered(gathering: { readonly words: readonly string[]; paths: string[] }): Running<void> {
    if (gathering.paths.length === 0) return;
    const command = [...gathering.words, ...gathering.paths];
    gathering.paths = [];
    yield* this.#call.flush();
    if ((yield* this.#context.execute(command)) !== 0) this.#call.exitCode = 1;
  }
}
