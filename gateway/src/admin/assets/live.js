"use strict";
// Draws what /status says, once a second. Every text is set as text: a name is never markup.

const ROWS_MAX = 500;
const ROOM_ROWS_MAX = 100;
const TREND_MAX = 60;
const $ = (id) => document.getElementById(id);
const state = { status: null, rates: [], lines: [], trends: new Map() };

// Characters that show nothing, or turn what stands after them around (Unicode's Cc, Cf, Zl, Zp), as
// escapes: two names that differ look different.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const seen = (text) => String(text).replace(UNSEEN, (it) => "\\u{" + it.codePointAt(0).toString(16) + "}");

function el(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined && text !== null) node.textContent = seen(text);
  if (className) node.className = className;
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const abs = Math.abs(value);
  if (abs >= 1e6) return (value / 1e6).toFixed(1) + " M";
  if (abs >= 1e4) return (value / 1e3).toFixed(0) + " k";
  if (abs >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(1);
}

function span(secs) {
  if (secs === null || secs === undefined || secs <= 0) return "–";
  if (secs < 90) return secs.toFixed(secs < 10 ? 1 : 0) + " s";
  if (secs < 5400) return (secs / 60).toFixed(0) + " min";
  return (secs / 3600).toFixed(1) + " h";
}

const percent = (share) => (share * 100).toFixed(0) + " %";

// A bar with its label beside it; the same elements from one update to the next.
function bar(td, { share, label }) {
  if (!td.firstChild) {
    const picture = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    picture.append(svg("rect", { class: "track", x: 0, y: 0, width: 100, height: 10 }), svg("rect", { x: 0, y: 0, height: 10 }));
    td.append(picture, el("span"));
  }
  const shown = Math.max(0, Math.min(1, share));
  const rect = td.firstChild.lastChild;
  rect.setAttribute("class", shown < 0.2 ? "fill low" : "fill");
  rect.setAttribute("width", (shown * 100).toFixed(1));
  td.lastChild.textContent = label;
}

function trend(td, values) {
  if (!td.firstChild) {
    const picture = svg("svg", { class: "trend", viewBox: "0 0 60 20", preserveAspectRatio: "none", role: "img" });
    picture.append(svg("polyline", { class: "line" }));
    td.append(picture);
  }
  const first = values[0] ?? 0;
  const last = values[values.length - 1] ?? 0;
  const points = values.map((value, at) => (at + TREND_MAX - values.length) + "," + (19 - 18 * Math.max(0, Math.min(1, value))).toFixed(1));
  td.firstChild.setAttribute("aria-label", "free " + percent(last) + ", " + values.length + " s ago " + percent(first));
  td.firstChild.firstChild.setAttribute("points", points.join(" "));
}

// Keeps rows and cells of a table body; only cells that differ are touched, so that focus and selection
// stay, and an update is little work.
function fill(table, rows) {
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, at) => {
    const line = body.rows[at] ?? body.insertRow();
    const isHead = Boolean(row[0].head);
    if (line.cells.length !== row.length || isHead !== line.isHead) {
      line.isHead = isHead;
      line.className = isHead ? "head" : "";
      line.replaceChildren(...row.map((cell) => {
        const td = el(isHead ? "th" : "td");
        if (isHead) { td.colSpan = cell.head; td.scope = "rowgroup"; }
        return td;
      }));
    }
    row.forEach((cell, column) => put(line.cells[column], cell));
  });
}

function put(td, cell) {
  const key = cell.draw ? cell.key : cell.text;
  if (td.shown === key && td.drawing === cell.draw && td.className === (cell.className ?? "")) return;
  td.className = cell.className ?? "";
  if (!cell.draw) td.textContent = seen(cell.text);
  else if (td.drawing === cell.draw) cell.draw(td, cell.value);
  else { td.replaceChildren(); cell.draw(td, cell.value); }
  td.shown = key;
  td.drawing = cell.draw;
}

const text = (value, className) => ({ text: value === null || value === undefined ? "–" : String(value), className });

