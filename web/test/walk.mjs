// Walks every screen as a new user would, by mouse and by keyboard, in both themes and at three
// widths, against a running server: node test/walk.mjs URL DIRECTORY
//
// Screenshots go to DIRECTORY. It fails on an error of the page, a violation of its policy, a
// serious finding of axe, on markup in a name that became more than text, and with
// KEYROLL_BLOCKED_MAX on a task that blocks the page for more milliseconds.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, directory = "shots"] = process.argv.slice(2);
if (!url) throw new Error("expected the address of a server: node test/walk.mjs http://127.0.0.1:7310");
mkdirSync(directory, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.KEYROLL_BROWSER ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const troubles = [];
// A bar for a machine that does nothing else: on a busy one the longest task is told, and no more.
const BLOCKED_MAX = Number(process.env.KEYROLL_BLOCKED_MAX ?? Infinity);
let longest = { ms: 0, name: "no screen" };
const claim = (holds, says) => { if (!holds) troubles.push(says); };

const LONG = `
  window.__blocked = [];
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.__blocked.push(Math.round(one.duration)); }).observe({ type: "longtask", buffered: true });
  window.__violations = [];
  addEventListener("securitypolicyviolation", (event) => window.__violations.push(event.violatedDirective + " " + event.blockedURI));`;

async function open(width, height, theme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"] });
  await context.addInitScript(LONG);
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(`an error of the page: ${error.message}`));
  page.on("console", (line) => { if (line.type() === "error" && !/server responded with a status/.test(line.text())) troubles.push(`the page's console: ${line.text()}`); });
  // 404 tells of what this server has not; the door is refused by intent.
  page.on("response", (answer) => { if (answer.status() >= 400 && ![401, 403, 404, 501].includes(answer.status())) troubles.push(`${answer.status()} for ${answer.url()}`); });
  page.on("dialog", (dialog) => { troubles.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  return { context, page };
}

/** Where a screen is, and what is there once it is ready. */
const SCREENS = [
  ["home", "/", "h1:has-text('Home')"],
  ["roll", "/roll", "[role=grid] [role=row] a"],
  ["findings", "/findings", "h1:has-text('Findings')"],
  ["expiry", "/expiry", "h1:has-text('Expiry')"],
  ["proofs", "/proofs", "h1:has-text('Proofs')"],
  ["sources", "/sources", "h1:has-text('Sources')"],
  ["settings", "/settings", "h1:has-text('Settings')"],
];

async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function judged(page, name) {
  const blocked = await page.evaluate(() => window.__blocked.splice(0));
  for (const one of blocked) if (one > longest.ms) longest = { ms: one, name };
  claim(blocked.every((one) => one <= BLOCKED_MAX), `${name}: the page was blocked for ${Math.max(0, ...blocked)} ms`);
  const violations = await page.evaluate(() => window.__violations.splice(0));
  claim(violations.length === 0, `${name}: the policy was violated: ${violations.join(", ")}`);
  // axe is brought in by the debugger, beside the page's policy.
  const found = await page.evaluate(async (source) => {
    if (!window.axe) (0, Function)(source)();
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)} (${one.nodes.length})`);
  }, axe).catch(async () => axeBeside(page));
  for (const one of found) troubles.push(`${name}: axe: ${one}`);
  const injected = await page.evaluate(() => document.querySelectorAll("main script, main img[src='x'], main iframe").length);
  claim(injected === 0, `${name}: a name became markup`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  claim(wide <= 0, `${name}: the page is ${wide} px wider than the window`);
}

/** Through the protocol, as Trusted Types refuse a script made from text. */
async function axeBeside(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await session.send("Runtime.evaluate", { expression: axe });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => one.id + ": " + one.nodes[0].html.slice(0, 160) + " (" + one.nodes.length + ")"))`,
    awaitPromise: true, returnByValue: true,
  });
  await session.detach();
  return result.value ?? [];
}

