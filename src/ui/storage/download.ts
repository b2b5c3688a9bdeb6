/** Files that leave the page through the browser's download, without any network. */

const NAME_CHARACTERS_MAX = 60;

/** A name that is one on every system: letters, digits and single dashes, never empty, never with a dot in front. */
export function fileNameOf(words: string, extension: string): string {
  const plain = words
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .slice(0, NAME_CHARACTERS_MAX)
    .replace(/^-+|-+$/g, '');
  return `${plain === '' ? 'diskoscope' : plain}.${extension}`;
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the blob after the click; a minute is ample.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
