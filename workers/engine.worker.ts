import * as Comlink from 'comlink';
import '../src/rpc/errors.ts';
import { EngineServer } from '../src/rpc/server.ts';

/**
 * The engine's thread: everything that touches a disk happens here, so that the page never waits. The formats come as a
 * chunk of their own, asked for at once; disks wait for them.
 */
const formats = import('../src/engine/session/all-formats.ts').then(({ knowAllFormats }) => knowAllFormats());
Comlink.expose(new EngineServer(formats));
