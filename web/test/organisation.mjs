// Writes a made-up organisation as collections: node test/organisation.mjs DIRECTORY [IDENTITIES] [NOW]
//
// The same seed gives the same organisation. Two passes of each source, 40 days apart, so that
// there is a history to look at; some parts refused, so that there are gaps; some names meant to
// hurt whoever shows them as anything but text.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [directory, wanted = "3000", at] = process.argv.slice(2);
if (!directory) throw new Error("expected a directory to write to: node organisation.mjs DIRECTORY");
const DAY = 86_400_000;
const now = at ? Date.parse(at) : Date.now();
const size = Number(wanted);

/** mulberry32: chance that can be repeated. */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = chance(20_261_130);
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const often = (share) => random() < share;
const ago = (days) => new Date(now - Math.round(days * DAY)).toISOString().replace(/\.\d+Z$/, "Z");
const hex = (n) => Array.from({ length: n }, () => "0123456789abcdef"[below(16)]).join("");
const base32 = (n) => Array.from({ length: n }, () => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[below(32)]).join("");

const TEAMS = ["payments", "checkout", "identity", "data", "search", "platform", "mobile", "risk", "support", "ledger"];
const PARTS = ["api", "worker", "sync", "export", "deploy", "ingest", "cron", "gateway", "reports", "backup", "webhook", "index"];
const ENVIRONMENTS = ["production", "production", "staging", "development"];

const is = (value) => ({ is: value });
const told = (value) => (value === undefined ? "cannot_tell" : value === null ? "absent" : is(value));
const link = (relation, kind, native) => ({ relation, to: { native: { kind, native } } });

/** Things of one source: what a pass over it sees. */
class Source {
  constructor(name) {
    this.name = name;
    this.things = [];
    this.gaps = [];
  }
  see(kind, native, facts, { links = [], keys = [], scope = [], sinceDays = 900 } = {}) {
    const statements = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, told(value)]));
    this.things.push({ sinceDays, observation: { kind, native, scope, keys, facts: statements, links } });
    return native;
  }
  gap(scope, reason, said, needs) {
    this.gaps.push({ scope, reason, told: said, ...(needs ? { needs } : {}) });
  }
  /** The pass that began `days` ago: what came later is not in it, and some facts were others. */
  write(days, number) {
    const seen = this.things.filter((thing) => thing.sinceDays >= days);
    const lines = [{ format: "keyroll-collection/1", source: this.name, started: ago(days) }];
    for (const { observation } of seen) {
      const then = structuredClone(observation);
      const used = then.facts.last_used_at?.is;
      if (used && Date.parse(used) > now - days * DAY) then.facts.last_used_at = is(ago(days + 3));
      lines.push({ observation: then });
    }
    for (const gap of this.gaps) lines.push({ gap });
    lines.push({ end: { finished: ago(days - 0.001), lines: lines.length - 1 } });
    const file = join(directory, `${number}-${this.name.replaceAll(/[^a-z0-9]+/gi, "-")}.jsonl`);
    writeFileSync(file, lines.map((line) => JSON.stringify(line)).join("\n") + "\n");
  }
}

/** When it was made, used, and by whom it may be owned: what is told of most things. */
function life(name, team, extra = {}) {
  const age = 20 + below(880);
  const quiet = often(0.22) ? 91 + below(400) : below(30);
  return {
    name,
    environment: pick(ENVIRONMENTS),
    created_at: ago(age),
    last_used_at: often(0.08) ? null : often(0.12) ? undefined : ago(Math.min(age, quiet)),
    owner_hint: often(0.55) ? `team-${team}` : undefined,
    ...extra,
  };
}

const aws = new Source("aws_iam:482913377210");
const kubernetes = new Source("kubernetes:prod-eu");
const github = new Source("github_organization:acme");
const postgres = new Source("postgres_roles:db.acme.example:5432");
const files = new Source("files:build-7:/srv/repositories");
const agents = new Source("acme_agents:platform");

for (const bucket of ["invoices", "exports", "backups", "events", "models"]) {
  aws.see("resource", `bucket/acme-${bucket}`, { name: `acme-${bucket}`, type: "s3_bucket", provider: "aws", environment: "production" }, { scope: ["buckets"] });
}
for (const database of ["orders", "ledger", "warehouse"]) {
  postgres.see("resource", `database/${database}`, { name: database, type: "postgres_database", provider: "postgres", environment: "production" }, { scope: ["databases"] });
}

