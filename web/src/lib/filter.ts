// The filter text, as `keyroll ls` reads it. The console only adds and takes away terms of the
// form `field=a,b`; what a filter means is decided by the server.

/** The terms of a filter, each as it was typed. */
export function terms(filter: string): string[] {
  return filter.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

const bare = (text: string): string => text.replaceAll('"', "");
const written = (value: string): string => (/[\s",=~<>!]/.test(value) ? `"${bare(value)}"` : value);

function values(term: string, field: string): string[] | undefined {
  if (!term.startsWith(`${field}=`)) return undefined;
  return (term.slice(field.length + 1).match(/(?:[^,"]|"[^"]*"?)+/g) ?? []).map(bare);
}

/** Whether the filter asks for this value of the field. */
export function asks(filter: string, field: string, value: string): boolean {
  return terms(filter).some((term) => values(term, field)?.includes(bare(value)));
}

/** The filter with this value asked for, or, if it was, no longer. */
export function toggled(filter: string, field: string, value: string): string {
  const all = terms(filter);
  const at = all.findIndex((term) => values(term, field) !== undefined);
  if (at < 0) return [...all, `${field}=${written(value)}`].join(" ");
  const now = values(all[at]!, field)!;
  const then = now.includes(bare(value)) ? now.filter((one) => one !== bare(value)) : [...now, value];
  const term = then.length ? [`${field}=${then.map(written).join(",")}`] : [];
  return [...all.slice(0, at), ...term, ...all.slice(at + 1)].join(" ");
}
