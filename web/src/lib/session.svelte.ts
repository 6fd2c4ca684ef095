// Who looks at the console, and whether they must sign in first.

import { access, type Me, type Permission } from "./access";
import { Problem } from "./api";

class Session {
  me = $state<Me | null>(null);
  /** Whether the server told a stranger nothing. */
  out = $state(false);

  constructor() {
    addEventListener("signed-out", () => (this.out = true));
  }

  /** Asks the server who we are. Without an answer the screens tell the trouble themselves. */
  async learn(): Promise<void> {
    try {
      this.me = await access.me();
      this.out = false;
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) this.out = true;
    }
  }

  async leave(): Promise<void> {
    await access.signOut();
    this.me = null;
    this.out = true;
  }

  may(permission: Permission): boolean {
    return this.me?.permissions?.includes(permission) ?? false;
  }
}

export const session = new Session();
