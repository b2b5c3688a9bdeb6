/**
 * What commands print goes to a terminal that obeys control sequences. File names and contents come from disks that
 * nobody vouches for, so nothing that could move the cursor elsewhere, change modes or answer for the user may pass:
 * of the control characters only newline, return, tab and backspace do.
 */
export function safeForTerminal(text: string): string {
  return text.replace(
    /[\u0000-\u0007\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => {
      const code = unit.charCodeAt(0);
      if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
      return code === 0x7f ? '^?' : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );
}

/** A terminal wants a return before each newline. */
export const withReturns = (text: string): string => text.replace(/\r?\n/g, '\r\n');
