"use strict";
// Sorting and filtering; everything else on the page needs no script.

for (const part of document.querySelectorAll(".controls")) part.hidden = false;

const heads = [...document.querySelectorAll(".board [data-sort]")];

function valueOf(row, place, kind) {
  const cell = row.cells[place];
  if (kind === "text") return cell.textContent.trim().toLowerCase();
  return cell.dataset.value ? Number(cell.dataset.value) : NaN;
}

function sort(place, kind, order) {
  const sign = order === "ascending" ? 1 : -1;
  for (const body of document.querySelectorAll(".board tbody")) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("divider"));
    const keyed = rows.map((row) => [valueOf(row, place, kind), row]);
    keyed.sort(([a], [b]) => {
      if (kind === "text") return sign * a.localeCompare(b, "en", { numeric: true });
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    body.append(...keyed.map(([, row]) => row));
  }
}

heads.forEach((head, place) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  const first = head.dataset.first ?? (head.dataset.sort === "text" ? "ascending" : "descending");
  const second = first === "ascending" ? "descending" : "ascending";
  button.addEventListener("click", () => {
    const order = head.getAttribute("aria-sort") === first ? second : first;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    sort(place, head.dataset.sort, order);
  });
});

const find = document.getElementById("find");
find.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, all = 0;
  for (const row of document.querySelectorAll(".board tbody tr:not(.divider)")) {
    const name = row.cells[0].textContent.toLowerCase();
    row.hidden = !words.every((word) => name.includes(word));
    all += 1;
    shown += !row.hidden;
  }
  document.getElementById("found").value = words.length ? `${shown} of ${all} rows` : "";
});

const chosen = document.getElementById("chosen");
const filters = [...document.querySelectorAll("#choose select")];
function choose() {
  let shown = 0, all = 0;
  for (const group of document.querySelectorAll(".group")) {
    let left = 0;
    for (const card of group.querySelectorAll(".card")) {
      card.hidden = !filters.every(({ value, dataset }) =>
        !value || card.dataset[dataset.filter].split("|").includes(value));
      all += 1;
      left += !card.hidden;
    }
    group.hidden = !left;
    shown += left;
  }
  chosen.value = filters.some((filter) => filter.value) ? `${shown} of ${all} sentences` : "";
}
for (const filter of filters) filter.addEventListener("change", choose);
