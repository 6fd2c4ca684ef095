// Becomes the first administrator of a real server and signs in, as a person does in a browser:
// node test/door.mjs LINK, the link that `keyroll up` prints.
import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";

const [link] = process.argv.slice(2);
if (!link) throw new Error("expected the link that `keyroll up` prints: node test/door.mjs http://127.0.0.1:7310/set-up#…");
const PASSWORD = "correct horse battery";

/** The code of a step of 30 seconds (RFC 6238). */
function code(key, step) {
  const bits = [...key].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", seed).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
const now = () => Math.floor(Date.now() / 30_000);

const browser = await chromium.launch({
  executablePath: process.env.KEYROLL_BROWSER ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
page.on("pageerror", (error) => { throw error; });

await page.goto(link);
await page.waitForSelector("input[type=password]");
if (page.url().includes("#")) throw new Error("the link stays in the address");
const key = (await page.innerText("body")).match(/[A-Z2-7]{32}/)[0];
const [name, first, second, asked] = await page.$$("form input");
await name.fill("ann");
await first.fill(PASSWORD);
await second.fill(PASSWORD);
await asked.fill(code(key, now()));
await page.keyboard.press("Enter");
await page.waitForSelector("text=I have kept them");

// The door is shut now, to this browser too, until somebody signs in.
await page.goto(new URL("/", link).href);
await page.waitForSelector("h1:has-text('Sign in')");
const sign = async () => {
  const [who, word] = await page.$$("form input");
  await who.fill("ann");
  await word.fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForSelector("input[autocomplete=one-time-code]");
};
await sign();
// Its step is used: the next one is let in, as clocks differ.
await page.fill("input[autocomplete=one-time-code]", code(key, now() + 1));
await page.keyboard.press("Enter");
await page.waitForSelector("h1:has-text('Home')");
await page.goto(new URL("/settings", link).href);
await page.waitForSelector("text=you signed in");
await browser.close();
console.log("an administrator was made and signed in");
