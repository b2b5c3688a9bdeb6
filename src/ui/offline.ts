import type { Messages } from './state/messages.svelte.ts';
import { whenIdle } from './when-idle.ts';

/**
 * Lets the browser keep the page (workers/service-worker.js), once it stands and has nothing better to do. What it opens
 * with stays what it is until somebody asks for the new version: nothing reloads by itself.
 */
export function keepForOffline(messages: Messages): void {
  const { serviceWorker } = navigator as { readonly serviceWorker?: ServiceWorkerContainer };
  // Absent where the page does not come over a connection that browsers trust.
  if (serviceWorker === undefined) return;
  whenIdle(() => void register(serviceWorker, messages));
}

async function register(container: ServiceWorkerContainer, messages: Messages): Promise<void> {
  let registration: ServiceWorkerRegistration;
  try {
    registration = await container.register(new URL('./sw.js', document.baseURI), { scope: './' });
  } catch (error) {
    // Private windows and some settings refuse; the page works as before, with a network.
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    return;
  }
  const tell = (waiting: ServiceWorker) =>
    messages.say(
      'note',
      'A new version of Diskoscope is here. It is used the next time the page is opened.',
      {
        label: 'Reload with it now',
        run: () => {
          container.addEventListener('controllerchange', () => location.reload(), { once: true });
          waiting.postMessage('take over');
        },
      },
    );
  // Without a controller this is the first visit, not a new version.
  if (registration.waiting !== null && container.controller !== null) tell(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const coming = registration.installing;
    coming?.addEventListener('statechange', () => {
      if (coming.state === 'installed' && container.controller !== null) tell(coming);
    });
  });
}
