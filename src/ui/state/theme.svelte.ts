/** Light or dark: as the system says until somebody chooses. */
export class Theme {
  #system = $state<'light' | 'dark'>('light');
  #chosen = $state<'light' | 'dark' | null>(null);
  readonly shown = $derived(this.#chosen ?? this.#system);

  constructor() {
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.#system = query.matches ? 'dark' : 'light';
    query.addEventListener('change', () => (this.#system = query.matches ? 'dark' : 'light'));
  }

  toggle(): void {
    this.#chosen = this.shown === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = this.#chosen;
  }
}
