// One clock for all that is said of "ago"; the roll of another moment stops it there.

class Clock {
  #now = $state(Date.now());
  /** The moment that is looked at, where it is not now. */
  asOf = $state("");

  constructor() {
    setInterval(() => (this.#now = Date.now()), 30_000);
  }

  get now(): number {
    return this.asOf ? Date.parse(this.asOf) : this.#now;
  }
}

export const clock = new Clock();
