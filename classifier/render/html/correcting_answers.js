// What a person answers to a report: options, reasons, what is confirmed, and the gold of it.
// `tell` has changed(), called after each change, and say(text).
const correctable = (data, tell) => {
  const { report, taxonomy, articles } = data;
  const UNKNOWN = "unknown";
  const NONE = ""; // the value of "does not hold", where a category has but one option
  const categories = new Map(taxonomy.categories.map((c) => [c.name, c]));
  const own = (object, key) => (object && Object.hasOwn(object, key) ? object[key] : undefined);

  // ---- what is chosen: for each category a set of options (null: nothing yet) and its reasons

  const state = new Map();
  const kept = { etag: null, dirty: false, notes: "" };

  const emptyReason = () => ({ rationale: "", quotes: [] });
  const valuesOf = (category) => [...category.options.map((o) => o.name), UNKNOWN];

  function suggested(category) {
    const decision = own(report.categories, category.name);
    const reasons = new Map(valuesOf(category).map((name) => [name, emptyReason()]));
    for (const finding of decision ? decision.findings : []) {
      if (!reasons.has(finding.option)) continue;
      reasons.set(finding.option, { rationale: finding.rationale, quotes: located(finding.evidence) });
    }
    const known = decision && ["answered", "unknown"].includes(decision.status);
    if (known && decision.status === "unknown") reasons.get(UNKNOWN).rationale = decision.rationale;
    return { chosen: known ? new Set(decision.options) : null, reasons, confirmed: false, changed: false };
  }

  // Offsets count code points; a string counts code units.
  function located(evidence) {
    const quotes = evidence.filter((e) => e.match !== "not_found").map((e) => {
      const article = articles.find((a) => a.id === e.article_id);
      return article ? Array.from(article.text).slice(e.start, e.end).join("").trim() : "";
    });
    return [...new Set(quotes.filter(Boolean))];
  }

  function restart() {
    for (const category of categories.values()) state.set(category.name, suggested(category));
    kept.notes = "";
  }

  // true: its gate is open, or it has none; false: closed; undefined: the gate is not answered yet
  function open(name) {
    const gate = categories.get(name).gate;
    if (!gate) return true;
    const held = answer(gate.category);
    return held === undefined ? undefined : Boolean(held && held.includes(gate.option));
  }

  // A list of options; null where it does not apply; undefined where there is no answer yet.
  function answer(name) {
    const category = categories.get(name);
    const { chosen } = state.get(name);
    const applies = open(name);
    if (applies === false) return null;
    if (applies === undefined || chosen === null) return undefined;
    if (!chosen.size && category.select !== "boolean") return undefined;
    return valuesOf(category).filter((value) => chosen.has(value));
  }

  function settled(name) {
    const { gate } = categories.get(name);
    return open(name) === false ? settled(gate.category) : state.get(name).confirmed && answer(name) !== undefined;
  }

  function change(name, edit) {
    const before = new Map([...categories.keys()].map((other) => [other, open(other)]));
    const one = state.get(name);
    edit(one);
    one.confirmed = false;
    one.changed = true;
    for (const other of categories.keys()) {
      if (before.get(other) !== open(other)) state.get(other).confirmed = false;
    }
    touched();
  }

  function choose(name, value, on) {
    const category = categories.get(name);
    const dropped = [];
    change(name, (one) => {
      if (category.select !== "any") {
        one.chosen = new Set(value === NONE ? [] : [value]);
        return;
      }
      one.chosen = new Set(one.chosen);
      if (!on) return void one.chosen.delete(value);
      for (const other of [...one.chosen]) {
        if (!clash(category, value, other)) continue;
        one.chosen.delete(other);
        dropped.push(other);
      }
      one.chosen.add(value);
    });
    if (dropped.length) tell.say(`${dropped.join(", ")} taken away: not together with ${value}.`);
  }

  function clash(category, value, other) {
    if (value === other) return false;
    const excluded = (a, b) => category.options.some((o) => o.name === a && o.excludes.includes(b));
    return [value, other].includes(UNKNOWN) || excluded(value, other) || excluded(other, value);
  }

  function confirm(name, on) {
    state.get(name).confirmed = on;
    touched();
  }

  function confirmAll() {
    for (const name of categories.keys()) {
      if (open(name) && answer(name) !== undefined) state.get(name).confirmed = true;
    }
    touched();
    tell.say(count());
  }

  function count() {
    const names = [...categories.keys()];
    const done = names.filter(settled).length;
    const changed = names.filter((n) => !settled(n) && state.get(n).changed).map((n) => categories.get(n).label);
    const left = changed.length ? ` Changed, but not confirmed and so left out: ${changed.join(", ")}.` : "";
    return `${done} of ${names.length} categories confirmed.${left}`;
  }

  // ---- gold

  function gold(name) {
    const names = [...categories.keys()].filter(settled);
    const labels = Object.fromEntries(names.map((n) => [n, answer(n)]));
    const reasons = names.map((n) => [n, reasonsOf(n)]).filter(([, given]) => Object.keys(given).length);
    return {
      id: report.incident.id,
      articles,
      labels,
      reasons: Object.fromEntries(reasons),
      annotators: Object.fromEntries([[name, labels]]),
      notes: kept.notes,
    };
  }

  function reasonsOf(name) {
    const { reasons } = state.get(name);
    const given = (answer(name) || []).map((option) => [option, reasons.get(option)]);
    const told = given.filter(([, r]) => r.rationale.trim() || r.quotes.length);
    return Object.fromEntries(told.map(([o, r]) => [o, { rationale: r.rationale.trim(), quotes: [...r.quotes] }]));
  }

  function take(saved) {
    restart();
    for (const [name, options] of Object.entries(saved.labels)) {
      const one = state.get(name);
      if (!one) continue;
      if (options === null) continue; // follows from its gate
      Object.assign(one, { chosen: new Set(options), confirmed: true });
      for (const option of options) {
        const reason = own(own(saved.reasons, name), option);
        if (one.reasons.has(option)) one.reasons.set(option, { ...emptyReason(), ...reason });
      }
    }
    kept.notes = saved.notes || "";
  }

  // A quote as it stands in an article, but for white space; null where no article has it.
  function inArticle(words) {
    const parts = words.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "").split(/\s+/).filter(Boolean);
    if (!parts.length) return null;
    const escaped = parts.map((p) => p.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("\ufffd", "[^]"));
    const wanted = new RegExp(escaped.join("\\s+"), "u");
    for (const article of articles) {
      const found = wanted.exec(article.text);
      if (found) return found[0];
    }
    return null;
  }

  // ---- what is kept in this window

  const where = `classifier-correcting ${report.incident.id} ${report.incident.articles.map((a) => a.sha256).join(" ")}`;

  function stored(key, value) {
    try {
      if (value === undefined) return sessionStorage.getItem(key);
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    } catch { /* a browser may forbid it: then a reload forgets */ }
    return null;
  }

  function draft() {
    const plain = [...state].map(([name, one]) => [
      name,
      { ...one, chosen: one.chosen && [...one.chosen], reasons: [...one.reasons] },
    ]);
    return JSON.stringify({ ...kept, plain });
  }

  function restored() {
    try {
      const draft = JSON.parse(stored(where));
      if (!draft) return false;
      for (const [name, one] of draft.plain) {
        if (!state.has(name)) continue;
        const reasons = new Map([...state.get(name).reasons, ...one.reasons]);
        state.set(name, { ...one, chosen: one.chosen && new Set(one.chosen), reasons });
      }
      Object.assign(kept, { etag: draft.etag, dirty: draft.dirty, notes: draft.notes });
      return true;
    } catch {
      return false;
    }
  }

  function touched() {
    kept.dirty = true;
    stored(where, draft());
    tell.changed();
  }

  return {
    UNKNOWN, NONE, categories, state, kept, where,
    restart, open, answer, settled, change, choose, confirm, confirmAll, count,
    gold, take, inArticle, stored, draft, restored, touched,
  };
};
