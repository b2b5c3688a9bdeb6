import * as Comlink from 'comlink';
import '../src/rpc/errors.ts';
import { EngineServer } from '../src/rpc/server.ts';

/**
 * The engine's thread: everything that touches a disk happens here, so that the page never waits. The formats that the
 * page does not open with come as a chunk of their own, asked for at once and waited for when they are needed.
 */
const others = import('../src/engine/session/all-formats.ts').then(({ knowAllFormats }) => knowAllFormats());
Comlink.expose(new EngineServer(others));