function figure(list, name, value, className) {
  let box = list.querySelector('[data-name="' + name + '"]');
  if (!box) {
    box = el("div");
    box.dataset.name = name;
    box.append(el("dt", name), el("dd"));
    list.append(box);
  }
  const dd = box.lastChild;
  if (dd.textContent !== value) dd.textContent = value;
  dd.className = className ?? "";
}

function sum(object) { return Object.values(object).reduce((one, other) => one + other, 0); }

function bucketsOf(status) {
  const lines = [];
  for (const provider of status.providers) for (const group of provider.groups) for (const account of group.accounts) for (const bucket of account.buckets) {
    const name = group.group ? group.endpoint + ":" + group.group : group.endpoint;
    const id = [provider.id, account.id, name, bucket.dimension].join("\n");
    lines.push({ id, account, group: name, bucket, free: bucket.burst > 0 ? bucket.free / bucket.burst : 0 });
  }
  return lines;
}

// Keeps what only shows over time: totals for rates, free shares for trends.
function learn(status) {
  state.status = status;
  state.rates.push({ time: status.time, totals: status.totals });
  while (state.rates.length > 11) state.rates.shift();
  state.lines = bucketsOf(status);
  const trends = new Map();
  for (const line of state.lines) {
    const values = state.trends.get(line.id) ?? [];
    values.push(line.free);
    while (values.length > TREND_MAX) values.shift();
    trends.set(line.id, values);
  }
  state.trends = trends;
}

function rates(status) {
  const first = state.rates[0];
  const secs = status.time - first.time;
  if (secs < 0.5) return null;
  const of = (kind, name) => (status.totals[kind][name] - first.totals[kind][name]) / secs;
  const requests = (sum(status.totals.requests) - sum(first.totals.requests)) / secs;
  const attempts = (sum(status.totals.attempts) - sum(first.totals.attempts)) / secs;
  return {
    requests,
    refused: of("requests", "refused"),
    broken: of("requests", "broken"),
    share429: attempts > 0 ? of("attempts", "rate_limited") / attempts : 0,
    share529: attempts > 0 ? of("attempts", "overloaded") / attempts : 0,
  };
}

function now(status) {
  const list = $("figures");
  const rate = rates(status);
  const waiting = status.providers.flatMap((it) => it.groups).reduce((all, it) => all + it.waiting, 0);
  const keys = status.providers.flatMap((it) => it.keys);
  const count = (which) => keys.filter((key) => key.state === which).length;
  figure(list, "Requests per second", rate ? number(rate.requests) : "…");
  figure(list, "Running", number(status.requests_running));
  figure(list, "Waiting", number(waiting), waiting > 0 ? "warning" : "");
  const own = status.tenants_waiting.reduce((all, it) => all + it.requests, 0);
  figure(list, "Waiting for tenants' limits", number(own));
  figure(list, "Refused per second", rate ? number(rate.refused) : "…", rate && rate.refused > 0 ? "error" : "");
  figure(list, "Broken per second", rate ? number(rate.broken) : "…", rate && rate.broken > 0 ? "error" : "");
  figure(list, "429 of attempts", rate ? percent(rate.share429) : "…", rate && rate.share429 > 0.05 ? "warning" : "");
  figure(list, "529 of attempts", rate ? percent(rate.share529) : "…", rate && rate.share529 > 0.05 ? "warning" : "");
  figure(list, "Keys serving", count("serving") + " of " + keys.length, count("serving") < keys.length ? "warning" : "");
  const mistakes = [];
  if (!status.ready) mistakes.push("The gateway drains and takes no new requests.");
  for (const provider of status.providers) {
    if (provider.overloaded) mistakes.push("Provider " + provider.id + " is overloaded; requests are held back.");
    if (!provider.reachable) mistakes.push("Provider " + provider.id + " cannot be connected to.");
  }
  if (status.policy.failed) mistakes.push("The policy files hold a mistake; an older policy is in force:", ...status.policy.failed.mistakes);
  mistakes.push(...status.issuers.filter((it) => it.error).map((it) => `keys of issuer ${it.issuer}: ${it.error}`));
  mistakes.push(...status.policy.secrets_failed, ...status.policy.needs_restart.map((it) => it + " (needs a restart)"));
  const shown = mistakes.map(seen).join("\n");
  if ($("mistakes").textContent !== shown) $("mistakes").textContent = shown;
}