for (const [width, height] of [[1440, 900], [1024, 768], [320, 640]]) {
  for (const theme of ["light", "dark"]) {
    const { context, page } = await open(width, height, theme);
    for (const [name, path, ready] of SCREENS) {
      await page.goto(url + path);
      await page.waitForSelector(ready, { timeout: 20_000 });
      await settled(page);
      await page.screenshot({ path: join(directory, `${name}-${width}-${theme}.png`) });
      await judged(page, `${name} at ${width} px, ${theme}`);
    }
    // One thing's page, found on the roll.
    await page.goto(`${url}/roll?filter=kind%3Didentity%20provider%3Daws`);
    await page.waitForSelector("[role=grid] [role=row] a");
    const href = await page.getAttribute("[role=grid] [role=row] a", "href");
    await page.goto(url + href);
    await page.waitForSelector("h2:has-text('What is this')");
    await settled(page);
    await page.screenshot({ path: join(directory, `thing-${width}-${theme}.png`), fullPage: false });
    await page.evaluate(() => document.querySelector("main").scrollTo(0, 100_000));
    await page.screenshot({ path: join(directory, `thing-end-${width}-${theme}.png`) });
    await judged(page, `thing at ${width} px, ${theme}`);
    await context.close();
  }
}

// By keyboard alone.
{
  const { context, page } = await open(1440, 900, "light");
  await page.goto(`${url}/`);
  await page.waitForSelector("h1:has-text('Home')");
  const key = (one) => page.keyboard.press(one);
  await key("g"); await key("i");
  await page.waitForSelector("[role=grid] [role=row] a");
  claim(page.url().endsWith("/roll"), "g i goes to the roll");
  await key("/");
  await page.keyboard.type("kind=identity class=workload");
  await key("Enter");
  await page.waitForFunction(() => location.search.includes("workload"));
  await settled(page);
  for (let n = 0; n < 3; n += 1) await key("j");
  await key("k");
  await key("Enter");
  await page.waitForSelector(".side h2");
  claim(page.url().includes("open=idn-"), "Enter opens the current row beside the list");
  await settled(page);
  await page.screenshot({ path: join(directory, "keyboard-roll.png") });
  await key("Escape");
  await page.waitForFunction(() => !location.search.includes("open="));
  await key("x");
  await page.waitForSelector("[aria-label='Chosen rows']");
  // Every order that a column offers is one the server knows, whatever it then lists.
  const filtered = page.url().split("&")[0];
  const orders = await page.locator(".head .sort").count();
  claim(orders > 0, "the roll can be put in order");
  for (let n = 0; n < orders; n += 1) {
    await page.goto(filtered);
    await page.waitForSelector("[role=grid] [role=row] a");
    await page.locator(".head .sort").nth(n).click();
    await page.waitForFunction(() => location.search.includes("sort="));
    await settled(page);
  }
  await key("g"); await key("f");
  await page.waitForSelector("h1:has-text('Findings')");
  await page.waitForSelector("[role=grid] [role=row] a");
  await key("j"); await key("j"); await key("Enter");
  await page.waitForSelector("aside[aria-label=Finding]");
  await settled(page);
  await page.screenshot({ path: join(directory, "keyboard-finding.png") });
  await judged(page, "a finding beside the list");
  await key("Escape");
  await page.keyboard.press("Control+k");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.type("sour");
  await page.screenshot({ path: join(directory, "keyboard-palette.png") });
  await key("Enter");
  await page.waitForSelector("h1:has-text('Sources')");
  await context.close();
}

