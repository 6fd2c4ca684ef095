// Which look a word of the roll has. Green is for what is proven, and for nothing else.

import type { Severity } from "./api";

export type Tone = "plain" | "urgent" | "warn" | "note" | "proven" | "unknown";

const SEVERITIES: Record<Severity, Tone> = { critical: "urgent", high: "urgent", medium: "warn", low: "note", info: "plain" };
export const ofSeverity = (severity: Severity): Tone => SEVERITIES[severity] ?? "plain";

export const ofVerdict = (verdict: string): Tone => (verdict === "unknown" ? "unknown" : "plain");

/** Of a revocation's state: what is under way is a note, what waits is a warning. */
export function ofState(state: string): Tone {
  if (state === "proven") return "proven";
  if (state === "failed") return "urgent";
  if (state === "residual" || state === "planned" || state === "waiting") return "warn";
  if (state === "unverifiable" || state === "attested") return "unknown";
  return "note";
}

export function ofStatus(status: string): Tone {
  return status === "active" ? "plain" : "note";
}
