// How times, ids and numbers are said.

const SECOND = 1000;
const STEPS: [string, number][] = [
  ["y", 365.25 * 86_400 * SECOND],
  ["mo", 30.44 * 86_400 * SECOND],
  ["d", 86_400 * SECOND],
  ["h", 3600 * SECOND],
  ["min", 60 * SECOND],
];

/** A length of time by its largest unit, as the command line says it; days up to three months. */
export function span(milliseconds: number): string {
  const length = Math.abs(milliseconds);
  for (const [unit, size] of STEPS) {
    if (unit === "mo" && length < 90 * 86_400 * SECOND) continue;
    if (length >= size) return `${Math.floor(length / size)} ${unit}`;
  }
  return "moments";
}

/** `12 d ago`, `in 3 h`, counted from `now`. */
export function since(instant: string, now: number): string {
  const away = Date.parse(instant) - now;
  return away > 0 ? `in ${span(away)}` : `${span(away)} ago`;
}

/** `2026-03-01 12:00 UTC`. */
export function instant(text: string): string {
  return text.replace("T", " ").replace(/(:\d\d)(:\d\d(\.\d+)?)Z$/, "$1 UTC");
}

/** The day of an instant. */
export const day = (text: string): string => text.slice(0, 10);

/** Whether a text is an instant. */
export const isInstant = (text: unknown): text is string =>
  typeof text === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text);

/** An id shortened in its middle: both ends are what people compare. */
export function shortened(id: string, most = 18): string {
  if (id.length <= most) return id;
  const end = Math.floor((most - 1) / 3);
  return `${id.slice(0, most - 1 - end)}…${id.slice(-end)}`;
}

const NUMBERS = new Intl.NumberFormat("en");
export const count = (n: number): string => NUMBERS.format(n);

/** `1 gap`, `3 gaps`. */
export const many = (n: number, one: string, more = `${one}s`): string => `${count(n)} ${n === 1 ? one : more}`;

/** A text in quotes for a shell, where it needs them. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