// The door. Its answers are made up here, as a server with nobody on it has none: what is walked is
// the pages, not who may come in.
for (const [width, theme] of [[1440, "light"], [320, "dark"]]) {
  const { context, page } = await open(width, 760, theme);
  let inside = false;
  const asked = [];
  const say = (status, body) => ({ status, contentType: status < 400 ? "application/json" : "application/problem+json", body: JSON.stringify(body) });
  await page.route("**/v1/**", (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname.slice("/v1".length);
    if (request.method() !== "GET") asked.push([path, request.postDataJSON(), request.headers()["x-keyroll-csrf"]]);
    if (path === "/sign-in/ways") return route.fulfill(say(200, { local: true, sso: [{ id: "corp", name: "Corp SSO", url: "/v1/sso/corp/start" }], set_up: true }));
    if (path === "/sign-in") return route.fulfill(request.postDataJSON().password === "right password" ? say(200, { next: "code" }) : say(403, { title: "Forbidden", detail: "name and password do not fit together" }));
    if (path === "/sign-in/code") { inside = true; return route.fulfill(say(200, { next: "done" })); }
    if (path === "/invitations/look") return route.fulfill(say(200, { purpose: "invited", name: "<script>alert(1)</script> ann", totp_uri: "otpauth://totp/keyroll:ann?secret=JBSWY3DPEHPK3PXP", totp_secret: "JBSWY3DPEHPK3PXP" }));
    if (path === "/invitations/follow") { inside = true; return route.fulfill(say(200, { recovery_codes: ["aaaa-bbbb", "cccc-dddd"] })); }
    if (!inside) return route.fulfill(say(401, { title: "Unauthorized", detail: "sign in first" }));
    if (path === "/me") return route.fulfill(say(200, { id: "person:ann", name: "ann", roles: ["admin"], how: "session", permissions: ["read", "administer"], tenant: "local" }));
    if (path === "/tokens" && request.method() === "POST") return route.fulfill(say(201, { token: "keyroll_made_up_for_the_walk" }));
    if (path === "/tokens") return route.fulfill(say(200, { items: [{ id: "t1", name: "ci-read", roles: ["viewer"], expires_at: "2027-01-01T00:00:00Z", last_used_at: null }] }));
    if (path === "/accounts") return route.fulfill(say(200, { items: [{ id: "a1", name: "ann", roles: ["admin"], last_sign_in: "2026-11-30T10:00:00Z" }, { id: "a2", name: "\u202Egnp.bob", roles: ["viewer"], disabled: true }] }));
    if (path === "/sessions") return route.fulfill(say(200, { items: [{ id: "s1", name: "ann", since: "2026-11-30T10:00:00Z", last_seen: "2026-12-01T00:00:00Z", from: "127.0.0.1", current: true }] }));
    return route.continue();
  });
  const where = `at ${width} px, ${theme}`;
  await page.goto(`${url}/settings`);
  await page.waitForSelector("h1:has-text('Sign in')");
  claim(!(await page.$("nav")), `the door shows nothing of the console ${where}`);
  await settled(page);
  await page.screenshot({ path: join(directory, `door-${width}-${theme}.png`) });
  await judged(page, `the door ${where}`);
  await page.fill("input[name=username]", "ann");
  await page.fill("input[name=password]", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]:has-text('do not fit')");
  await page.fill("input[name=password]", "right password");
  await page.keyboard.press("Enter");
  await page.waitForSelector("input[name=code]");
  await page.keyboard.type("123 456");
  await page.keyboard.press("Enter");
  await page.waitForSelector("h1:has-text('Settings')");
  claim(asked.every(([, , header]) => header === "1"), `what changes something carries the header against forgery ${where}`);
  claim(asked.some(([path, body]) => path === "/sign-in/code" && body.code === "123456"), `the code is sent without its space ${where}`);
  await page.click("button:has-text('Make a token')");
  await page.keyboard.type("ci-write");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=keyroll_made_up_for_the_walk");
  await settled(page);
  await page.screenshot({ path: join(directory, `settings-inside-${width}-${theme}.png`), fullPage: true });
  await judged(page, `settings, signed in ${where}`);
  await page.click("button:has-text('I have kept it')");
  claim((await page.getByText("keyroll_made_up_for_the_walk").count()) === 0, `a token is shown once ${where}`);

  inside = false;
  await page.goto(`${url}/set-up#a-link-of-the-walk`);
  await page.waitForSelector("h1:has-text('Become somebody')");
  claim(!page.url().includes("a-link-of-the-walk"), `a link does not stay in the address ${where}`);
  await settled(page);
  await page.screenshot({ path: join(directory, `set-up-${width}-${theme}.png`), fullPage: true });
  await judged(page, `the link that invites ${where}`);
  const [first, second] = await page.$$("input[type=password]");
  await first.fill("a long password");
  await second.fill("a long password");
  await page.fill("input[autocomplete=one-time-code]", "123456");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=cccc-dddd");
  await judged(page, `recovery codes ${where}`);
  await page.click("button:has-text('I have kept them')");
  await page.waitForSelector("#main");
  await context.close();
}

await browser.close();
for (const one of [...new Set(troubles)]) console.error(`not so: ${one}`);
console.log(`the longest task took ${longest.ms} ms: ${longest.name}`);
console.log(troubles.length === 0 ? "every screen holds what it claims" : `${troubles.length} troubles`);
process.exit(troubles.length === 0 ? 0 : 1);
