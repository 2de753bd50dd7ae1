"use strict";
document.documentElement.classList.add("live");
const body = document.getElementById("rows");
const search = document.getElementById("search");
const rows = Array.from(body.rows, (row, rank) => ({
  row, rank,
  path: row.cells[1].textContent,
  text: (row.cells[1].textContent + " " + row.cells[4].textContent).toLowerCase(),
  decision: row.dataset.decision,
  probability: Number(row.dataset.probability),
}));
const chosen = new Set();
const count = new Intl.NumberFormat("en");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const entry of rows) {
    const fits = (chosen.size === 0 || chosen.has(entry.decision)) && words.every((w) => entry.text.includes(w));
    entry.row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").textContent = count.format(shown) + " of " + count.format(rows.length) + " shown";
  document.getElementById("none").hidden = shown > 0;
}
let waiting;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
for (const button of document.querySelectorAll("#counts button")) {
  button.addEventListener("click", () => {
    const on = !chosen.has(button.dataset.decision);
    if (on) chosen.add(button.dataset.decision); else chosen.delete(button.dataset.decision);
    button.setAttribute("aria-pressed", String(on));
    filter();
  });
}

const collator = new Intl.Collator("en", { numeric: true });
const orders = {
  path: (a, b) => collator.compare(a.path, b.path),
  rank: (a, b) => a.rank - b.rank,
  probability: (a, b) => a.probability - b.probability || a.rank - b.rank,
};
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const key = button.dataset.sort;
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : key === "probability";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => (down ? -1 : 1) * orders[key](a, b));
    body.append(...rows.map((entry) => entry.row));
  });
}
if (search.value) filter();
