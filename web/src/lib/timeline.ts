// What is known to have happened to one thing, newest first.

import type { Entry, Thing, Why } from "./api";
import { isInstant } from "./words";

export interface Happened {
  at: string;
  what: string;
  says: string;
}

const TOLD: [keyof Thing, string][] = [
  ["created_at", "was made"],
  ["rotated_at", "was rotated"],
  ["last_used_at", "was last used"],
  ["expires_at", "ends"],
];

export function happened(thing: Thing, why: Why | null, told: readonly Entry[] = []): Happened[] {
  const all: Happened[] = [];
  for (const [field, what] of TOLD) {
    const at = thing[field];
    if (isInstant(at)) all.push({ at, what, says: tellers(why, field) });
  }
  for (const one of why?.sightings ?? []) {
    all.push({ at: one.first_seen, what: "was first seen", says: one.sighting.source });
    if (one.missing_since) all.push({ at: one.missing_since, what: "was not found any more by a complete pass", says: one.sighting.source });
  }
  if (told.length === 0) all.push(...retold(why));
  for (const place of thing.places_seen) {
    if (place.committed_at) all.push({ at: place.committed_at, what: `was committed to ${place.place}`, says: place.author ?? place.source });
    if (place.missing_since) all.push({ at: place.missing_since, what: `was gone from ${place.place}`, says: place.source });
  }
  // First sightings and losses are said above, of each sighting.
  for (const one of told) {
    const what = one.what.replaceAll("_", " ");
    if (one.source === "evidence") all.push({ at: one.at, what: `${what}: ${one.detail}`, says: "the evidence log" });
    else if (one.what === "changed") all.push({ at: one.at, what: `was told anew: ${one.detail.replaceAll("_", " ")}`, says: one.source });
    else if (one.what === "back") all.push({ at: one.at, what: `was ${one.detail}`, says: one.source });
  }
  return all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.what.localeCompare(b.what)));
}

/** What a source told otherwise than before, all of one moment together; its first word is none. */
function retold(why: Why | null): Happened[] {
  const moments = new Map<string, { at: string; says: string; names: string[] }>();
  for (const [name, facts] of Object.entries(why?.facts ?? {})) {
    for (const { since, source } of facts) {
      const first = why?.sightings.find((one) => one.sighting.source === source)?.first_seen;
      if (since === first) continue;
      const moment = moments.get(`${since} ${source}`) ?? { at: since, says: source, names: [] };
      moment.names.push(name.replaceAll("_", " "));
      moments.set(`${since} ${source}`, moment);
    }
  }
  return [...moments.values()].map(({ at, says, names }) => ({ at, says, what: `was told anew: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}` }));
}

const tellers = (why: Why | null, field: string): string => why?.facts[field]?.[0]?.source ?? "";
