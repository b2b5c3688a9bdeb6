/** Once the page has nothing better to do. */
export const whenIdle = (action: () => void): void =>
  typeof requestIdleCallback === 'function'
    ? void requestIdleCallback(action)
    : void setTimeout(action, 1000);
