// The places of the console: their paths, their keys after `g`, and where their code is.

import type { Component } from "svelte";
import type { IconName } from "../parts/Icon.svelte";

export interface Place {
  path: string;
  title: string;
  key: string;
  icon: IconName;
  load: () => Promise<{ default: Component }>;
}

export const PLACES: readonly Place[] = [
  { path: "/", title: "Home", key: "h", icon: "home", load: () => import("../screens/Home.svelte") },
  { path: "/roll", title: "Roll", key: "i", icon: "roll", load: () => import("../screens/Roll.svelte") },
  { path: "/findings", title: "Findings", key: "f", icon: "findings", load: () => import("../screens/Findings.svelte") },
  { path: "/expiry", title: "Expiry", key: "e", icon: "expiry", load: () => import("../screens/Expiry.svelte") },
  { path: "/proofs", title: "Proofs", key: "p", icon: "proofs", load: () => import("../screens/Proofs.svelte") },
  { path: "/sources", title: "Sources", key: "s", icon: "sources", load: () => import("../screens/Sources.svelte") },
  { path: "/settings", title: "Settings", key: ",", icon: "settings", load: () => import("../screens/Settings.svelte") },
];

export const loadThing = () => import("../screens/Thing.svelte");
export const loadDoor = () => import("../screens/Door.svelte");
export const loadInvited = () => import("../screens/Invited.svelte");

/** The place a path belongs to. */
export const placeOf = (path: string): Place | undefined =>
  PLACES.find((place) => path === place.path || (place.path !== "/" && path.startsWith(`${place.path}/`)));
