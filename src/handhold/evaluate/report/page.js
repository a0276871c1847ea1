"use strict";
(() => {
  const table = document.getElementById("grasps");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows]; // as they came
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const words = new Intl.Collator(undefined, { numeric: true });

  function order(column, sense) {
    if (sense === "none") return rows;
    const text = heads[column].dataset.kind === "text";
    const keyed = rows.map((row) => {
      const cell = row.cells[column];
      const value = text ? cell.textContent.trim() : cell.dataset.value;
      return { row, key: value === undefined || value === "" ? null : text ? value : Number(value) };
    });
    const sign = sense === "ascending" ? 1 : -1;
    // Array.sort is stable; what is missing stays last both ways.
    keyed.sort((a, b) =>
      a.key === null || b.key === null
        ? (a.key === null) - (b.key === null)
        : sign * (text ? words.compare(a.key, b.key) : a.key - b.key));
    return keyed.map((item) => item.row);
  }

  // Laying out thousands of rows at every click is slow: the first ones, until all are asked for.
  let current = rows;
  let limit = 200;
  const filter = document.getElementById("filter");
  const all = document.getElementById("all");

  function show() {
    const sought = filter.value.trim().toLowerCase();
    let found = 0;
    for (const row of current) {
      const fits = row.cells[0].textContent.toLowerCase().includes(sought);
      found += fits;
      row.hidden = !fits || found > limit;
    }
    all.hidden = found <= limit;
    const shown = Math.min(found, limit);
    document.getElementById("shown").textContent = shown < rows.length ? `${shown} of ${rows.length} shown` : "";
  }

  function showAll() {
    limit = Infinity;
    show();
  }

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    const sense = next[head.getAttribute("aria-sort")];
    heads.forEach((other) => other.setAttribute("aria-sort", other === head ? sense : "none"));
    current = order(column, sense);
    show();
    body.append(...current);
  }));
  filter.addEventListener("input", show);
  all.addEventListener("click", showAll);
  window.addEventListener("beforeprint", showAll);
  filter.closest(".tools").hidden = false;
  show();

  for (const link of document.querySelectorAll(".pictures a")) {
    link.addEventListener("click", () => { // a hidden row cannot be jumped to
      filter.value = "";
      show();
      document.getElementById(link.hash.slice(1)).hidden = false;
    });
  }
  for (const button of document.querySelectorAll(".pictures button")) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-expanded", button.closest("figure").classList.toggle("wide"));
    });
  }
})();
