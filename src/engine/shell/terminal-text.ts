/**
 * Text that a terminal shows and never obeys. File names are hostile: an escape sequence in one must not move the
 * cursor, retitle a window or paste a command.
 */

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const CONTROLS_AND_BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Several lines: tab and newline stay, other controls become `?`. */
export const visibleText = (text: string): string => text.replace(CONTROLS, '?');

/** One name: every control, newline included, becomes `?` as in macOS's `ls -q`. */
export const visibleName = (name: string): string => name.replace(CONTROLS_AND_BREAKS, '?');
