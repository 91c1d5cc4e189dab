"use strict";
// A claim is followed to its quotes, and back; a mark to the claims that rest on it.
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const quotesOf = (element) => element.dataset.quotes.split(" ");
  const marks = all("mark[data-quotes]");
  const claims = all("a.claim[data-quotes]");
  const said = document.getElementById("said");
  const steps = document.querySelector(".steps");
  const back = document.querySelector(".back");
  let followed = null;
  let stops = [];
  let at = 0;

  const unfold = (target) => {
    for (let up = target; up; up = up.parentElement) {
      if (up instanceof HTMLDetailsElement) up.open = true;
    }
  };

  const clear = () => {
    for (const element of all(".on, .at")) element.classList.remove("on", "at");
  };

  const go = (target) => {
    unfold(target);
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "center" });
  };

  const stop = (number) => {
    at = (number + stops.length) % stops.length;
    for (const mark of marks) mark.classList.remove("at");
    for (const mark of marks) {
      if (quotesOf(mark).includes(stops[at].quote)) mark.classList.add("at");
    }
    go(stops[at].mark);
  };

  const follow = (link) => {
    const wanted = quotesOf(link);
    clear();
    for (const mark of marks) {
      if (quotesOf(mark).some((quote) => wanted.includes(quote))) mark.classList.add("on");
    }
    stops = wanted
      .map((quote) => ({ quote, mark: marks.find((mark) => quotesOf(mark).includes(quote)) }))
      .filter((one) => one.mark);
    followed = link;
    (link.closest("[data-claim], .chip") ?? link).classList.add("on");
    said.textContent = link.dataset.said;
    steps.hidden = false;
    for (const button of all("button", steps)) button.hidden = stops.length < 2;
    stop(0);
  };

  const goBack = () => {
    if (followed) go(followed);
  };

  const trace = (mark) => {
    const quotes = quotesOf(mark);
    const resting = claims.filter((link) => quotesOf(link).some((quote) => quotes.includes(quote)));
    const holders = new Set(resting.map((link) => link.closest("[data-claim]")).filter(Boolean));
    clear();
    mark.classList.add("on", "at");
    for (const holder of holders) holder.classList.add("on");
    said.textContent = `${holders.size} ${holders.size === 1 ? "claim rests" : "claims rest"} on this passage.`;
    followed = resting.find((link) => link.closest("[data-claim]")) ?? null;
    steps.hidden = false;
    for (const button of all("button", steps)) button.hidden = true;
    if (followed) followed.closest("[data-claim]").scrollIntoView({ block: "center" });
  };

  const selecting = () => !getSelection().isCollapsed;

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a.claim[data-quotes]");
    if (link) {
      event.preventDefault();
      follow(link);
    } else if (selecting() || event.target.closest("a, button, summary, input, textarea, select, label")) {
      return;
    } else if (event.target.closest("mark[data-quotes]")) {
      trace(event.target.closest("mark[data-quotes]"));
    } else {
      const handle = event.target.closest("[data-claim]")?.querySelector("a.claim[data-quotes]");
      if (handle) follow(event.target.closest("[data-claim]").querySelector("a.count") ?? handle);
    }
  });

  for (const button of all("[data-step]")) {
    button.addEventListener("click", () => stop(at + Number(button.dataset.step)));
  }
  back.addEventListener("click", (event) => {
    event.preventDefault();
    goBack();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && followed && event.target.closest(".texts")) goBack();
  });

  // Links to what is folded: unfold it.
  const arrive = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target) unfold(target);
  };
  addEventListener("hashchange", arrive);
  arrive();

  // Paper cannot unfold anything.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all("details:not([open], .asked)");
    unfolded.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((part) => { part.open = false; }));
})();
