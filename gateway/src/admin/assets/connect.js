"use strict";
// Puts the base URL that was typed into the snippets, as text.
const base = document.getElementById("base");
const snippets = [...document.querySelectorAll("[data-snippet]")].map((node) => ({ node, template: node.textContent }));
function write() {
  const url = base.value.trim().replace(/\/+$/, "");
  for (const { node, template } of snippets) node.textContent = template.replaceAll("{base}", () => url);
}
base.addEventListener("input", write);
write();

// What the policy says, until something else is typed. An address of every network card is told as the
// name by which this page was reached.
function url({ address, tls }) {
  const port = address.slice(address.lastIndexOf(":") + 1);
  const host = address.slice(0, address.lastIndexOf(":"));
  const isAny = host === "0.0.0.0" || host === "[::]";
  return (tls ? "https://" : "http://") + (isAny ? location.hostname : host) + ":" + port;
}
const typed = base.value;
fetch("/status").then((answer) => answer.json()).then((status) => {
  const listener = status.listeners.find((it) => it.tls) ?? status.listeners[0];
  if (!listener || base.value !== typed) return;
  base.value = url(listener);
  write();
}).catch(() => undefined);
