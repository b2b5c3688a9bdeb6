const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A file name for a terminal: controls, newline included, become `?` as in macOS's `ls -q`, and so do marks that turn
 * the direction of text. The terminal itself guards against the rest; a newline in a name only a lister can tell.
 */
export const visibleName = (name: string): string => name.replace(CONTROLS, '?');
