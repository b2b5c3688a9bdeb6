/** Light or dark: as the system says until somebody chooses. Lecture mode: large type and contrast for a room. */
export class Theme {
  #system = $state<'light' | 'dark'>('light');
  #chosen = $state<'light' | 'dark' | null>(null);
  #isLecture = $state(false);
  /** 'light' or 'dark'; changes with everything that colours depend on. */
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

  get isLecture(): boolean {
    return this.#isLecture;
  }

  toggleLecture(): void {
    this.#isLecture = !this.#isLecture;
    document.documentElement.toggleAttribute('data-lecture', this.#isLecture);
  }
}