function awsUser(n) {
  const team = pick(TEAMS);
  const name = `${team}-${pick(PARTS)}-${n}`;
  const native = `user/${name}`;
  const privileged = often(0.04) ? "admin" : null;
  aws.see("identity", native, life(name, team, { type: "aws_iam_user", provider: "aws", class: "workload", status: "active", privilege: privileged, arn: `arn:aws:iam::482913377210:user/${name}`, tags: { team, "cost-centre": String(1000 + below(90)) } }), { scope: ["users"], keys: [{ kind: "aws_principal_id", value: `482913377210/AIDA${base32(17)}` }] });
  for (let key = 0; key < 1 + Number(often(0.15)); key += 1) {
    const id = `AKIA${base32(16)}`;
    aws.see("credential", `access_key/${id}`, life(id, team, { type: "aws_access_key", provider: "aws", status: often(0.08) ? "inactive" : "active", expires_at: null }), { scope: ["access_keys"], keys: [{ kind: "aws_access_key_id", value: id }], links: [link("holder", "identity", native)] });
    if (often(0.06)) {
      files.see("credential", `${team}/${pick(PARTS)}/.env:${1 + below(40)}/${hex(8)}`, { name: id, type: "aws_access_key", provider: "aws", place: `/srv/repositories/${team}/${pick(PARTS)}/.env`, line: 1 + below(40), rule: "aws-access-token", detection: "high", author: `${pick(["Ann Lee", "Jo Park", "Sam Roy"])} <${team}@acme.example>`, committed_at: ago(30 + below(300)) }, { scope: [team], keys: [{ kind: "aws_access_key_id", value: id }] });
    }
  }
  if (often(0.3)) {
    const bucket = pick(["invoices", "exports", "backups", "events", "models"]);
    aws.see("grant", `policy/${name}/${bucket}`, { name: `read acme-${bucket}`, type: "aws_policy", provider: "aws", rights: "s3:GetObject, s3:ListBucket" }, { scope: ["policies"], links: [link("of", "identity", native), link("on", "resource", `bucket/acme-${bucket}`)] });
  }
}

function serviceAccount(n) {
  const team = pick(TEAMS);
  const name = `${team}/${pick(PARTS)}-${n}`;
  const native = `serviceaccount/${name}`;
  kubernetes.see("identity", native, life(name, team, { type: "kubernetes_service_account", provider: "kubernetes", class: "workload", environment: "production", status: "active" }), { scope: ["serviceaccounts"] });
  if (often(0.5)) {
    kubernetes.see("credential", `secret/${name}-token`, life(`${name}-token`, team, { type: "kubernetes_token", provider: "kubernetes", expires_at: often(0.5) ? null : ago(-below(300)) }), { scope: ["secrets"], links: [link("holder", "identity", native)] });
  }
}

function application(n) {
  const team = pick(TEAMS);
  const name = `${pick(["Deploy", "Lint", "Release", "Triage", "Mirror"])} ${team} ${n}`;
  const native = `app/${n}`;
  github.see("identity", native, life(name, team, { type: "github_app", provider: "github", class: "integration", status: "active" }), { scope: ["apps"] });
  github.see("credential", `token/${n}`, life(`${name} token`, team, { type: "api_token", provider: "github", status: "active", expires_at: often(0.3) ? null : ago(-below(200) + 10) }), { scope: ["tokens"], links: [link("holder", "identity", native)] });
}

function role(n) {
  const team = pick(TEAMS);
  const name = `${team}_${pick(PARTS)}_${n}`;
  const native = `role/${name}`;
  postgres.see("identity", native, life(name, team, { type: "postgres_role", provider: "postgres", class: "workload", status: "active", privilege: often(0.03) ? "superuser" : null, created_at: undefined, last_used_at: undefined }), { scope: ["roles"] });
  postgres.see("credential", `password/${name}`, { name: `password of ${name}`, type: "postgres_password", provider: "postgres", expires_at: often(0.7) ? null : ago(-below(180)), rotated_at: undefined }, { scope: ["roles"], links: [link("holder", "identity", native)] });
}

function agent(n) {
  const team = pick(TEAMS);
  const name = `${pick(["support", "code-review", "research", "billing", "on-call"])}-agent-${n}`;
  const native = `agent/${n}`;
  agents.see("identity", native, life(name, team, { type: "ai_agent", provider: "acme", class: "agentic", status: "active", model: pick(["opus", "sonnet", "local-70b"]) }), { scope: ["agents"] });
  agents.see("credential", `key/${n}`, life(`${name} key`, team, { type: "api_token", provider: "acme", expires_at: ago(-below(120)) }), { scope: ["keys"], links: [link("holder", "identity", native)] });
}

function certificate(n) {
  const team = pick(TEAMS);
  const host = `${team}-${n}.acme.example`;
  files.see("credential", `tls/${host}.pem`, { name: host, type: "x509_certificate", provider: "x509", subject: `CN=${host}`, issuer: "CN=Acme Issuing CA 3", algorithm: pick(["rsa-2048", "ec-p256", "rsa-1024"]), valid_from: ago(60), expires_at: ago(-Math.round(random() ** 1.5 * 220) + 8), place: `/srv/repositories/tls/${host}.pem` }, { scope: ["tls"], keys: [{ kind: "certificate_sha256", value: hex(64) }] });
}

