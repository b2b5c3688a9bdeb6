// The browser of the page tests: one that is here, or Debian's package, or none.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const launchArguments = [
  '--no-sandbox', // Chromium refuses to run as root with it, and containers run as root
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const { CHROME_PATH, PROGRAMFILES, LOCALAPPDATA } = process.env;
const windowsFolders = [PROGRAMFILES, process.env['PROGRAMFILES(X86)'], LOCALAPPDATA].filter(Boolean);

/** Path of a Chromium-like browser on this machine, or undefined. CHROME_PATH goes first. */
export function findChromium() {
  const places = [
    CHROME_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/snap/bin/chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    ...windowsFolders.map((folder) => join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe')),
  ];
  return places.find((path) => path && existsSync(path));
}

/** As findChromium, after installing Debian's package where that is possible. Says in `notChecked` what fails. */
export function ensureChromium(notChecked) {
  const found = findChromium();
  if (found) return found;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log('Installing Chromium (apt-get) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const packages = ['install', '-y', '-qq', '--no-install-recommends', 'chromium'];
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
    spawnSync('apt-get', packages, { stdio: ['ignore', 'ignore', 'inherit'], env });
  }
  const installed = findChromium();
  if (!installed)
    notChecked.push('the page: no Chromium here; install one or set CHROME_PATH to its program');
  return installed;
}
