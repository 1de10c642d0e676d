// The live page in a real browser: it shows what /status says, follows a change, keeps every name text,
// is usable without a mouse and on a small screen, and stays quick with 500 keys.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const KEYS = 500;
const PATIENCE = 30_000;
const EVIL = `"></td><script>window.hurt=1</script><img src=x onerror="window.hurt=1">'\\`;

// What is written from the right, and what is not seen at all.
const UNSEEN = "claude-\u202ewen\u200b\u2066\u{e0041}";

// What is no model's name in a pattern is refused; this is not.
const EVIL_PATTERN = "<img/src=x/onerror=window.hurt=1>*";
const CLIENT_KEY = "kw-a-client-of-the-page-test";
const WAITING_KEY = "kw-another-that-may-ask-once-a-minute";

let provider, program, browser, folder, admin, clients;

// Answers for one model, and breaks down for all others.
async function provide() {
  provider = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => { body += piece; });
    request.on("end", () => {
      if (JSON.parse(body).model !== "claude-paid") return response.destroy();
      const usage = { input_tokens: 600000, output_tokens: 350000 };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ id: "msg_1", type: "message", role: "assistant", model: "claude-paid", content: [{ type: "text", text: "hi" }], stop_reason: "end_turn", stop_sequence: null, usage }));
    });
  });
  await new Promise((resolve) => provider.listen(0, "127.0.0.1", resolve));
}

function policy() {
  let text = '[gateway]\nlisten = ["127.0.0.1:0"]\nadmin = "127.0.0.1:0"\n[retry]\nattempts_max = 1\n';
  text += '[[provider]]\nid = "box"\ndialect = "anthropic"\nbase_url = "http://127.0.0.1:' + provider.address().port + '"\n';
  text += `[[price]]\nmodels = ["claude-paid"]\ninput = 1\noutput = 1\n`;
  const hash = (key) => createHash("sha256").update(key).digest("hex");
  text += `[[tenant]]\nid = "waiter"\nclient_keys = ["sha256:${hash(WAITING_KEY)}"]\n[[tenant.limit]]\nrequests_per_minute = 1\n`;
  text += `[[tenant]]\nid = "spender"\nclient_keys = ["sha256:${hash(CLIENT_KEY)}"]\n`;
  text += '[[tenant.budget]]\nper = "month"\nusd = 1\nsoft = true\n';
  text += `[[tenant.budget]]\nper = "day"\ntokens = 1000000\nmodels = ["${EVIL_PATTERN}"]\n`;
  for (let account = 0; account < KEYS / 10; account++) {
    text += `[[account]]\nid = "account-${account}"\nprovider = "box"\n`;
    text += "[[account.limit]]\nrequests_per_minute = 60\ninput_tokens_per_minute = 10000\n";
    for (let key = 0; key < 10; key++) {
      const id = `key-${account}-${key}`;
      text += `[[account.key]]\nid = "${id}"\nsecret = "sk-ant-${id}-Qx7vJ2mWcR9tYb4LsKd8ZfHn"\n`;
    }
  }
  return text;
}

async function start() {
  folder = mkdtempSync(join(tmpdir(), "keyweir-page-"));
  writeFileSync(join(folder, "keys.toml"), policy(), { mode: 0o600 });
  program = spawn(process.env.KEYWEIR, ["--log-format", "json", "serve", "--policy", "keys.toml", "--access-log", "off"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("it does not listen: " + said)), PATIENCE);
    program.once("exit", () => reject(new Error("it ended: " + said)));
    program.stderr.on("data", (piece) => {
      said += piece;
      for (const line of said.split("\n")) {
        let told;
        try { told = JSON.parse(line); } catch { continue; }
        if (told.message === "listening") clients = "http://" + told.address;
        if (told.message === "listening for operators") admin = "http://" + told.address;
      }
      if (clients && admin) { clearTimeout(timer); resolve(); }
    });
  });
  program.removeAllListeners("exit");
}