function room() {
  const lines = state.lines.map((it) => ({ ...it, values: state.trends.get(it.id) }));
  const least = { all: -1, busy: 0.5, tight: 0.8 }[$("room-filter").value];
  const found = lines.filter((it) => it.bucket.utilization > least);
  const order = { utilization: (it) => -it.bucket.utilization, free: (it) => it.free, name: () => 0 }[$("room-sort").value];
  found.sort((a, b) => order(a) - order(b) || a.id.localeCompare(b.id));
  fill($("room"), found.slice(0, ROOM_ROWS_MAX).map((it) => {
    const { bucket, account } = it;
    const label = number(bucket.free) + " of " + number(bucket.burst);
    return [
      text(account.id), text(it.group), text(bucket.dimension),
      { draw: bar, value: { share: it.free, label }, key: it.free.toFixed(3) + label },
      text(number(bucket.spent_last_minute) + " of " + number(bucket.limit_per_minute) + " (" + percent(bucket.utilization) + ")", bucket.utilization > 0.8 ? "n warning" : "n"),
      { draw: trend, value: it.values, key: it.values.map((value) => value.toFixed(2)).join() },
      text(account.requests_running, "n"), text(span(account.cooldown_secs), "n"),
    ];
  }));
  $("room-more").textContent = found.length > ROOM_ROWS_MAX ? (found.length - ROOM_ROWS_MAX) + " more are not shown; filter or sort to see them." : lines.length ? "" : "No limit is known yet: they are learned from the first answers.";
}

const ORDER = { out: 0, held: 1, probing: 2, serving: 3 };

function why(it, status) {
  if (!it.why) return "";
  const parts = [it.why.text];
  if (it.why.status) parts.push("the provider said " + it.why.status + (it.why.said ? ": \u201c" + it.why.said + "\u201d" : ""));
  if (it.why.group) parts.push("for " + it.why.group);
  if (it.why.since) parts.push("for " + span(status.time - it.why.since));
  return parts.join("; ");
}

function keyRow(key, status) {
  const probe = key.why && key.why.next_probe ? span(key.why.next_probe - status.time) : "–";
  const reason = (key.why && key.why.of_account ? "its account: " : "") + why(key, status);
  return [
    text(key.id), text(key.account), text(key.provider), text(key.state, "state " + key.state),
    text(key.requests_running, "n"), text(probe, "n"), text(reason),
  ];
}

function keys(status) {
  const all = status.providers.flatMap((provider) => provider.keys.map((key) => ({ ...key, provider: provider.id })));
  const wanted = $("keys-filter").value;
  const words = $("keys-find").value.trim().toLowerCase();
  const found = all.filter((key) => {
    const fits = wanted === "all" || key.state === wanted || (wanted === "notserving" && key.state !== "serving");
    return fits && (!words || (key.id + " " + key.account + " " + key.provider).toLowerCase().includes(words));
  });
  const order = { state: (key) => ORDER[key.state], name: () => 0, running: (key) => -key.requests_running }[$("keys-sort").value];
  const grouped = $("keys-group").checked;
  const byAccount = (a, b) => grouped ? a.provider.localeCompare(b.provider) || a.account.localeCompare(b.account) : 0;
  found.sort((a, b) => byAccount(a, b) || order(a) - order(b) || a.id.localeCompare(b.id));
  const rows = [];
  let last = null;
  for (const key of found.slice(0, ROWS_MAX)) {
    const account = key.provider + "\n" + key.account;
    if (grouped && account !== last) {
      const of = found.filter((it) => it.account === key.account && it.provider === key.provider);
      rows.push([{ text: key.account + " (" + key.provider + "): " + of.filter((it) => it.state === "serving").length + " of " + of.length + " serving", head: 7 }]);
      last = account;
    }
    rows.push(keyRow(key, status));
  }
  fill($("keys"), rows);
  const count = found.length + " of " + all.length + " keys";
  if ($("keys-count").textContent !== count) $("keys-count").textContent = count;
  $("keys-more").textContent = found.length > ROWS_MAX ? (found.length - ROWS_MAX) + " more are not shown; filter to see them." : "";
}

