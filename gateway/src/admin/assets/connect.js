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
