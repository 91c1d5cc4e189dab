// The part of the page where a person corrects the report and saves that as gold.
(() => {
  "use strict";
  const root = document.getElementById("correcting");
  const block = document.getElementById("report-data");
  if (!root || !block) return;

  const data = JSON.parse(block.textContent);
  const { report, taxonomy, articles } = data;
  const remote = data.correcting;
  const WHO = "classifier-annotator";
  const {
    UNKNOWN, NONE, categories, state, kept, where,
    restart, open, answer, settled, change, choose, confirm, confirmAll, count,
    gold, take, inArticle, stored, draft, restored, touched,
  } = correctable(data, { changed: () => show(), say: (text) => say(text) });

  window.addEventListener("beforeunload", (event) => {
    if (kept.dirty) event.preventDefault();
  });


  function make(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const button = (text, act, more = {}, about = "") => {
    const hidden = about ? [make("span", { className: "c-only-read" }, ` ${about}`)] : [];
    return make("button", { type: "button", onclick: act, ...more }, text, ...hidden);
  };

  const shows = []; // each brings a part of the page up to date
  const show = () => shows.forEach((one) => one());

  const status = make("p", { role: "status" });
  const say = (text) => { status.textContent = text; };

  function categoryPart(category) {
    const body = make("div", { id: `correct-${category.name}`, hidden: true }, choices(category));
    const said = make("span", { className: "c-answer" });
    const told = make("span", { className: "c-state" });
    const changing = button("Change", () => unfold(changing, body), { "aria-controls": body.id, "aria-expanded": "false" }, category.label);
    const word = make("span");
    const confirming = button(word, () => confirm(category.name, !state.get(category.name).confirmed), {}, category.label);
    const head = make("div", { className: "c-row" }, make("h3", {}, category.label), said, make("div", { className: "c-acts" }, told, changing, confirming));
    const part = make("div", { className: "c-category" }, head, body);
    part.dataset.correcting = category.name;
    if (remote) jump(category, changing, body);
    shows.push(() => {
      const now = answer(category.name);
      const done = settled(category.name);
      const { changed, confirmed } = state.get(category.name);
      said.textContent = inWords(category, now);
      told.textContent = done ? "confirmed" : changed ? "changed, not confirmed" : now === undefined ? "" : "suggested";
      part.classList.toggle("c-confirmed", done);
      part.classList.toggle("c-changed", !done && changed);
      word.textContent = confirmed && done ? "Take back" : "Confirm";
      confirming.hidden = open(category.name) !== true;
      confirming.disabled = now === undefined;
    });
    return part;
  }

  function unfold(control, body) {
    body.hidden = !body.hidden;
    control.setAttribute("aria-expanded", String(!body.hidden));
  }

  // From the report's own row of a category to where it is corrected.
  function jump(category, control, body) {
    const row = [...document.querySelectorAll("tr[data-category]")].find((r) => r.dataset.category === category.name);
    if (!row) return;
    const go = () => {
      root.open = true;
      if (body.hidden) unfold(control, body);
      control.focus({ preventScroll: true });
      control.scrollIntoView({ block: "start" });
    };
    row.querySelector(".chosen").append(button("Correct", go, { className: "c-jump" }, category.label));
  }

  function inWords(category, now) {
    const { gate } = category;
    if (now === undefined) return gate && open(category.name) === undefined ? `waits for ${categories.get(gate.category).label}` : "no answer yet";
    if (now === null) return `does not apply: asked only where ${categories.get(gate.category).label} is ${gate.option}`;
    return now.join(", ") || `not ${category.options[0].name}`;
  }

  function choices(category) {
    const fields = make("fieldset", {}, make("legend", {}, category.question));
    for (const option of category.options) fields.append(choice(category, option.name, option.name, option.definition));
    if (category.select === "boolean") {
      const { opposite } = category;
      fields.append(choice(category, NONE, `not ${category.options[0].name}`, opposite ? opposite.definition : ""));
    }
    fields.append(choice(category, UNKNOWN, UNKNOWN, taxonomy.unknown));
    shows.push(() => { fields.disabled = open(category.name) !== true; });
    return fields;
  }

  function choice(category, value, text, definition) {
    const type = category.select === "any" ? "checkbox" : "radio";
    const input = make("input", { type, name: `correct ${category.name}`, value, onchange: () => choose(category.name, value, input.checked) });
    const words = make("span", {}, text, make("span", { className: "c-definition" }, definition));
    const part = make("div", { className: "c-option" }, make("label", {}, input, words));
    if (value !== NONE) part.append(reasonPart(category, value));
    shows.push(() => {
      const { chosen } = state.get(category.name);
      input.checked = chosen !== null && (value === NONE ? !chosen.size : chosen.has(value));
    });
    return part;
  }

  function reasonPart(category, option) {
    const about = `for ${option}`;
    const reason = () => state.get(category.name).reasons.get(option);
    const text = make("textarea", { dir: "auto", oninput: () => change(category.name, () => { reason().rationale = text.value; }) });
    const list = make("ul", { className: "c-quotes" });
    const add = (quote) => change(category.name, () => { reason().quotes = [...new Set([...reason().quotes, quote])]; });
    const drop = (quote) => change(category.name, () => { reason().quotes = reason().quotes.filter((q) => q !== quote); });
    const part = make("div", { className: "c-reason" }, make("label", {}, `Rationale ${about}`, text), list, adding(about, add));
    let drawn = null;
    shows.push(() => {
      const { chosen } = state.get(category.name);
      part.hidden = !(chosen && chosen.has(option));
      if (text.value !== reason().rationale) text.value = reason().rationale;
      if (drawn !== reason().quotes) list.replaceChildren(...reason().quotes.map((quote) => quoteItem(quote, drop)));
      drawn = reason().quotes;
    });
    return part;
  }

  function quoteItem(quote, drop) {
    return make("li", {}, make("q", { dir: "auto" }, quote), button("Remove", () => drop(quote), {}, `the quote ${quote.slice(0, 60)}`));
  }

  function adding(about, add) {
    const typed = make("input", { type: "text", className: "c-paste", dir: "auto", "aria-label": `A quote ${about}, typed or pasted`, placeholder: "or type or paste a quote" });
    const use = (words) => {
      const quote = inArticle(words);
      if (quote === null) return void say(words.trim() ? "No article has these words, one after the other. Copy them exactly." : "Select words in an article first.");
      add(quote);
      typed.value = "";
      say("Quote added.");
    };
    typed.onkeydown = (event) => { if (event.key === "Enter") { event.preventDefault(); use(typed.value); } };
    return make("div", { className: "c-row" },
      button("Use selection as quote", () => use(selected), {}, about), typed, button("Add", () => use(typed.value), {}, `the quote ${about}`));
  }

  // The last words that were selected outside of this part: a click on a button may unselect them.
  let selected = "";
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed || root.contains(selection.anchorNode)) return;
    selected = plainText(selection.getRangeAt(0));
  });

  function plainText(range) {
    const copy = range.cloneContents();
    for (const extra of copy.querySelectorAll("[data-not-text], button, .c-only-read")) extra.remove();
    return copy.textContent;
  }

  // ---- saving

  const who = make("input", { type: "text", id: "correct-annotator", autocomplete: "name", required: true, maxLength: 100, dir: "auto" });
  const annotator = () => who.value.normalize("NFC").trim().replace(/\s+/g, " ");
  const problem = make("div", { className: "c-problem", hidden: true, role: "alert", tabIndex: -1 });
  const around = make("ul", { className: "c-around" });

  function trouble(lines, ...actions) {
    problem.replaceChildren(...lines.map((line) => make("p", {}, line)), make("div", { className: "c-row" }, ...actions));
    problem.hidden = false;
  }

  function ready() {
    problem.hidden = true;
    if (!annotator()) {
      say("Give your name first: gold says who labelled it.");
      who.focus();
      return false;
    }
    if ([...categories.keys()].some(settled)) return true;
    say("Nothing is confirmed yet. Confirm at least one category: only that becomes gold.");
    return false;
  }

  function download() {
    if (!ready()) return;
    const text = `${JSON.stringify(gold(annotator()), null, 2)}\n`;
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href: url, download: `${fileName()}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    if (!remote) kept.dirty = false;
    stored(where, draft());
    say(`Downloaded. ${count()}`);
  }

  const fileName = () => report.incident.id.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 80) || "incident";

  async function send() {
    if (!ready()) return;
    const sent = draft();
    const body = JSON.stringify(gold(annotator()));
    const replaced = kept.etag ? { "If-Match": `"${kept.etag}"` } : { "If-None-Match": "*" };
    const headers = { "Content-Type": "application/json", "X-Review-Token": remote.token, ...replaced };
    const [code, told] = await asked(remote.save_url, { method: "POST", headers, body });
    if (code === 200) return saved(told, sent);
    const errors = [].concat(told.errors || "The server does not answer as it should.");
    const keep = button("Download instead", download);
    if (code !== 409) return trouble(["Nothing was saved.", ...errors], keep);
    const over = button("Save mine over it", () => { kept.etag = told.etag; send(); });
    trouble(errors, button("Show what is saved instead of mine", () => fetchSaved(true)), over, keep);
  }

  function saved(told, sent) {
    const same = draft() === sent;
    kept.etag = told.etag;
    kept.dirty = !same;
    stored(where, same ? null : draft());
    say(`Saved ${told.labels} of ${categories.size} categories as ${annotator()}. ${(told.remarks || []).join(" ")}`);
  }

  async function asked(url, options = {}) {
    try {
      const reply = await fetch(url, { credentials: "same-origin", ...options });
      const json = (reply.headers.get("Content-Type") || "").startsWith("application/json");
      return [reply.status, json ? await reply.json() : {}];
    } catch {
      return [0, { errors: ["The server cannot be reached: is `classifier review` still running?"] }];
    }
  }

  // What this annotator saved before: taken over where nothing would be lost, else offered.
  async function fetchSaved(always = false) {
    const [code, told] = await asked(`${remote.save_url}?annotator=${encodeURIComponent(annotator())}`);
    if (code !== 200) return trouble([].concat(told.errors || "The server does not answer as it should."));
    neighbours(told);
    if (told.gold && kept.dirty && !always) {
      if (told.etag !== kept.etag) trouble(["You have saved this incident before."], button("Show what is saved instead of mine", () => fetchSaved(true)));
      return;
    }
    if (kept.dirty && !always) return;
    restart();
    if (told.gold) take(told.gold);
    kept.etag = told.etag || null;
    kept.dirty = false;
    problem.hidden = true;
    stored(where, null);
    show();
    if (told.gold) say(`This is what ${annotator()} saved. ${count()}`);
  }

  function neighbours(told) {
    const link = (text, href) => (href ? [make("li", {}, make("a", { href }, text))] : []);
    around.replaceChildren(
      ...link("All incidents", told.list), make("li", {}, `${told.number} of ${told.of}`), ...link("Previous", told.previous), ...link("Next", told.next));
  }

  // ---- the beginning

  function field(label, input, id) {
    input.id = id;
    return make("div", { className: "c-field" }, make("label", { htmlFor: id }, label), input);
  }

  function build() {
    const remark = make("textarea", { dir: "auto", oninput: () => { kept.notes = remark.value; touched(); } });
    shows.push(() => { if (remark.value !== kept.notes) remark.value = kept.notes; });
    const counted = make("p", { className: "c-count" });
    shows.push(() => { counted.textContent = count(); });
    const save = remote
      ? [button("Save as gold", send, { className: "c-main" }), button("Download", download)]
      : [button("Save as gold", download, { className: "c-main" })];
    root.append(
      make("p", {}, "What the model answered is shown as a suggestion. Change what is wrong, and confirm what is right: only what you confirm becomes gold."),
      field("Your name", who, "correct-annotator"),
      ...[...categories.values()].map(categoryPart),
      field("Notes, such as doubts", remark, "correct-notes"),
      make("div", { className: "c-bar" }, counted, problem, status,
        make("div", { className: "c-row" }, button("Confirm all as shown", confirmAll), ...save)));
  }

  function begin() {
    root.hidden = false;
    root.open = Boolean(remote);
    if (remote) document.getElementById("report").prepend(make("nav", { className: "correcting", "aria-label": "Review" }, around));
    const listed = report.incident.articles.length;
    if (!listed || articles.length < listed) {
      const why = listed ? "not all texts of this incident are at hand" : "this report lists none";
      root.append(make("p", {}, `Gold holds the articles, and ${why}: it cannot be corrected here.`));
      if (remote) asked(remote.save_url).then(([code, told]) => { if (code === 200) neighbours(told); });
      return;
    }
    restart();
    build();
    who.value = (remote && remote.annotator) || stored(WHO) || "";
    who.readOnly = Boolean(remote && remote.annotator);
    who.onchange = () => {
      stored(WHO, annotator());
      kept.etag = null; // it was of what another one saved
      if (remote && annotator()) fetchSaved();
    };
    const back = restored();
    show();
    if (back && kept.dirty) {
      say("What you had not saved in this window is here again. ");
      status.append(button("Begin anew", () => { stored(where, null); kept.dirty = false; location.reload(); }));
    }
    if (remote) fetchSaved();
  }

  begin();
})();
