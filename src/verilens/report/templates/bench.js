"use strict";
document.documentElement.classList.add("live");
const body = document.getElementById("rows");
const search = document.getElementById("search");
const shown = document.getElementById("shown");
const rows = Array.from(body.rows, (row, rank) => ({ row, rank, text: row.cells[0].textContent.toLowerCase() + " " + row.cells[1].textContent.toLowerCase() }));

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const entry of rows) {
    const fits = words.every((word) => entry.text.includes(word));
    entry.row.hidden = !fits;
    count += fits;
  }
  shown.textContent = count + " of " + rows.length + " rows";
}
search.addEventListener("input", filter);

const collator = new Intl.Collator("en", { numeric: true });
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const at = head.cellIndex;
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : head.dataset.first === "descending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (entry) => entry.row.cells[at].dataset.value;
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined) return (down ? -1 : 1) * collator.compare(a.row.cells[at].textContent, b.row.cells[at].textContent) || a.rank - b.rank;
      if (x === "" || y === "") return (x === "") - (y === "") || a.rank - b.rank;
      return (down ? -1 : 1) * (Number(x) - Number(y)) || a.rank - b.rank;
    });
    body.append(...rows.map((entry) => entry.row));
  });
}
if (search.value) filter();
