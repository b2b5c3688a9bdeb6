import type { Command } from '../command.ts';
import { apfsSystemSnapshot } from './apfs_systemsnapshot.ts';
import { basename, dirname } from './basename.ts';
import { cat } from './cat.ts';
import { chflags } from './chflags.ts';
import { chmod } from './chmod.ts';
import { chgrp, chown } from './chown.ts';
import { clear } from './clear.ts';
import { cp } from './cp.ts';
import { cut } from './cut.ts';
import { date } from './date.ts';
import { dd } from './dd.ts';
import { df } from './df.ts';
import { diskutil } from './diskutil.ts';
import { du } from './du.ts';
import { echo } from './echo.ts';
import { env } from './env.ts';
import { find } from './find.ts';
import { fsckApfs } from './fsck_apfs.ts';
import { fsckExfat } from './fsck_exfat.ts';
import { fsckHfs } from './fsck_hfs.ts';
import { fsckMsdos } from './fsck_msdos.ts';
import { egrep, fgrep, grep } from './grep.ts';
import { head } from './head.ts';
import { help, man } from './help.ts';
import { hexdump } from './hexdump.ts';
import { history } from './history.ts';
import { ln } from './ln.ts';
import { ls } from './ls.ts';
import { md5, shasum } from './md5.ts';
import { mkdir } from './mkdir.ts';
import { mkfifo } from './mkfifo.ts';
import { mkfile } from './mkfile.ts';
import { mknod } from './mknod.ts';
import { mount, mountExfat, mountHfs, mountMsdos, umount } from './mount.ts';
import { mountApfs } from './mount_apfs.ts';
import { mv } from './mv.ts';
import { newfsApfs } from './newfs_apfs.ts';
import { newfsExfat } from './newfs_exfat.ts';
import { newfsHfs } from './newfs_hfs.ts';
import { newfsMsdos } from './newfs_msdos.ts';
import { nl } from './nl.ts';
import { printf } from './printf.ts';
import { pwd } from './pwd.ts';
import { rev } from './rev.ts';
import { rm, unlink } from './rm.ts';
import { rmdir } from './rmdir.ts';
import { scope } from './scope.ts';
import { seq } from './seq.ts';
import { sleep } from './sleep.ts';
import { sort } from './sort.ts';
import { readlink, stat } from './stat.ts';
import { sudo, whoami } from './sudo.ts';
import { sync } from './sync.ts';
import { tail } from './tail.ts';
import { tee } from './tee.ts';
import { bracketCommand, testCommand } from './test.ts';
import { tmutil } from './tmutil.ts';
import { touch } from './touch.ts';
import { tr } from './tr.ts';
import { tree } from './tree.ts';
import { falseCommand, trueCommand } from './true.ts';
import { truncate } from './truncate.ts';
import { uniq } from './uniq.ts';
import { wc } from './wc.ts';
import { which } from './which.ts';
import { xargs } from './xargs.ts';
import { xattr } from './xattr.ts';
import { xxd } from './xxd.ts';
import { yes } from './yes.ts';

/** Every command of the machine, one line each, in the order of the alphabet. Builtins of the shell are elsewhere. */
export const COMMANDS: readonly Command[] = [
  bracketCommand,
  apfsSystemSnapshot,
  basename,
  cat,
  chflags,
  chgrp,
  chmod,
  chown,
  clear,
  cp,
  cut,
  date,
  dd,
  df,
  dirname,
  diskutil,
  du,
  echo,
  egrep,
  env,
  falseCommand,
  fgrep,
  find,
  fsckApfs,
  fsckExfat,
  fsckHfs,
  fsckMsdos,
  grep,
  head,
  help,
  hexdump,
  history,
  ln,
  ls,
  man,
  md5,
  mkdir,
  mkfifo,
  mkfile,
  mknod,
  mount,
  mountApfs,
  mountExfat,
  mountHfs,
  mountMsdos,
  mv,
  newfsApfs,
  newfsExfat,
  newfsHfs,
  newfsMsdos,
  nl,
  printf,
  pwd,
  readlink,
  rev,
  rm,
  rmdir,
  scope,
  seq,
  shasum,
  sleep,
  sort,
  stat,
  sudo,
  sync,
  tail,
  tee,
  testCommand,
  tmutil,
  touch,
  tr,
  tree,
  trueCommand,
  truncate,
  umount,
  uniq,
  unlink,
  wc,
  which,
  whoami,
  xargs,
  xattr,
  xxd,
  yes,
];
