import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
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
  const read = (token: string) => {
    const probe = element.appendChild(document.createElement('i'));
    probe.style.color = `var(${token})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const terminal = new Terminal({
    fontFamily: style.getPropertyValue('--mono'),
    fontSize: typePixels(),
    lineHeight: 1.25,
    scrollback: 5000,
    cursorBlink: false,
    screenReaderMode: true,
    // Nothing that a disk says may act: no links, no title, no answers.
    linkHandler: null,
    theme: {
      background: read('--term'),
      foreground: read('--term-ink'),
      cursor: read('--term-ink'),
      green: read('--term-prompt'),
      red: read('--term-error'),
      brightBlack: read('--term-soft'),
      scrollbarSliderBackground: read('--term-line'),
      scrollbarSliderHoverBackground: read('--term-soft'),
      scrollbarSliderActiveBackground: read('--term-soft'),
    },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  terminal.textarea?.setAttribute('aria-label', 'Terminal: type a command');
  // The page has a live region of its own that speaks whole lines; this one would say everything again.
  element.querySelector('.live-region')?.setAttribute('aria-live', 'off');
  // Leaving by Tab must be possible: Tab completes, Shift-Tab and Escape leave.
  terminal.attachCustomKeyEventHandler(
    (event) => !isForPage(event) && !(event.key === 'Tab' && event.shiftKey),
  );
  terminal.onData(onData);
  if (terminal.textarea) listenForInsertions(terminal.textarea, onData);
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
