import type { Builtin } from './builtin.ts';
import { cdBuiltin, umaskBuiltin } from './directory.ts';
import {
  bashBuiltin,
  commandBuiltin,
  dotBuiltin,
  evalBuiltin,
  execBuiltin,
  shBuiltin,
  sourceWordBuiltin,
  zshBuiltin,
} from './evaluate.ts';
import { breakBuiltin, continueBuiltin, exitBuiltin, returnBuiltin } from './jumps.ts';
import { aliasBuiltin, typeBuiltin, unaliasBuiltin } from './names.ts';
import { getoptsBuiltin } from './getopts.ts';
import { readBuiltin } from './read.ts';
import { setBuiltin } from './set.ts';
import { colonBuiltin, letBuiltin, trapBuiltin, waitBuiltin } from './trivial.ts';
import {
  declareBuiltin,
  exportBuiltin,
  localBuiltin,
  readonlyBuiltin,
  shiftBuiltin,
  unsetBuiltin,
} from './variables.ts';

/** Every builtin by name. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map(
  [
    colonBuiltin,
    dotBuiltin,
    aliasBuiltin,
    bashBuiltin,
    breakBuiltin,
    cdBuiltin,
    commandBuiltin,
    continueBuiltin,
    declareBuiltin,
    evalBuiltin,
    execBuiltin,
    exitBuiltin,
    exportBuiltin,
    getoptsBuiltin,
    letBuiltin,
    localBuiltin,
    readBuiltin,
    readonlyBuiltin,
    returnBuiltin,
    setBuiltin,
    shBuiltin,
    shiftBuiltin,
    sourceWordBuiltin,
    trapBuiltin,
    typeBuiltin,
    umaskBuiltin,
    unaliasBuiltin,
    unsetBuiltin,
    waitBuiltin,
    zshBuiltin,
  ].map((builtin) => [builtin.name, builtin]),
);

/** Commands that need nothing of the shell but are part of every one: messages and `type` call them builtins. */
const IN_PASSING = new Set(['echo', 'printf', 'pwd', 'test', '[', 'true', 'false']);

export const isPartOfShell = (name: string): boolean => BUILTINS.has(name) || IN_PASSING.has(name);
