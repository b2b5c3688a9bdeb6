import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { whenIdle } from '../when-idle.ts';
import type { Screen } from './controller.ts';

/** xterm.js as a Screen. Loaded on its own, after the rest of the page stands. */
export interface TerminalScreen extends Screen {
  focus(): void;
  dispose(): void;
}

export function openScreen(
  element: HTMLElement,
  onData: (data: string) => void,
  /** The size must change: call `fit` when nothing would be harmed. */
  onResize: (fit: () => void) => void,
  /** Keys that are the page's, although the terminal has the focus. */
  isForPage: (event: KeyboardEvent) => boolean,
): TerminalScreen {
  const style = getComputedStyle(element);
  const typePixels = () => Number.parseFloat(style.getPropertyValue('--type')) || 13;
  const terminal = new Terminal({
    fontFamily: style.getPropertyValue('--mono'),
    fontSize: typePixels(),
    lineHeight: 1.25,
    scrollback: 5000,
    cursorBlink: false,
    // Nothing that a disk says may act: no links, no title, no answers.
    linkHandler: null,
    theme: themeOf(element),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  terminal.textarea?.setAttribute('aria-label', 'Terminal: type a command');
  // Leaving by Tab must be possible: Tab completes, Shift-Tab and Escape leave.
  terminal.attachCustomKeyEventHandler(
    (event) => !isForPage(event) && !(event.key === 'Tab' && event.shiftKey),
  );
  terminal.onData(onData);
  whenIdle(() => serveScreenReaders(terminal, element, onData));
  fit.fit();

  const observer = new ResizeObserver(() => {
    // Another size of type comes with another size of the pane.
    if (terminal.options.fontSize !== typePixels()) terminal.options.fontSize = typePixels();
    const wanted = fit.proposeDimensions();
    if (wanted !== undefined && (wanted.cols !== terminal.cols || wanted.rows !== terminal.rows)) {
      onResize(() => fit.fit());
    }
  });
  observer.observe(element);
  observer.observe(rulerIn(element));

  return {
    get columns() {
      return terminal.cols;
    },
    write: (text) => terminal.write(text),
    clear: () => terminal.clear(),
    settled: (action) => terminal.write('', action),
    focus: () => terminal.focus(),
    dispose() {
      observer.disconnect();
      terminal.dispose();
    },
  };
}

/** As large as the type is: it tells when that changes and the pane does not. */
function rulerIn(element: HTMLElement): HTMLElement {
  const ruler = element.appendChild(document.createElement('i'));
  const style = { position: 'absolute', visibility: 'hidden', width: '1em', height: '1em' };
  Object.assign(ruler.style, style, { fontSize: 'var(--type)' });
  return ruler;
}

const COLOURS = {
  background: '--term',
  foreground: '--term-ink',
  cursor: '--term-ink',
  green: '--term-prompt',
  red: '--term-error',
  brightBlack: '--term-soft',
  scrollbarSliderBackground: '--term-line',
  scrollbarSliderHoverBackground: '--term-soft',
  scrollbarSliderActiveBackground: '--term-soft',
};

/** The page's colours as xterm.js takes them: computed. All are asked for before one is read, for one computation. */
function themeOf(element: HTMLElement): Record<string, string> {
  const probes = Object.entries(COLOURS).map(([name, token]) => {
    const probe = element.appendChild(document.createElement('i'));
    probe.style.color = `var(${token})`;
    return [name, probe] as const;
  });
  const colours = probes.map(([name, probe]) => [name, getComputedStyle(probe).color] as const);
  for (const [, probe] of probes) probe.remove();
  return Object.fromEntries(colours);
}

/** Rows that can be walked. They cost something with every line drawn, and wait until the page stands. */
function serveScreenReaders(terminal: Terminal, element: HTMLElement, onData: (data: string) => void): void {
  terminal.options.screenReaderMode = true;
  // The page has a live region of its own that speaks whole lines; this one would say everything again.
  element.querySelector('.live-region')?.setAttribute('aria-live', 'off');
  if (terminal.textarea) listenForInsertions(terminal.textarea, onData);
}

/**
 * Text that no key made: dictation, emoji pickers, assistive tools. In its screen reader mode xterm.js takes keys and
 * pastes only.
 */
function listenForInsertions(textarea: HTMLTextAreaElement, onData: (data: string) => void): void {
  let isKeyDown = false;
  textarea.addEventListener('keydown', () => (isKeyDown = true));
  textarea.addEventListener('keyup', () => (isKeyDown = false));
  textarea.addEventListener('blur', () => (isKeyDown = false));
  textarea.addEventListener('input', (event) => {
    const { inputType, data, isComposing } = event as InputEvent;
    if (inputType === 'insertText' && data !== null && !isComposing && !isKeyDown) onData(data);
  });
}
