import { ShellError } from './errors.ts';
import { VALUE_LENGTH_MAX } from './limits.ts';

/**
 * Variables of one shell: values, indexed arrays, export and readonly marks, and the scopes of `local`. Scoping is
 * dynamic as in bash: `local` saves what was there and the function's end puts it back.
 */
export interface Variable {
  /** Undefined while only declared (`export X`). Of an array: its element 0, kept in `elements`. */
  readonly value: string | undefined;
  readonly elements?: ReadonlyMap<number, string>;
  readonly isExported: boolean;
  readonly isReadOnly: boolean;
}

/** A variable as plain data. */
export interface SavedVariable {
  readonly name: string;
  readonly value: string | undefined;
  readonly elements?: readonly (readonly [number, string])[];
  readonly isExported: boolean;
  readonly isReadOnly: boolean;
}

const ELEMENT_INDEX_MAX = 1_000_000;

interface MutableVariable {
  value: string | undefined;
  elements?: Map<number, string>;
  isExported: boolean;
  isReadOnly: boolean;
}

export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

export class Variables {
  readonly #all = new Map<string, MutableVariable>();
  /** Per active function: what its `local` names were before. */
  readonly #scopes: Map<string, MutableVariable | undefined>[] = [];

  static from(saved: readonly SavedVariable[]): Variables {
    const variables = new Variables();
    for (const { name, elements, ...variable } of saved)
      variables.#all.set(name, elements ? { ...variable, elements: new Map(elements) } : { ...variable });
    return variables;
  }

  save(): SavedVariable[] {
    return [...this.#all].map(([name, { elements, ...variable }]) =>
      elements ? { name, ...variable, elements: [...elements] } : { name, ...variable },
    );
  }

  /** For a subshell: what it changes stays its own. */
  fork(): Variables {
    const child = new Variables();
    for (const [name, variable] of this.#all)
      child.#all.set(
        name,
        variable.elements ? { ...variable, elements: new Map(variable.elements) } : { ...variable },
      );
    for (const scope of this.#scopes) child.#scopes.push(new Map(scope));
    return child;
  }

  get(name: string): Variable | undefined {
    return this.#all.get(name);
  }

  /** The text of a variable, of an array its first element; undefined when unset. */
  text(name: string): string | undefined {
    const variable = this.#all.get(name);
    return variable?.elements ? variable.elements.get(0) : variable?.value;
  }

  /** Elements of an array in the order of their indexes; of a plain variable its one value. */
  elements(name: string): [number, string][] {
    const variable = this.#all.get(name);
    if (variable?.elements) return [...variable.elements].sort(([a], [b]) => a - b);
    return variable?.value === undefined ? [] : [[0, variable.value]];
  }

  names(): string[] {
    return [...this.#all.keys()].sort();
  }

  set(name: string, value: string): void {
    const variable = this.#writable(name);
    if (value.length > VALUE_LENGTH_MAX) throw new ShellError(`${name}: the value is too long`);
    if (variable.elements) variable.elements.set(0, value);
    else variable.value = value;
  }

  setElement(name: string, index: number, value: string): void {
    const variable = this.#writable(name);
    if (!variable.elements) {
      variable.elements = new Map(variable.value === undefined ? [] : [[0, variable.value]]);
      variable.value = undefined;
    }
    const at = index < 0 ? Math.max(-1, ...variable.elements.keys()) + 1 + index : index;
    if (at < 0 || at > ELEMENT_INDEX_MAX) throw new ShellError(`${name}[${index}]: bad array subscript`);
    variable.elements.set(at, value);
  }

  setArray(name: string, elements: Map<number, string>): void {
    const variable = this.#writable(name);
    variable.value = undefined;
    variable.elements = elements;
  }

  mark(name: string, marks: { isExported?: boolean; isReadOnly?: boolean }): void {
    const variable = this.#all.get(name) ?? this.#create(name);
    variable.isExported = marks.isExported ?? variable.isExported;
    variable.isReadOnly = marks.isReadOnly ?? variable.isReadOnly;
  }

  unset(name: string, index?: number): void {
    const variable = this.#all.get(name);
    if (!variable) return;
    if (variable.isReadOnly) throw new ShellError(`${name}: readonly variable`);
    if (index === undefined) this.#all.delete(name);
    else variable.elements?.delete(index);
  }

  /** What a command sees as its environment. */
  exported(): Map<string, string> {
    const environment = new Map<string, string>();
    for (const [name, variable] of this.#all)
      if (variable.isExported && variable.value !== undefined) environment.set(name, variable.value);
    return environment;
  }

  /** What a new program starts with: these, exported, and nothing else. */
  keepOnly(environment: ReadonlyMap<string, string>): void {
    this.#all.clear();
    this.#scopes.length = 0;
    for (const [name, value] of environment)
      this.#all.set(name, { value, isExported: true, isReadOnly: false });
  }

  openScope(): void {
    this.#scopes.push(new Map());
  }

  closeScope(): void {
    for (const [name, before] of this.#scopes.pop() ?? [])
      if (before) this.#all.set(name, before);
      else this.#all.delete(name);
  }

  /** Make `name` a variable of the innermost scope; it starts unset unless it `keepsValue`. */
  makeLocal(name: string, options: { keepsValue?: boolean } = {}): void {
    const scope = this.#scopes.at(-1);
    if (!scope) throw new ShellError('local: can only be used in a function');
    if (scope.has(name)) return;
    const before = this.#all.get(name);
    if (before?.isReadOnly) throw new ShellError(`${name}: readonly variable`);
    scope.set(name, before);
    const value = options.keepsValue ? before?.value : undefined;
    this.#all.set(name, { value, isExported: before?.isExported ?? false, isReadOnly: false });
  }

  #create(name: string): MutableVariable {
    const variable: MutableVariable = { value: undefined, isExported: false, isReadOnly: false };
    this.#all.set(name, variable);
    return variable;
  }

  #writable(name: string): MutableVariable {
    const variable = this.#all.get(name) ?? this.#create(name);
    if (variable.isReadOnly) throw new ShellError(`${name}: readonly variable`);
    return variable;
  }
}