async function ask(model, key = CLIENT_KEY, patience = "0", signal = undefined) {
  await fetch(clients + "/v1/messages", { method: "POST", signal, headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-keyweir-patience": patience, "x-api-key": key }, body: JSON.stringify({ model, max_tokens: 1, messages: [{ role: "user", content: "hello" }] }) });
}

async function post(path) {
  const answer = await fetch(admin + path, { method: "POST" });
  assert.equal(answer.status, 200, await answer.text());
}

async function open(path, viewport = { width: 1280, height: 900 }) {
  const page = await browser.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") page.faults.push(message.text()); });
  page.on("request", (request) => { if (!request.url().startsWith(admin)) page.faults.push("asks elsewhere: " + request.url()); });
  await page.setViewport(viewport);
  await page.goto(admin + path);
  if (path === "/") await drawn(page);
  return page;
}

async function drawn(page) {
  await page.waitForFunction(() => document.documentElement.dataset.drawn !== undefined, { timeout: PATIENCE });
}

const rows = (page, table) => page.$$eval(`#${table} tbody tr`, (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));

before(async () => {
  await provide();
  await start();
  await ask("claude-sonnet-4-5");
  await ask(EVIL);
  await ask(UNSEEN);
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
});

after(async () => {
  await browser?.close();
  program?.kill("SIGINT");
  provider?.close();
  if (folder) rmSync(folder, { recursive: true });
});

test("the page shows what /status says", async () => {
  const page = await open("/");
  const status = await (await fetch(admin + "/status")).json();
  const keys = status.providers[0].keys;
  assert.equal(keys.length, KEYS);
  const shown = await rows(page, "keys");
  assert.equal(shown.length, KEYS);
  const byName = new Map(shown.map((row) => [row[0], row]));
  for (const key of keys) {
    const row = byName.get(key.id);
    assert.deepEqual([row[1], row[2], row[3]], [key.account, "box", key.state]);
  }
  const buckets = status.providers[0].groups.flatMap((group) => group.accounts.flatMap((account) => account.buckets));
  assert.equal((await rows(page, "room")).length, Math.min(buckets.length, 100));
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("a change is shown within two seconds, with its reason", async () => {
  const page = await open("/");
  await post("/keys/key-7-3/drain");
  const began = Date.now();
  await page.waitForFunction(() => [...document.querySelectorAll("#keys tbody tr")].some((row) => row.cells[0].textContent === "key-7-3" && row.cells[3].textContent === "held" && row.cells[6].textContent.includes("operator")), { timeout: PATIENCE, polling: 20 });
  const took = Date.now() - began;
  console.log(`a change was shown after ${took} ms`);
  const events = await page.$eval("#events", (list) => list.textContent);
  assert.match(events, /key-7-3.*held by an operator/);
  await post("/keys/key-7-3/resume");
  await page.close();
});

test("who waits for a limit of its own is shown, and no longer when it has left", async () => {
  const page = await open("/");
  assert.deepEqual(await rows(page, "waiting"), []);
  await ask("claude-paid", WAITING_KEY);
  const leaves = new AbortController();
  const waits = ask("claude-paid", WAITING_KEY, "300", leaves.signal).catch(() => {});
  await page.waitForFunction(() => document.querySelector("#waiting tbody tr") !== null, { timeout: PATIENCE });
  assert.deepEqual(await rows(page, "waiting"), [["–", "limits of its own", "–", "waiter", "1", "–"]]);
  assert.ok(await page.$eval("#waiting-none", (it) => it.hidden));
  leaves.abort();
  await waits;
  await page.waitForFunction(() => !document.querySelector("#waiting-none").hidden, { timeout: PATIENCE });
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("what is spent of a budget is shown and followed, the nearest to its end first", async () => {
  const page = await open("/");
  const before = await rows(page, "spend");
  assert.deepEqual(before.map((row) => row.slice(0, 8)), [
    ["tenant", "spender", "all", "0.00", "1.00", "usd", "month", "0 %"],
    ["tenant", "spender", EVIL_PATTERN, "0", "1000000", "tokens", "day", "0 %"],
  ]);
  await ask("claude-paid");
  await page.waitForFunction(() => document.querySelector("#spend tbody tr").cells[7].textContent === "95 %", { timeout: PATIENCE });
  const { budgets } = await (await fetch(admin + "/status")).json();
  const money = budgets.find((it) => it.unit === "usd");
  const shown = (await rows(page, "spend"))[0];
  assert.deepEqual([shown[3], shown[4], shown[9]], [money.spent, money.amount, "soft"]);
  assert.ok(await page.$eval("#spend-none", (it) => it.hidden));
  assert.equal(await page.$eval("#spend tbody tr td:nth-child(8)", (it) => it.className), "warning");
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.equal((await page.$$("#spend img")).length, 0);
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("filters, search, sorting and groups show what they say", async () => {
  const page = await open("/");
  await post("/keys/key-9-9/drain");
  await page.select("#keys-filter", "held");
  await page.waitForFunction(() => document.querySelectorAll("#keys tbody tr").length === 1, { timeout: PATIENCE });
  assert.equal((await rows(page, "keys"))[0][0], "key-9-9");
  await page.select("#keys-filter", "all");
  await page.type("#keys-find", "key-12-");
  assert.equal((await rows(page, "keys")).length, 10);
  await page.click("#keys-group");
  const grouped = await rows(page, "keys");
  assert.equal(grouped.length, 11);
  assert.match(grouped[0][0], /^account-12 \(box\): 10 of 10 serving$/);
  await post("/keys/key-9-9/resume");
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("every name stays text", async () => {
  const page = await open("/");
  const status = await (await fetch(admin + "/status")).json();
  const group = status.providers[0].groups.find((it) => it.group.includes("<"));
  assert.ok(group, "the evil name is there to be shown");
  await page.select("#room-sort", "name");
  const groups = new Set((await rows(page, "room")).map((row) => row[1]));
  const all = await page.content();
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.equal((await page.$$("main script, main img, main iframe")).length, 0);
  assert.ok(!all.includes("<img src=x"), "markup out of a name");
  assert.ok([...groups].some((name) => name.includes("<") || name.includes("inference")));
  const evil = await page.$$eval("#room td", (cells) => cells.some((cell) => cell.textContent.includes("<script>")));
  assert.ok(evil, "the name is shown as it is");
  await page.close();
});

test("what is not seen in a name, or turns it around, is shown as an escape", async () => {
  const page = await open("/");
  await page.select("#room-sort", "name");
  const groups = (await rows(page, "room")).map((row) => row[1]);
  assert.ok(groups.includes("inference:claude-\\u{202e}wen\\u{200b}\\u{2066}\\u{e0041}"), [...new Set(groups)].join());
  assert.doesNotMatch(await page.$eval("main", (it) => it.textContent), /\p{Cf}/u);
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("keys of an account that is held are shown as held, and why", async () => {
  const page = await open("/");
  await post("/accounts/account-3/drain");
  await page.waitForFunction(() => [...document.querySelectorAll("#keys tbody tr")].filter((row) => row.cells[1].textContent === "account-3" && row.cells[3].textContent === "held" && row.cells[6].textContent.startsWith("its account: an operator")).length === 10, { timeout: PATIENCE });
  assert.match(await page.$eval("#figures", (it) => it.textContent), /Keys serving\d+ of 500/);
  await post("/accounts/account-3/resume");
  await page.close();
});

test("on a small screen columns are scrolled to, not broken into letters", async () => {
  const page = await open("/", { width: 360, height: 740 });
  await page.type("#keys-find", "key-1-");
  for (const table of ["room", "keys", "spend"]) {
    const tallest = await page.$eval(`#${table}`, (it) => Math.max(...[...it.rows].map((row) => row.offsetHeight)));
    assert.ok(tallest < 200, `a row of ${table} is ${tallest} px tall`);
  }
  await page.close();
});

test("a browser that is told to run something else refuses", async () => {
  const page = await open("/");
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hurt = 1";
    document.body.append(script);
    return window.hurt;
  });
  assert.equal(ran, undefined);
  await page.close();
});

for (const [name, viewport, scheme] of [["wide and light", { width: 1280, height: 900 }, "light"], ["360 px and dark", { width: 360, height: 740 }, "dark"]]) {
  for (const path of ["/", "/connect"]) {
    test(`axe finds nothing serious: ${path}, ${name}`, async () => {
      const page = await browser.newPage();
      await page.setBypassCSP(true);
      await page.setViewport(viewport);
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(admin + path);
      if (path === "/") {
        await drawn(page);
        await page.type("#keys-find", "key-1-");
      }
      await page.evaluate(AXE);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      const serious = found.violations.filter((it) => ["serious", "critical"].includes(it.impact));
      assert.deepEqual(serious.map((it) => [it.id, it.nodes[0].html, it.nodes[0].failureSummary]), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `the page is ${wide} px wider than the screen`);
      await page.close();
    });
  }
}

test("everything is reached with the keyboard", async () => {
  const page = await open("/");
  const reached = new Set();
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("href") || document.activeElement.getAttribute("aria-label")));
  }
  for (const wanted of ["#main", "/connect", "room-filter", "room-sort", "keys-find", "keys-filter", "keys-sort", "keys-group", "Keys, table", "Spend, table"]) assert.ok(reached.has(wanted), `${wanted} is not reached: ${[...reached]}`);
  await page.close();
});

test("with 500 keys an update is little work", async () => {
  const page = await open("/");
  const taken = [];
  for (let update = 0; update < 6; update++) {
    const before = await page.evaluate(() => document.documentElement.dataset.drawn);
    await page.waitForFunction((seen) => document.documentElement.dataset.drawn !== seen, { timeout: PATIENCE }, before);
    taken.push(Number(await page.evaluate(() => document.documentElement.dataset.drawMs)));
  }
  taken.sort((a, b) => a - b);
  console.log(`an update with ${KEYS} keys takes ${taken[3]} ms (median), at most ${taken[5]} ms`);
  await page.close();
});

test("the snippets begin with where the gateway listens", async () => {
  const page = await open("/connect");
  const { listeners } = await (await fetch(admin + "/status")).json();
  await page.waitForFunction((url) => document.getElementById("base").value === url, { timeout: PATIENCE }, "http://" + listeners[0].address);
  const snippets = await page.$$eval("[data-snippet]", (all) => all.map((it) => it.textContent));
  assert.ok(snippets.every((it) => it.includes("http://" + listeners[0].address)));
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("what is written into a snippet stays text", async () => {
  const page = await open("/connect");
  await page.$eval("#base", (input) => { input.value = ""; });
  await page.type("#base", "https://gw.example/<b>$&");
  const snippets = await page.$$eval("[data-snippet]", (all) => all.map((it) => it.textContent));
  assert.ok(snippets.every((it) => it.includes("https://gw.example/<b>$&")));
  assert.equal((await page.$$("pre b")).length, 0);
  assert.deepEqual(page.faults, []);
  await page.close();
});
