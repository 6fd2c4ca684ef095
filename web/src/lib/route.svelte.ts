// The address is the state: what a screen shows follows from its path and its query.

class Route {
  path = $state(location.pathname);
  query = $state(new URLSearchParams(location.search));

  constructor() {
    addEventListener("popstate", () => this.#read());
  }

  /** The value of one parameter; empty where there is none. */
  get(name: string): string {
    return this.query.get(name) ?? "";
  }

  /** Goes to another screen, or to one as it was linked. */
  go(address: string): void {
    if (address === location.pathname + location.search) return;
    history.pushState(null, "", address);
    this.#read();
  }

  /** Changes parameters of this screen; empty ones go. `quietly`: no step to come back to. */
  set(changes: Record<string, string>, quietly = false): void {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    const address = text ? `${this.path}?${text}` : this.path;
    if (quietly) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.#read();
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }
}

export const route = new Route();

/** The address of one thing's page. */
export function pageOf(id: string, asOf = ""): string {
  return `/roll/${encodeURIComponent(id)}${asOf ? `?as_of=${encodeURIComponent(asOf)}` : ""}`;
}

/** The roll under a filter. */
export function rollOf(filter: string): string {
  return `/roll?filter=${encodeURIComponent(filter)}`;
}

/** Lets links within the console change the screen without loading the page anew. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  event.preventDefault();
  route.go(link.pathname + link.search);
}
