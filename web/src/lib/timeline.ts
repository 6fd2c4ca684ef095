// What is known to have happened to one thing, newest first.

import type { Thing, Why } from "./api";
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

export function happened(thing: Thing, why: Why | null): Happened[] {
  const all: Happened[] = [];
  for (const [field, what] of TOLD) {
    const at = thing[field];
    if (isInstant(at)) all.push({ at, what, says: tellers(why, field) });
  }
  for (const one of why?.sightings ?? []) {
    all.push({ at: one.first_seen, what: "was first seen", says: one.sighting.source });
    if (one.missing_since) all.push({ at: one.missing_since, what: "was not found any more by a complete pass", says: one.sighting.source });
  }
  for (const [name, facts] of Object.entries(why?.facts ?? {})) {
    for (const fact of facts) {
      const first = why?.sightings.find((one) => one.sighting.source === fact.source)?.first_seen;
      // What was told from the first sighting on is no event of its own.
      if (fact.since !== first && typeof fact.told === "object") all.push({ at: fact.since, what: `${name.replaceAll("_", " ")} is told as ${short(fact.told.is)}`, says: fact.source });
    }
  }
  for (const place of thing.places_seen) {
    if (place.committed_at) all.push({ at: place.committed_at, what: `was committed to ${place.place}`, says: place.author ?? place.source });
    if (place.missing_since) all.push({ at: place.missing_since, what: `was gone from ${place.place}`, says: place.source });
  }
  return all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.what.localeCompare(b.what)));
}

const tellers = (why: Why | null, field: string): string => why?.facts[field]?.[0]?.source ?? "";

function short(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