function waiting(status) {
  const rows = [];
  for (const provider of status.providers) for (const group of provider.groups) for (const line of group.waiting_by) {
    const name = group.group ? group.endpoint + ":" + group.group : group.endpoint;
    rows.push([text(provider.id), text(name), text(line.class), text(line.retries ? "retries of all" : line.tenant ?? "anybody"), text(line.requests, "n"), text(span(status.time - line.since), "n")]);
  }
  for (const line of status.tenants_waiting) if (line.requests > 0) {
    rows.push([text("–"), text("limits of its own"), text("–"), text(line.tenant), text(line.requests, "n"), text("–", "n")]);
  }
  fill($("waiting"), rows.slice(0, ROWS_MAX));
  $("waiting-none").hidden = rows.length > 0;
}

// What is spent of budgets, the nearest to its end first.
function spend(status) {
  const budgets = [...status.budgets].sort((one, other) => other.spent_ratio - one.spent_ratio);
  const rows = budgets.slice(0, ROWS_MAX).map((it) => {
    const className = it.spent_ratio >= 1 ? "error" : it.spent_ratio >= 0.9 ? "warning" : "";
    const kind = it.shadow ? "only counted" : it.soft ? "soft" : "hard";
    return [text(it.kind), text(it.owner), text(it.models === "" || it.models === "*" ? "all" : it.models), text(it.spent, "n"), text(it.amount, "n"), text(it.unit), text(it.period), text(percent(it.spent_ratio), className), text(span(it.end - status.time), "n"), text(kind)];
  });
  fill($("spend"), rows);
  $("spend-none").hidden = rows.length > 0;
  $("spend-more").textContent = budgets.length > ROWS_MAX ? (budgets.length - ROWS_MAX) + " more are not shown." : "";
}

function events(status) {
  const list = $("events");
  const key = JSON.stringify(status.events);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...status.events.map((event) => {
    const item = el("li");
    const time = el("time", new Date(event.at * 1000).toLocaleTimeString());
    time.dateTime = new Date(event.at * 1000).toISOString();
    const whose = [event.provider, event.account, event.key].filter(Boolean).join(" / ");
    item.append(time, el("span", (whose ? whose + ": " : "") + event.text + (event.times > 1 ? " (" + event.times + " times)" : ""), event.severity));
    return item;
  }));
  if (!status.events.length) list.append(el("li", "Nothing so far."));
}

function draw() {
  if (!state.status) return;
  const began = performance.now();
  for (const part of [now, room, keys, waiting, spend, events]) part(state.status);
  document.documentElement.dataset.drawMs = (performance.now() - began).toFixed(1);
  document.documentElement.dataset.drawn = String(state.status.time);
}

function connected(words, isBad) {
  const line = $("connection");
  if (line.textContent !== words) line.textContent = words;
  line.className = isBad ? "bad" : "";
}

function listen() {
  const source = new EventSource("/events");
  source.addEventListener("status", (message) => {
    learn(JSON.parse(message.data));
    connected("live, version " + state.status.version, false);
    draw();
  });
  source.addEventListener("error", () => {
    connected("no connection to the gateway; what you see is old", true);
    // A browser gives up where the answer was a refusal; ask again as long as the page is open.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

for (const id of ["room-filter", "room-sort", "keys-filter", "keys-sort", "keys-group"]) $(id).addEventListener("change", draw);
$("keys-find").addEventListener("input", draw);
listen();
