// A fixture server, not Keyroll's: it answers /v1 with what the command line prints, under the
// policy of the real pages: node test/stub.mjs PROGRAM STORE PORT
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const [program, store, port] = process.argv.slice(2);
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
const cache = new Map();

async function keyroll(args, keep = true) {
  const key = args.join("\0");
  if (keep && cache.has(key)) return cache.get(key);
  const answer = run(program, ["--store", store, "-o", "json", ...args], { maxBuffer: 1 << 28 }).then(
    ({ stdout }) => JSON.parse(stdout || "null"),
    (error) => {
      if (error.stdout?.trim().startsWith("[") || error.stdout?.trim().startsWith("{")) return JSON.parse(error.stdout);
      throw Object.assign(new Error(error.stderr.split("\n")[0].replace(/^error: /, "")), { status: /not on the roll|no such|nothing/.test(error.stderr) ? 404 : 400 });
    },
  );
  if (keep) cache.set(key, answer);
  else cache.clear();
  return answer;
}

const terms = (text) => (text ?? "").match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
const moment = (query) => (query.get("as_of") ? ["--as-of", query.get("as_of")] : []);
const compare = (a, b) => (a === b ? 0 : a === null || a === "" ? 1 : b === null || b === "" ? -1 : a < b ? -1 : 1);

function page(rows, query) {
  const sort = query.get("sort");
  if (sort) {
    const field = { name: "name", expires: "expires_at", last_used: "last_used_at" }[sort];
    rows = [...rows].sort((a, b) => compare(a[field], b[field]));
  }
  const from = Number(query.get("after") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  const next = from + limit < rows.length ? String(from + limit) : null;
  return { items: rows.slice(from, from + limit), next, total: rows.length, coverage: { sources: 6, gaps: 4 } };
}

async function answer(method, path, query, body) {
  const [, , name, id, part] = path.split("/").map(decodeURIComponent);
  if (name === "me") return { id: "person:ann", name: "ann", roles: ["admin"], how: "loopback", permissions: ["read", "own", "decide", "act", "approve", "administer"], tenant: "local" };
  if (name === "identities" && id === "facets") return keyroll(["ls", "--facets", ...moment(query), "--", ...terms(query.get("filter"))]);
  if (name === "identities" && !id) return page(await keyroll(["ls", "--limit", "0", ...moment(query), "--", ...terms(query.get("filter"))]), query);
  if (name === "identities" && part === "owner") return keyroll(method === "PUT" ? ["owner", "set", id, body.owner] : ["owner", "clear", id], false);
  if (name === "identities" && part === "why") return keyroll(["why", ...moment(query), "--", id]);
  if (name === "identities") return keyroll(["get", ...moment(query), "--", id]);
  if (name === "findings" && part === "mute") return keyroll(method === "PUT" ? ["mute", "add", id, "--until", body.until, "--reason", body.reason] : ["mute", "remove", id], false);
  if (name === "findings") {
    let all = await keyroll(["findings", "--limit", "0", "--muted"]);
    for (const field of ["rule", "severity", "verdict"]) if (query.get(field)) all = all.filter((one) => one[field] === query.get(field));
    if (query.get("muted") !== "true") all = all.filter((one) => !one.muted_until);
    return page(all, query);
  }
  if (name === "gaps") return page(await keyroll(["gaps", "--limit", "0"]), query);
  if (name === "sources") return page(await keyroll(["sources", "list"]), query);
  if (name === "plans") return page(await keyroll(["plan", "list"]), query);
  if (name === "residual") return page(await keyroll(["residual", "--limit", "0"]), query);
  if (name === "evidence") return page(await keyroll(["evidence", "show"]), query);
  throw Object.assign(new Error(`the fixture server has no ${method} ${path}`), { status: 404 });
}

createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  try {
    if (url.pathname.startsWith("/v1/")) {
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = parts.length ? JSON.parse(Buffer.concat(parts).toString()) : undefined;
      const told = await answer(request.method, url.pathname, url.searchParams, body);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
      return;
    }
    const wanted = normalize(url.pathname);
    const file = extname(wanted) && !wanted.startsWith("/roll") ? wanted : "/index.html";
    const content = await readFile(join(dist, file));
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": POLICY }).end(content);
  } catch (error) {
    const status = error.status ?? 500;
    response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify({ title: "Not done", status, detail: error.message }));
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