/** Names that are text and nothing else. */
function hostile() {
  const names = ["<script>alert(document.domain)</script>", "\u202Etxt.exe\u202C \u05D0\u05D1\u05D2", '=HYPERLINK("http://evil.example","open")', "<img src=x onerror=alert(1)>", "a".repeat(300), "../../../etc/passwd", "{{constructor.constructor('alert(1)')()}}"];
  names.forEach((name, n) => {
    agents.see("identity", `hostile/${n}`, { ...life(name, "risk"), type: "ai_agent", provider: "acme", class: "agentic", tags: { note: "<b>".repeat(3400), comment: name.slice(0, 200) } }, { scope: ["hostile"], sinceDays: 10 });
  });
}

/** The one whose page is shown first: a key in a repository that opens an account and its bucket. */
function ledgerExport() {
  const id = "AKIAQ7ZJ3VXN5EXAMPLE";
  const user = aws.see("identity", "user/ledger-export", { name: "ledger-export", type: "aws_iam_user", provider: "aws", class: "workload", environment: "production", status: "active", privilege: "admin", created_at: ago(803), last_used_at: ago(2), last_used_for: "s3", owner_hint: "team-ledger", arn: "arn:aws:iam::482913377210:user/ledger-export", purpose: "nightly export of the ledger", tags: { team: "ledger", "cost-centre": "1044" } }, { scope: ["users"], keys: [{ kind: "aws_principal_id", value: "482913377210/AIDALEDGEREXPORT00001" }] });
  aws.see("credential", `access_key/${id}`, { name: id, type: "aws_access_key", provider: "aws", status: "active", created_at: ago(803), last_used_at: ago(2), last_used_for: "s3", expires_at: null }, { scope: ["access_keys"], keys: [{ kind: "aws_access_key_id", value: id }], links: [link("holder", "identity", user)] });
  const second = "AKIAQ7ZJ3VXN6EXAMPLE";
  aws.see("credential", `access_key/${second}`, { name: second, type: "aws_access_key", provider: "aws", status: "active", created_at: ago(21), last_used_at: null, expires_at: null }, { scope: ["access_keys"], keys: [{ kind: "aws_access_key_id", value: second }], links: [link("holder", "identity", user)], sinceDays: 21 });
  const worker = files.see("identity", "ledger/deploy/compose.yml#export", { name: "ledger export job", type: "compose_service", provider: "compose", class: "workload", environment: "production", place: "/srv/repositories/ledger/deploy/compose.yml" }, { scope: ["ledger"] });
  files.see("credential", "ledger/deploy/.env:3/9c1d4f2a", { name: id, type: "aws_access_key", provider: "aws", place: "/srv/repositories/ledger/deploy/.env", line: 3, field: "AWS_ACCESS_KEY_ID", rule: "aws-access-token", detection: "high", file_mode: "0644", author: "Ann Lee <ann.lee@acme.example>", committed_at: ago(800) }, { scope: ["ledger"], keys: [{ kind: "aws_access_key_id", value: id }], links: [link("used_by", "identity", worker)] });
  for (const bucket of ["invoices", "exports"]) {
    aws.see("grant", `policy/ledger-export/${bucket}`, { name: `write acme-${bucket}`, type: "aws_policy", provider: "aws", rights: "s3:GetObject, s3:PutObject", privilege: null }, { scope: ["policies"], links: [link("of", "identity", user), link("on", "resource", `bucket/acme-${bucket}`)] });
  }
}

ledgerExport();
hostile();
for (let n = 0; n < size; n += 1) {
  const draw = random();
  if (draw < 0.4) awsUser(n);
  else if (draw < 0.65) serviceAccount(n);
  else if (draw < 0.78) application(n);
  else if (draw < 0.93) role(n);
  else agent(n);
  if (often(0.12)) certificate(n);
}
kubernetes.gap(["secrets", "payments"], "denied", "HTTP 403: secrets is forbidden in namespace payments", "verb `list` on `secrets` in namespace `payments`");
github.gap(["deploy_keys"], "denied", "HTTP 403: Resource not accessible by integration", "permission `Administration: read`");
github.gap(["audit_log"], "unsupported", "the plan of this organisation has no audit log");
aws.gap(["last_used", "us-gov-west-1"], "throttled", "HTTP 429: Rate exceeded");

mkdirSync(directory, { recursive: true });
const sources = [aws, kubernetes, github, postgres, files, agents];
sources.forEach((source, n) => source.write(40 + n / 10, `1${n}`));
sources.forEach((source, n) => source.write(0.1 + n / 100, `2${n}`));
