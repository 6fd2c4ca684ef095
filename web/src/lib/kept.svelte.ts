// What a person prefers, kept in this browser.

/** A value that survives a reload. What cannot be read or written is as if never kept. */
export class Kept<T> {
  #value = $state() as T;
  readonly #name: string;

  constructor(name: string, otherwise: T) {
    this.#name = `keyroll.${name}`;
    this.#value = read(this.#name, otherwise);
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    try {
      localStorage.setItem(this.#name, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing still shows everything.
    }
  }
}

function read<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(name);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export type Theme = "" | "light" | "dark";
/** A list as somebody named it: its filter, order and columns. */
export interface View {
  name: string;
  query: string;
}

export const kept = {
  theme: new Kept<Theme>("theme", ""),
  compact: new Kept("compact", false),
  columns: new Kept<string[]>("columns", []),
  views: new Kept<View[]>("views", []),
  lastLook: new Kept("last-look", ""),
};
