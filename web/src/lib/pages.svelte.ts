// A list over cursor pages: pages are fetched as they come into sight, and those far away are
// let go again, so that a million rows cost no more than some thousand.

import type { Gauge, List } from "./api";

const KEPT = 24;

interface Page<T> {
  after: string;
  rows: T[] | null;
  asked: boolean;
}

export class Pages<T> {
  #pages = $state.raw<Page<T>[]>([{ after: "", rows: null, asked: false }]);
  total = $state<number | null>(null);
  coverage = $state<Gauge | undefined>();
  error = $state<Error | null>(null);
  /** Whether the first page is there. */
  begun = $state(false);
  #ended = $state(false);
  #over = false;

  constructor(
    readonly size: number,
    readonly fetch: (after: string, limit: number) => Promise<List<T>>,
  ) {}

  /** How many rows there are to scroll over: those known, and one page more until the end is. */
  get length(): number {
    const last = this.#pages.at(-1)!;
    const known = (this.#pages.length - 1) * this.size + (last.rows?.length ?? (this.#ended ? 0 : this.size));
    return this.total === null ? known : Math.min(known, this.total);
  }

  at(index: number): T | undefined {
    return this.#pages[Math.floor(index / this.size)]?.rows?.[index % this.size];
  }

  /** Rows that are at hand, in their order. */
  get here(): T[] {
    return this.#pages.flatMap((page) => page.rows ?? []);
  }

  /** Sees to it that these rows are there, or under way. */
  want(from: number, to: number): void {
    if (this.error) return;
    const last = Math.floor(Math.max(from, to - 1) / this.size);
    for (let n = Math.floor(from / this.size); n <= last; n += 1) {
      const page = this.#pages[n];
      if (page && !page.rows && !page.asked) void this.#load(n, page);
    }
  }

  /** Changes rows that are at hand. */
  change(change: (row: T) => T): void {
    this.#pages = this.#pages.map((page) => ({ ...page, rows: page.rows?.map(change) ?? null }));
  }

  /** What still comes belongs to a list that nobody looks at any more. */
  stop(): void {
    this.#over = true;
  }

  async #load(n: number, page: Page<T>): Promise<void> {
    page.asked = true;
    try {
      const list = await this.fetch(page.after, this.size);
      if (this.#over) return;
      const pages = [...this.#pages];
      pages[n] = { ...page, rows: list.items, asked: false };
      if (n === pages.length - 1) {
        if (list.next) pages.push({ after: list.next, rows: null, asked: false });
        else this.#ended = true;
      }
      for (const [other, one] of pages.entries()) {
        if (one.rows && Math.abs(other - n) > KEPT) pages[other] = { ...one, rows: null };
      }
      this.#pages = pages;
      if (list.total !== null && list.total !== undefined) this.total = list.total;
      this.coverage = list.coverage;
    } catch (error) {
      if (!this.#over) this.error = error as Error;
    } finally {
      if (!this.#over) this.begun = true;
    }
  }
}
