import type { Order } from '../draw/grid.ts';
import type { Brightness } from '../draw/paint-map.ts';

/** How all maps of the page are drawn: remembered by the browser from one visit to the next. */
const KEY = 'diskoscope.map';

const ORDERS: readonly Order[] = ['rows', 'hilbert'];
const BRIGHTNESSES: readonly Brightness[] = ['use', 'age', 'references'];

class MapLook {
  #order = $state<Order>('rows');
  #brightness = $state<Brightness>('use');

  constructor() {
    const [order, brightness] = stored();
    this.#order = ORDERS.find((known) => known === order) ?? 'rows';
    this.#brightness = BRIGHTNESSES.find((known) => known === brightness) ?? 'use';
  }

  get order(): Order {
    return this.#order;
  }

  set order(order: Order) {
    this.#order = order;
    this.#keep();
  }

  get brightness(): Brightness {
    return this.#brightness;
  }

  set brightness(brightness: Brightness) {
    this.#brightness = brightness;
    this.#keep();
  }

  #keep(): void {
    try {
      localStorage.setItem(KEY, `${this.#order} ${this.#brightness}`);
    } catch {
      // A browser that keeps nothing still draws; the choice holds until the page is closed.
    }
  }
}

function stored(): readonly string[] {
  try {
    return (localStorage.getItem(KEY) ?? '').split(' ');
  } catch {
    // Storage that is forbidden is storage without a choice in it.
    return [];
  }
}

export const mapLook = new MapLook();
