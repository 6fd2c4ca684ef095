// The server says in which column and where below each other things stand; here they are put
// close together and joined.

import type { Graph, GraphNode } from "./api";

export const BOX = { width: 196, height: 44, across: 250, below: 54, top: 28 };
const HEADS = ["Secret", "Works with it", "Identity", "May", "On"];

export interface Joined {
  from: GraphNode;
  to: GraphNode;
  says: string;
}
export interface Drawing {
  nodes: GraphNode[];
  edges: Joined[];
  heads: { x: number; says: string }[];
  width: number;
  height: number;
}

export function placed(graph: Graph): Drawing {
  const columns = [...new Set(graph.nodes.map((node) => node.column))].sort((a, b) => a - b);
  const sizes = columns.map((column) => graph.nodes.filter((node) => node.column === column).length);
  const tallest = Math.max(1, ...sizes);
  const rows = columns.map((_, at) => ((tallest - sizes[at]!) * BOX.below) / 2 + BOX.top);
  const next = columns.map(() => 0);
  const nodes = graph.nodes.map((node) => {
    const at = columns.indexOf(node.column);
    const y = rows[at]! + next[at]! * BOX.below;
    next[at]! += 1;
    return { ...node, x: at * BOX.across, y };
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [byId.get(edge.from), byId.get(edge.to)];
    const says = edge.relation.replaceAll("_", " ") + (edge.source ? ` (${edge.source})` : "");
    return from && to ? [{ from, to, says }] : [];
  });
  return {
    nodes,
    edges,
    heads: columns.map((column, at) => ({ x: at * BOX.across, says: HEADS[column] ?? "" })),
    width: columns.length * BOX.across - (BOX.across - BOX.width) + 4,
    height: BOX.top + tallest * BOX.below,
  };
}

/** From side to side, whichever way an edge points; in one column, around it. */
export function lineOf({ from, to }: Joined): string {
  const [left, right] = from.x <= to.x ? [from, to] : [to, from];
  const [x1, y1, y2] = [left.x + BOX.width, left.y + BOX.height / 2, right.y + BOX.height / 2];
  if (left.x === right.x) return `M${x1} ${y1} C${x1 + 30} ${y1} ${x1 + 30} ${y2} ${x1} ${y2}`;
  return `M${x1} ${y1} C${x1 + 28} ${y1} ${right.x - 28} ${y2} ${right.x} ${y2}`;
}

/** The drawing as a file that stands alone: what the page's style sheet gives goes into it. */
export function fileOf(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const link of copy.querySelectorAll("a")) link.removeAttribute("href");
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = "rect{fill:#fff;stroke:#8a94a6}path{fill:none;stroke:#8a94a6}text{font:12px sans-serif;fill:#18202d}.focus rect{stroke:#4338ca;stroke-width:2}";
  copy.prepend(style);
  return new XMLSerializer().serializeToString(copy);
}
