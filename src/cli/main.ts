import { runCommandLine } from './run.ts';
import { standardOutput } from './standard-output.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), standardOutput());
