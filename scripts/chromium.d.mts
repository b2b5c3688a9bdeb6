export const launchArguments: string[];
export function findChromium(): string | undefined;
export function ensureChromium(notChecked: string[]): string | undefined;
