/**
 * Bounds that keep a line from running away with the machine's memory. Each is far beyond honest use and ends in a
 * sentence, never in a hang. Lengths are in UTF-16 units unless the name says otherwise.
 */

/** Of a line or script handed to the parser. */
export const SCRIPT_LENGTH_MAX = 4 * 1024 * 1024;

/** Words that one command's braces, globs and variables may grow into. */
export const FIELDS_MAX = 1_000_000;

/** Words that the braces of one word may make. */
export const BRACE_WORDS_MAX = 200_000;

/** Of all words of one command together; macOS's ARG_MAX. */
export const ARGUMENTS_LENGTH_MAX = 1024 * 1024 * 8;

/** What `$( )` may hold. */
export const CAPTURE_BYTES_MAX = 32 * 1024 * 1024;

/** Of the text of one variable. */
export const VALUE_LENGTH_MAX = 32 * 1024 * 1024;

/** Functions, sourced files, `eval` and `sh` inside one another. */
export const CALL_DEPTH_MAX = 256;

/** Pipelines inside the stages of pipelines. */
export const PIPELINE_DEPTH_MAX = 32;

/** Operators inside one another in one arithmetic expression, and variables that name variables. */
export const ARITHMETIC_DEPTH_MAX = 512;

/** What a pipe holds before its writer has to wait; as on macOS. */
export const PIPE_BYTES_MAX = 64 * 1024;

/** Output gathers up to this much before it is written to a file or pipe. */
export const OUTPUT_BUFFER_BYTES = 16 * 1024;

/** A line of input longer than this is handed on in pieces. */
export const INPUT_LINE_BYTES_MAX = 1024 * 1024;

/** Steps of pattern matching for one `${name//pattern/text}`. */
export const PATTERN_STEPS_MAX = 50_000_000;
