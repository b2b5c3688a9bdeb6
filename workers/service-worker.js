/**
 * Keeps the built page in the browser, so that it opens and works without a network. The build (vite.config.ts) puts in
 * the list of its files and a version, which is the hash of what is in them; then this is sw.js beside the page.
 *
 * What is kept is served from here and nothing else: other addresses, other origins and other methods go their way
 * untouched. A new version waits until no tab uses the old one, or until the page says that it may take over.
 */
const FILES = self.__FILES__;
const PREFIX = `diskoscope ${self.registration.scope} `;
const CACHE = PREFIX + self.__VERSION__;

const inScope = (file) => new URL(file, self.registration.scope).href;

async function keep() {
  const cache = await caches.open(CACHE);
  // Asked of the server whether they are still the same: a page of one version and parts of another would not work.
  await cache.addAll(FILES.map((file) => new Request(inScope(file), { cache: 'no-cache' })));
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
  await self.clients.claim();
}

/** The page itself goes by two names. */
const keptUrls = new Set(FILES.map(inScope)).add(inScope('index.html'));

self.addEventListener('install', (event) => event.waitUntil(keep()));
self.addEventListener('activate', (event) => event.waitUntil(forgetOthers()));
self.addEventListener('message', (event) => event.data === 'take over' && self.skipWaiting());
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const plain = url.replace(/[?#].*$/, '');
  if (method !== 'GET' || !keptUrls.has(plain)) return;
  const kept = plain === inScope('index.html') ? inScope('./') : plain;
  event.respondWith(caches.match(kept, { cacheName: CACHE }).then((found) => found ?? fetch(event.request)));
});
