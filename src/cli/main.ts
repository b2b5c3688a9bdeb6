import { knowAllFormats } from '../engine/session/all-formats.ts';
import { runCommandLine } from './run.ts';
import { standardOutput } from './standard-output.ts';

knowAllFormats();
process.exitCode = await runCommandLine(process.argv.slice(2), standardOutput());
