import { mount } from 'svelte';
import { startEngine } from '../rpc/client.ts';
import App from './App.svelte';
import './tokens.css';
import './base.css';
import { Bench } from './state/bench.svelte.ts';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element #app');
mount(App, { target, props: { bench: new Bench(() => startEngine()) } });
