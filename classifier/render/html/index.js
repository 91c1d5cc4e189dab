"use strict";
// Filters, search, order and pages of an index; its rows are drawn a page at a time.
(() => {
  const [TITLE, PUBLISHED, ADDRESS, ID, SUMMARY, TEXT, VALUES, CONFIDENCE, FINDINGS] = Array(9).keys();
  const PAGE = 40;
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const facets = JSON.parse($("facet-data").textContent);
  const rows = JSON.parse($("row-data").textContent);
  const boxes = all("[data-category]").map((input) => ({
    input,
    category: Number(input.dataset.category),
    value: Number(input.dataset.value),
    level: input.parentElement.querySelector(".level"),
    number: input.parentElement.querySelector(".number"),
  }));
  const results = $("results");
  const state = { words: [], order: "new", chosen: new Map(), page: 0, hits: [] };

  // Orders are worked out once each, for all rows.
  const collator = new Intl.Collator(undefined, { numeric: true });
  const byDay = (a, b) => (rows[a][PUBLISHED] < rows[b][PUBLISHED] ? -1 : Number(rows[a][PUBLISHED] > rows[b][PUBLISHED]));
  const dated = (compare) => (a, b) => Number(!rows[a][PUBLISHED]) - Number(!rows[b][PUBLISHED]) || compare(a, b);
  const told = (sign) => (a, b) => {
    const [x, y] = [rows[a][CONFIDENCE], rows[b][CONFIDENCE]];
    return Number(x === null) - Number(y === null) || sign * (x - y);
  };
  const compares = {
    new: dated((a, b) => byDay(b, a)),
    old: dated(byDay),
    title: (a, b) => collator.compare(rows[a][TITLE], rows[b][TITLE]),
    unsure: told(1),
    sure: told(-1),
    findings: (a, b) => rows[b][FINDINGS][0] - rows[a][FINDINGS][0] || rows[b][FINDINGS][1] - rows[a][FINDINGS][1],
  };
  const orders = {};
  const ordered = (name) => (orders[name] ??= rows.map((_, n) => n).sort((a, b) => compares[name](a, b) || a - b));

  let hay = null;
  const haystacks = () => (hay ??= rows.map((row) => `${row[TITLE]}\n${row[ID]}\n${row[SUMMARY]}\n${row[TEXT]}`.toLowerCase()));

  // An incident is found where it has any of the chosen values of each category, and every word.
  const found = () => {
    const chosen = [...state.chosen];
    const texts = state.words.length ? haystacks() : null;
    return ordered(state.order).filter((n) => {
      for (const [category, values] of chosen) {
        const has = rows[n][VALUES][category];
        if (!has || !has.some((value) => values.has(value))) return false;
      }
      return state.words.every((word) => texts[n].includes(word));
    });
  };

  const count = (hits) => {
    const counts = facets.map((facet) => new Uint32Array(facet.values.length));
    for (const n of hits) {
      const values = rows[n][VALUES];
      for (let c = 0; c < values.length; c += 1) {
        for (const value of values[c]) counts[c][value] += 1;
      }
    }
    return counts;
  };

  const drawBars = (hits) => {
    const counts = count(hits);
    for (const { input, category, value, level, number } of boxes) {
      const times = counts[category][value];
      number.textContent = times;
      level.setAttribute("width", hits.length ? ((100 * times) / hits.length).toFixed(1) : 0);
      input.parentElement.classList.toggle("none", !times && !input.checked);
    }
  };

  const make = (name, text, kind = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  const plural = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

  const facts = (row) => {
    const parts = [row[PUBLISHED] || "no date"];
    if (row[FINDINGS][0]) parts.push(plural(row[FINDINGS][0], "audit error"));
    if (row[FINDINGS][1]) parts.push(plural(row[FINDINGS][1], "audit warning"));
    if (row[CONFIDENCE] !== null) parts.push(`least sure decision ${row[CONFIDENCE].toFixed(2)}`);
    return parts;
  };

  // What is around the first word that stands in neither title nor summary.
  const around = (row) => {
    const shown = `${row[TITLE]}\n${row[SUMMARY]}`.toLowerCase();
    const word = state.words.find((one) => !shown.includes(one));
    const at = word ? row[TEXT].toLowerCase().indexOf(word) : -1;
    if (at < 0) return [];
    const [from, to] = [Math.max(0, at - 80), at + word.length + 80];
    const before = document.createTextNode(`${from ? "…" : ""}${row[TEXT].slice(from, at)}`);
    const after = document.createTextNode(`${row[TEXT].slice(at + word.length, to)}${to < row[TEXT].length ? "…" : ""}`);
    return [before, make("mark", row[TEXT].slice(at, at + word.length)), after];
  };

  const draw = (n) => {
    const row = rows[n];
    const made = $("row").content.firstElementChild.cloneNode(true);
    const [link] = all("a", made);
    link.textContent = row[TITLE];
    link.href = row[ADDRESS];
    made.querySelector(".facts").replaceChildren(...facts(row).map((text) => make("span", text)));
    made.querySelector(".summary").textContent = row[SUMMARY];
    made.querySelector(".found").replaceChildren(...around(row));
    const has = [...state.chosen.keys()].flatMap((category) =>
      (row[VALUES][category] ?? []).map((value) => make("li", facets[category].values[value])));
    made.querySelector(".has").replaceChildren(...has);
    for (const part of all("p, ul", made)) part.hidden = !part.childNodes.length;
    return made;
  };

  const drawPage = () => {
    const from = state.page * PAGE;
    const last = Math.max(1, Math.ceil(state.hits.length / PAGE));
    results.replaceChildren(...state.hits.slice(from, from + PAGE).map(draw));
    results.start = from + 1;
    document.querySelector(".pages").hidden = last < 2;
    $("place").textContent = `Page ${state.page + 1} of ${last}`;
    $("before").disabled = state.page === 0;
    $("after").disabled = state.page >= last - 1;
  };

  const filterWords = () => {
    const parts = [...state.chosen].map(([category, values]) =>
      `${facets[category].label}: ${[...values].map((value) => facets[category].values[value]).join(" or ")}`);
    if (state.words.length) parts.push(`“${$("query").value.trim()}”`);
    return parts.length ? ` with ${parts.join("; ")}` : "";
  };

  const remember = () => {
    const kept = new URLSearchParams();
    if (state.words.length) kept.set("q", $("query").value.trim());
    if (state.order !== "new") kept.set("order", state.order);
    for (const [category, values] of state.chosen) {
      for (const value of values) kept.append(`is:${facets[category].name}`, facets[category].values[value]);
    }
    const hash = kept.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  const read = () => {
    state.words = $("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    state.order = $("order").value;
    state.chosen.clear();
    for (const { input, category, value } of boxes) {
      if (!input.checked) continue;
      if (!state.chosen.has(category)) state.chosen.set(category, new Set());
      state.chosen.get(category).add(value);
    }
  };

  const update = () => {
    read();
    state.hits = found();
    state.page = 0;
    const some = state.chosen.size || state.words.length;
    $("told").textContent = some
      ? `${state.hits.length.toLocaleString("en")} of ${plural(rows.length.toLocaleString("en"), "incident")}${filterWords()}`
      : plural(rows.length.toLocaleString("en"), "incident");
    $("reset").hidden = !some;
    drawBars(state.hits);
    drawPage();
    remember();
  };

  const turn = (by) => {
    state.page += by;
    drawPage();
    results.focus({ preventScroll: true });
    results.scrollIntoView({ block: "start" });
  };

  const recall = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    $("query").value = kept.get("q") ?? "";
    $("order").value = Object.hasOwn(compares, kept.get("order") ?? "") ? kept.get("order") : "new";
    for (const { input, category, value } of boxes) {
      input.checked = kept.getAll(`is:${facets[category].name}`).includes(facets[category].values[value]);
    }
  };

  $("query").addEventListener("input", update);
  $("order").addEventListener("change", update);
  for (const { input } of boxes) input.addEventListener("change", update);
  $("before").addEventListener("click", () => turn(-1));
  $("after").addEventListener("click", () => turn(1));
  $("reset").addEventListener("click", (event) => {
    event.preventDefault();
    $("query").value = "";
    for (const { input } of boxes) input.checked = false;
    update();
    $("query").focus();
  });
  addEventListener("hashchange", () => {
    recall();
    update();
  });

  document.querySelector(".controls").hidden = false;
  if (matchMedia("(max-width: 60rem)").matches) $("facets").open = false;
  recall();
  update();
  (window.requestIdleCallback ?? setTimeout)(haystacks);
})();
