// Who may: signing in, links that invite, accounts, tokens and sessions.

import { ask } from "./api";

export type Permission = "read" | "own" | "decide" | "act" | "approve" | "administer";
export const ROLES = ["viewer", "owner", "operator", "approver", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, and what they may. */
export interface Me {
  id: string;
  name: string;
  roles: string[];
  how: "session" | "token" | "loopback";
  permissions: Permission[];
  tenant: string;
  /** Whether what is shown is made up. */
  demo?: boolean;
}
export interface Ways {
  local: boolean;
  sso: { id: string; name: string; url: string }[];
  /** Whether there is somebody who can sign in. */
  set_up: boolean;
}
/** What a link asks of whoever follows it. */
export interface Invitation {
  purpose: string;
  name?: string | null;
  totp_uri: string;
  totp_secret: string;
}
export interface Account {
  id: string;
  name: string;
  roles: string[];
  disabled?: boolean;
  last_sign_in?: string | null;
}
export interface Token {
  id: string;
  name: string;
  roles: string[];
  expires_at: string | null;
  last_used_at: string | null;
}
export interface Session {
  id: string;
  name: string;
  since: string;
  last_seen: string | null;
  from?: string | null;
  current?: boolean;
}
interface Items<T> {
  items: T[];
}

const part = encodeURIComponent;

export const access = {
  me: () => ask<Me>("GET", "/me"),
  ways: () => ask<Ways>("GET", "/sign-in/ways"),
  signIn: (name: string, password: string) => ask<{ next: "code" | "done" }>("POST", "/sign-in", {}, { name, password }),
  code: (code: string) => ask<unknown>("POST", "/sign-in/code", {}, { code }),
  signOut: () => ask<unknown>("POST", "/sign-out", {}, {}),
  look: (link: string) => ask<Invitation>("POST", "/invitations/look", {}, { link }),
  follow: (asked: { link: string; name?: string; password: string; code: string }) => ask<{ recovery_codes: string[] }>("POST", "/invitations/follow", {}, asked),
  accounts: () => ask<Items<Account>>("GET", "/accounts"),
  invite: (name: string, roles: string[]) => ask<{ link: string }>("POST", "/accounts", {}, { name, roles }),
  change: (id: string, change: { roles?: string[]; disabled?: boolean }) => ask<unknown>("PATCH", `/accounts/${part(id)}`, {}, change),
  reset: (id: string) => ask<{ link: string }>("POST", `/accounts/${part(id)}/reset`, {}, {}),
  tokens: () => ask<Items<Token>>("GET", "/tokens"),
  mint: (name: string, roles: string[], expires_at: string) => ask<{ token: string }>("POST", "/tokens", {}, { name, roles, expires_at }),
  revoke: (id: string) => ask<unknown>("DELETE", `/tokens/${part(id)}`),
  sessions: () => ask<Items<Session>>("GET", "/sessions"),
  end: (id: string) => ask<unknown>("DELETE", `/sessions/${part(id)}`),
};
