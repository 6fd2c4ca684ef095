// Five columns: where secrets lie, who works with them, the identity, what it may do, on what.
// The same things give the same drawing.

import type { Row, Thing } from "./api";

export interface Node {
  key: string;
  id: string | null;
  name: string;
  kind: string;
  column: number;
  x: number;
  y: number;
  focus: boolean;
}
export interface Edge {
  from: Node;
  to: Node;
  says: string;
}
export interface Drawing {
  nodes: Node[];
  edges: Edge[];
  left: number;
  width: number;
  height: number;
}

export const COLUMNS = ["Lies in", "Works with it", "Credential", "Identity", "May"] as const;
export const BOX = { width: 190, height: 34, gap: 10, between: 56, top: 28 };

type Part = Omit<Node, "x" | "y">;

/** At most `most` things; the rest is counted. */
export function drawn(thing: Thing, held: readonly Row[], most = 30): Drawing {
  const parts = new Map<string, Part>();
  const links: [string, string, string][] = [];
  const put = (part: Part): string => {
    if (!parts.has(part.key)) parts.set(part.key, part);
    return part.key;
  };
  const isCredential = thing.kind === "credential";
  const self = put({ key: thing.id, id: thing.id, name: thing.name, kind: thing.kind, column: isCredential ? 2 : 3, focus: true });
  for (const row of held) {
    const key = put({ key: row.id, id: row.id, name: row.name, kind: "credential", column: 2, focus: false });
    links.push([key, self, "opens"]);
  }
  if (thing.holder) links.push([self, put({ key: thing.holder, id: thing.holder, name: thing.holder, kind: "identity", column: 3, focus: false }), "opens"]);
  for (const place of thing.places_seen) links.push([put({ key: `place ${place.place}`, id: null, name: place.place, kind: "storage", column: 0, focus: false }), self, `seen by ${place.source}`]);
  for (const user of thing.used_by) links.push([put({ key: user.id + user.name, id: user.id, name: user.name, kind: "workload", column: 1, focus: false }), self, `says ${user.sources.join(", ")}`]);
  for (const grant of thing.granted) links.push([self, put({ key: grant, id: grant, name: grant, kind: "grant", column: 4, focus: false }), "is granted"]);
  return laid([...parts.values()], links, most);
}

function laid(parts: Part[], links: [string, string, string][], most: number): Drawing {
  const shown = [...parts].sort((a, b) => Number(b.focus) - Number(a.focus) || a.column - b.column || a.name.localeCompare(b.name) || a.key.localeCompare(b.key)).slice(0, most);
  const columns = [...new Set(shown.map((part) => part.column))].sort();
  const tallest = Math.max(...columns.map((column) => shown.filter((part) => part.column === column).length));
  const height = BOX.top + tallest * (BOX.height + BOX.gap) + 4;
  const nodes = new Map<string, Node>();
  for (const [at, column] of columns.entries()) {
    const stack = shown.filter((part) => part.column === column);
    const from = BOX.top + ((tallest - stack.length) * (BOX.height + BOX.gap)) / 2;
    for (const [row, part] of stack.entries()) nodes.set(part.key, { ...part, x: at * (BOX.width + BOX.between), y: from + row * (BOX.height + BOX.gap) });
  }
  const edges = links.flatMap(([a, b, says]) => {
    const [from, to] = [nodes.get(a), nodes.get(b)];
    return from && to ? [{ from, to, says }] : [];
  });
  return { nodes: [...nodes.values()], edges, left: parts.length - shown.length, width: columns.length * (BOX.width + BOX.between) - BOX.between, height };
}
