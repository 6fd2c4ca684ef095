// Walks every screen as a new user would, by mouse and by keyboard, in both themes and at three
// widths, against a running server: node test/walk.mjs URL DIRECTORY
//
// Screenshots go to DIRECTORY. It fails on an error of the page, a violation of its policy, a
// serious finding of axe, a task that blocks the page for more than 200 ms, and on markup in a
// name that became more than text.
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
  page.on("console", (line) => { if (line.type() === "error" && !/status of (404|501)/.test(line.text())) troubles.push(`the page's console: ${line.text()}`); });
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
];

async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function judged(page, name) {
  const blocked = await page.evaluate(() => window.__blocked.splice(0));
  claim(blocked.every((one) => one <= 200), `${name}: the page was blocked for ${Math.max(0, ...blocked)} ms`);
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

await browser.close();
for (const one of [...new Set(troubles)]) console.error(`not so: ${one}`);
console.log(troubles.length === 0 ? "every screen holds what it claims" : `${troubles.length} troubles`);
process.exit(troubles.length === 0 ? 0 : 1);
