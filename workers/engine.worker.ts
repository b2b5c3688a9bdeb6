import * as Comlink from 'comlink';
import '../src/rpc/errors.ts';
import { EngineServer } from '../src/rpc/server.ts';

/** The engine's thread: everything that touches a disk happens here, so that the page never waits. */
Comlink.expose(new EngineServer());
