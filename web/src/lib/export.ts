// Files of what is shown: CSV and JSON.

/** A cell of CSV that no spreadsheet takes for a formula (OWASP: it begins with `'` then). */
export function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const harmless = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) && typeof value !== "number" ? `'${text}` : text;
  return /[",\r\n;]/.test(harmless) || harmless !== text ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function csv(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return [columns.join(","), ...lines].join("\r\n") + "\r\n";
}

/** The rows with these columns and no others. */
export function json(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const some = rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null])));
  return `${JSON.stringify(some, null, 1)}\n`;
}

/** Hands a file to the browser. */
export function save(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
