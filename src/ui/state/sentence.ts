/**
 * What an error says to people: the engine's own sentence where it gave one (FsError.detail), else the whole message.
 */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { detail } = error as { detail?: unknown };
  return typeof detail === 'string' && detail !== '' ? detail : error.message;
}
