// Which keys belong to the console, and which to whoever is typing.

/** Whether what has the focus takes letters itself. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement;
  if (document.querySelector("dialog[open]")) return true;
  if (at instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(at.type);
  return at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement || at.isContentEditable;
}
