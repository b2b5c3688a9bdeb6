import { knowAllFormats } from '../../src/engine/session/all-formats.ts';

// Runs before every test file: machines of tests know what those of programs know.
knowAllFormats();
