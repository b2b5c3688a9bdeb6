import type { ArrayValue, Assignment } from 'unbash';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { evaluateText } from './arithmetic.ts';
import { expandToText, expandWords } from './expand.ts';
import { assignVariable } from './specials.ts';
import { compileSingle } from './words.ts';

/** `a=1`, `a+=1`, `a[2]=1`, `a=(1 2)`, `a+=(3)`. */
export function* assignTo(environment: Environment, assignment: Assignment): Running<void> {
  const { variables } = environment;
  const { name, value, append, index } = assignment;
  if (value.type === 'ArrayValue') {
    const elements = append ? new Map(variables.elements(name)) : new Map<number, string>();
    yield* addElements(environment, elements, value);
    variables.setArray(name, elements);
    return;
  }
  const text = yield* expandToText(environment, compileSingle(value, 'assignment'));
  if (index === undefined) {
    assignVariable(environment, name, append ? (variables.text(name) ?? '') + text : text);
    return;
  }
  const subscript = yield* expandToText(environment, compileSingle(index, 'plain'));
  const at = Number(yield* evaluateText(environment, subscript));
  const before = append ? (variables.get(name)?.elements?.get(at) ?? '') : '';
  variables.setElement(name, at, before + text);
}

/** Elements follow one another; `[5]=x` goes on from there. */
function* addElements(
  environment: Environment,
  elements: Map<number, string>,
  { elements: words }: ArrayValue,
): Running<void> {
  let next = Math.max(-1, ...elements.keys()) + 1;
  for (const word of words) {
    const [whole, subscript] = /^\[([^\]]+)\]=/.exec(word.text) ?? [];
    const fields = yield* expandWords(environment, [word]);
    if (whole !== undefined && subscript !== undefined) {
      next = Number(yield* evaluateText(environment, subscript));
      const text = fields.join(' ');
      elements.set(next++, text.slice(text.indexOf('=') + 1));
    } else {
      for (const field of fields) elements.set(next++, field);
    }
  }
}
