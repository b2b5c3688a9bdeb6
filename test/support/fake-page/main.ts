import { mount } from 'svelte';
import App from '../../../src/ui/App.svelte';
import '../../../src/ui/tokens.css';
import '../../../src/ui/base.css';
import { Bench } from '../../../src/ui/state/bench.svelte.ts';
import { FakeEngine } from '../fake-engine.ts';

// The panes without a worker: `npm run dev`, then /test/support/fake-page/.
const target = document.getElementById('app');
const start = () => ({ api: new FakeEngine(), died: new Promise<string>(() => {}), stop: () => {} });
if (target !== null) mount(App, { target, props: { bench: new Bench(start) } });
