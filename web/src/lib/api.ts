// The one door to the server: what is asked, and the shapes that come back.

/** A time as lists tell it: an instant, `never`, or null where no source can tell. */
export type Time = string | null;
export type Severity = "critical" | "high" | "medium" | "low" | "info";

/** What lists answer. */
export interface List<T> {
  items: T[];
  next: string | null;
  total: number | null;
  coverage?: Gauge;
}
/** How much of what was asked for could be read. */
export interface Gauge {
  sources: number;
  gaps: number;
}
export interface Row {
  id: string;
  kind: "identity" | "credential" | "grant" | "resource" | "owner";
  name: string;
  type: string;
  provider: string;
  class: string | null;
  environment: string | null;
  status: string | null;
  privilege: string | null;
  holder: string | null;
  owner: string | null;
  owner_hint: string | null;
  sources: number;
  places: number;
  credentials: number;
  created_at: Time;
  rotated_at: Time;
  last_used_at: Time;
  expires_at: Time;
  first_seen: string;
  missing_since: string | null;
}
export interface Facet {
  field: string;
  value: string | null;
  count: number;
}
export interface Suggestion {
  who: string;
  as: string;
  score: number;
  because: string[];
}
export interface Finding {
  finding: string;
  fingerprint: string;
  rule: string;
  title: string;
  severity: Severity;
  risk: number;
  verdict: "fail" | "unknown";
  why: string;
  id: string;
  name: string;
  path: string | null;
  line: number | null;
  source: string | null;
  owner: string | null;
  suggested_owner: string | null;
  factors: { name: string; points: number; why: string }[];
  next: string;
  muted_until: string | null;
}
export type Value = string | number | boolean | string[] | Record<string, string>;
export interface Place {
  place: string;
  line: number | null;
  source: string;
  commit: string | null;
  author: string | null;
  committed_at: string | null;
  missing_since: string | null;
}
export interface Thing extends Row {
  aliases: string[];
  last_seen: string;
  facts: Record<string, Value>;
  held: string[];
  granted: string[];
  places_seen: Place[];
  used_by: { id: string; name: string; sources: string[] }[];
  findings: Finding[] | null;
  may_own_it: { suggested: Suggestion[] } | null;
  revocation: Revocation | null;
}
export interface Sighting {
  sighting: { source: string; kind: string; native: string };
  joined_by: { kind: string; value: string }[];
  scope: string[];
  first_seen: string;
  last_seen: string;
  missing_since: string | null;
}
export interface Told {
  source: string;
  native: string;
  told: "absent" | "cannot_tell" | { is: Value };
  confidence: string;
  since: string;
  last_told: string;
}
export interface Why {
  sightings: Sighting[];
  facts: Record<string, Told[]>;
}
export interface Gap {
  source: string;
  scope: string[];
  reason: string;
  told: string;
  needs: string | null;
  at: string;
}
export interface Source {
  id: string;
  connector: string;
  target: string;
  remembered: boolean;
  last_pass: string | null;
  outcome: string | null;
  seen: number | null;
  gaps: number;
}
export interface Revocation {
  state: string;
  [more: string]: unknown;
}

export interface Plan {
  plan: string;
  act: string;
  subject: string;
  name: string;
  state: string;
  detail: unknown;
  created: string;
  updated: string | null;
  by: string;
}
export interface Leaf {
  leaf: number;
  at: string;
  kind: string;
  actor: string;
  subject: string;
  body: unknown;
}


export interface GraphNode {
  id: string;
  name: string;
  kind: string;
  type: string;
  class: string | null;
  column: number;
  x: number;
  y: number;
  /** Neighbours that are not shown. */
  more: number;
}
export interface Graph {
  nodes: GraphNode[];
  edges: { from: string; to: string; relation: string; source: string | null }[];
  cut: boolean;
}
/** What passes of the last day brought. */
export interface Day {
  runs: number;
  new: number;
  changed: number;
  missing: number;
}
/** One line of what was learnt or decided. */
export interface Entry {
  at: string;
  what: string;
  source: string;
  detail: string;
}

/** What a list is asked with; empty parts are left out. */
export type Query = Record<string, string | number | undefined>;

/** What the server said when it did not do as asked (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

export async function ask<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  let answer: Response;
  try {
    answer = await fetch(`/v1${path}${text ? `?${text}` : ""}`, {
      method,
      // A request of this kind cannot come from another site's form.
      headers: { ...(method === "GET" ? {} : { "x-keyroll-csrf": "1" }), ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "No answer", "the server did not answer; see whether `keyroll up` still runs");
  }
  const told = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (answer.ok) return told as T;
  if (answer.status === 401) dispatchEvent(new Event("signed-out"));
  throw new Problem(answer.status, told?.title ?? answer.statusText, told?.detail ?? `HTTP status ${answer.status}`);
}

const get = <T>(path: string, query?: Query) => ask<T>("GET", path, query);
const part = encodeURIComponent;

export const api = {
  identities: (query: Query) => get<List<Row>>("/identities", query),
  facets: (query: Query) => get<Facet[]>("/identities/facets", query),
  thing: (id: string, query: Query = {}) => get<Thing>(`/identities/${part(id)}`, query),
  why: (id: string, query: Query = {}) => get<Why>(`/identities/${part(id)}/why`, query),
  home: () => get<{ within_a_day: Day }>("/home"),
  graph: (id: string, query: Query = {}) => get<Graph>(`/identities/${part(id)}/graph`, query),
  timeline: (id: string) => get<Entry[]>(`/identities/${part(id)}/timeline`),
  findings: (query: Query) => get<List<Finding>>("/findings", query),
  gaps: (query: Query = {}) => get<List<Gap>>("/gaps", query),
  sources: (query: Query = {}) => get<List<Source>>("/sources", query),

  plans: (query: Query = {}) => get<List<Plan>>("/plans", query),
  residual: (query: Query = {}) => get<List<Plan>>("/residual", query),
  /** Leaves of the log, the oldest first. */
  evidence: (query: Query = {}) => get<List<Leaf>>("/evidence", query),
  leaf: (index: number) => get<Leaf>(`/evidence/${index}`),

  planRevocation: (target: string) => ask<{ plan: { id: string } }>("POST", "/plans", {}, { act: "revoke", target }),
  run: (source: string) => ask<void>("POST", `/sources/${part(source)}/run`, {}, {}),
  own: (id: string, owner: string) => ask<void>("PUT", `/identities/${part(id)}/owner`, {}, { owner }),
  disown: (id: string) => ask<void>("DELETE", `/identities/${part(id)}/owner`),
  mute: (finding: string, until: string, reason: string) =>
    ask<void>("PUT", `/findings/${part(finding)}/mute`, {}, { until, reason }),
  unmute: (finding: string) => ask<void>("DELETE", `/findings/${part(finding)}/mute`),
};
