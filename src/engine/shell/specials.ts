import { OPTION_LETTERS, type Environment, type OptionName } from './environment.ts';

/** Parameters that are no plain variables: `$?`, `$1`, `$RANDOM` … The rest is looked up in Variables. */

const PROCESS_ID = '501';
const RANDOM_MODULUS = 2 ** 31 - 1;

/** The text of a parameter; undefined when unset. `@` and `*` are lists and not answered here. */
export function readParameter(environment: Environment, name: string): string | undefined {
  if (/^[0-9]+$/.test(name)) {
    const index = Number(name);
    return index === 0 ? environment.scriptName : environment.positional[index - 1];
  }
  switch (name) {
    case '#':
      return String(environment.positional.length);
    case '?':
      return String(environment.lastStatus);
    case '$':
      return PROCESS_ID;
    case '-':
      return [...environment.options].map((option) => OPTION_LETTERS[option]).join('');
    case '!':
      return undefined;
    default:
      return environment.variables.text(name) ?? readComputed(environment, name);
  }
}

function readComputed(environment: Environment, name: string): string | undefined {
  switch (name) {
    case 'RANDOM':
      // Park and Miller's generator, as bash has it: the same seed gives the same numbers on every machine.
      environment.randomState = (environment.randomState * 16807) % RANDOM_MODULUS;
      return String(environment.randomState & 0x7fff);
    case 'SECONDS':
      return String(environment.system.now().seconds - environment.shared.startedAtSeconds);
    case 'UID':
    case 'EUID':
      return String(environment.system.getuid());
    case 'FUNCNAME':
      return environment.functionNames.at(-1);
    case 'PIPESTATUS':
      return String(environment.pipeStatus[0] ?? 0);
    case 'PPID':
      return '1';
    default:
      return undefined;
  }
}

/** `name=value`, with the names that mean more than storage. */
export function assignVariable(environment: Environment, name: string, value: string): void {
  if (name === 'RANDOM') {
    environment.randomState = (Math.abs(Math.trunc(Number(value)) || 0) % (RANDOM_MODULUS - 1)) + 1;
    return;
  }
  environment.variables.set(name, value);
}

export const isOptionName = (name: string): name is OptionName => Object.hasOwn(OPTION_LETTERS, name);
