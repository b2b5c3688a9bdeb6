/** Words that the engine has for numbers, for a page that says them too. */
export { printedDuration } from '../engine/session/sentences.ts';
