"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // Sorting: a column's own direction, the other one, the order of the taxonomy.
  const directions = (kind) =>
    kind === "number" ? ["descending", "ascending"] : ["ascending", "descending"];

  const keyOf = (row, place, numeric) => {
    const cell = row.cells[place];
    const told = cell.dataset.value ?? cell.textContent.trim();
    if (!numeric) return told;
    return told === "" ? null : Number(told);
  };

  const compare = (a, b) =>
    typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;

  const sorted = (rows, place, kind, direction) => {
    const sign = direction === "descending" ? -1 : 1;
    const keyed = rows.map((row) => [keyOf(row, place, kind !== "text"), row]);
    const filled = keyed.filter(([key]) => key !== null);
    const empty = keyed.filter(([key]) => key === null);
    filled.sort(([a], [b]) => sign * compare(a, b));
    return [...filled, ...empty].map(([, row]) => row);
  };

  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    const original = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, place) => {
      const button = head.querySelector("button");
      button.addEventListener("click", () => {
        const turns = directions(head.dataset.kind);
        const next = turns[turns.indexOf(head.getAttribute("aria-sort")) + 1];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next);
        body.append(...(next ? sorted(original, place, head.dataset.kind, next) : original));
      });
    });
  }

  // Filters: which flips are shown.
  const flips = all("details.flip");
  const wanted = { way: "", category: "" };
  const status = document.querySelector(".filters [role=status]");

  const show = (name, value) => {
    wanted[name] = value;
    for (const button of all(`[data-filter=${name}]`)) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
    for (const flip of flips) {
      flip.hidden = Object.keys(wanted).some((key) => wanted[key] && wanted[key] !== flip.dataset[key]);
    }
    const shown = flips.filter((flip) => !flip.hidden).length;
    status.textContent = `${shown} of ${flips.length} flips shown`;
  };

  for (const button of all("[data-filter]")) {
    button.addEventListener("click", () => show(button.dataset.filter, button.dataset.value));
  }
  for (const link of all("[data-show]")) {
    link.addEventListener("click", () => {
      show("way", "");
      show("category", link.dataset.show);
    });
  }
  for (const filters of all(".filters")) {
    filters.hidden = false;
    show("way", "");
  }

  // Links to what is folded: unfold it. To a mark: show the whole quote for a moment.
  const unfold = (target) => {
    for (let at = target; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
  };

  const flash = (first, last) => {
    all(".flash").forEach((mark) => mark.classList.remove("flash"));
    const marks = all("mark", first.parentElement);
    const ids = marks.map((mark) => mark.id);
    marks
      .slice(ids.indexOf(first.id), ids.indexOf(last) + 1)
      .forEach((mark) => mark.classList.add("flash"));
  };

  for (const link of all("a.quote")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const mark = document.getElementById(link.hash.slice(1));
      unfold(mark);
      mark.focus({ preventScroll: true });
      mark.scrollIntoView({ block: "center" });
      flash(mark, link.dataset.last);
    });
  }

  const follow = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target) unfold(target);
  };
  addEventListener("hashchange", follow);
  follow();

  // Paper cannot unfold anything.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all("details:not([open])");
    unfolded.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((part) => { part.open = false; }));
})();
