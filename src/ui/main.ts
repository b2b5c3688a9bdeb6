import { mount } from 'svelte';
import { startEngine, startWorker } from '../rpc/client.ts';
import { LateWorker } from '../rpc/late-worker.ts';
import App from './App.svelte';
import './tokens.css';
import './base.css';
import { keepForOffline } from './offline.ts';
import { Bench } from './state/bench.svelte.ts';
import { markNow } from './state/mark-now.ts';

// Fetched while the page is mounted; the pane that opens it says so when it does not come.
void import('./terminal/xterm-screen.ts').catch(() => {});

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element #app');
let onprompt = () => {};
const promptIsThere = new Promise<void>((resolve) => (onprompt = resolve));
const bench = new Bench(() => startEngine(new LateWorker(promptIsThere, startWorker)));

/** The bench stands: what could wait has waited until now. */
function onbegun(): void {
  markNow('bench ready');
  // In development every change would have to get past what is kept.
  if (import.meta.env.PROD) keepForOffline(bench.messages);
}

mount(App, { target, props: { bench, onprompt, onbegun } });
