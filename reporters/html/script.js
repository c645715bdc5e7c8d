"use strict";
(() => {
  const form = document.getElementById("filters");
  const checks = [...document.querySelectorAll("details.check")];
  const groups = [...document.querySelectorAll("section.group")];

  let clear = () => {};

  // Opens what a link points into, and brings it back if a filter hides it.
  const reveal = (hash) => {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(hash.slice(1)));
    } catch {
      return; // a hash that is no valid encoding points nowhere
    }
    if (!target) return;
    if (target.closest("[hidden]")) clear();
    for (let e = target; e; e = e.parentElement) {
      if (e instanceof HTMLDetailsElement) e.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", () => reveal(location.hash));
  // On the click as well: a second click on the same link changes no hash.
  addEventListener("click", (e) => {
    const a = e.target instanceof Element && e.target.closest("a[href^='#']");
    if (a) reveal(a.hash);
  });

  if (!form) {
    reveal(location.hash);
    return;
  }
  form.hidden = false;
  const shown = document.getElementById("shown");
  const note = document.getElementById("filtered-note");
  const nothing = document.getElementById("nothing");
  const words = checks.map((c) => c.textContent.toLowerCase());

  const apply = () => {
    const data = new FormData(form);
    const outcomes = data.getAll("outcome");
    const area = data.get("area");
    const level = data.get("level");
    const terms = data.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    checks.forEach((c, i) => {
      const d = c.dataset;
      const fits =
        (outcomes.length === 0 || outcomes.includes(d.outcome)) &&
        (area === "" || d.area === area) &&
        (level === "" || d.levels.split(" ").includes(level)) &&
        terms.every((t) => words[i].includes(t));
      c.hidden = !fits;
      if (fits) n++;
    });
    for (const g of groups) {
      g.hidden = !g.querySelector("details.check:not([hidden])");
    }
    const text = n === checks.length ? `All ${n} checks` : `${n} of ${checks.length} checks`;
    shown.textContent = text;
    nothing.hidden = n > 0;
    note.hidden = n === checks.length;
    note.textContent = `Filtered view: ${text}. The verdict and the figures above are of all checks.`;
  };

  clear = () => {
    form.reset();
    apply();
  };
  form.addEventListener("input", apply);
  document.getElementById("clear").addEventListener("click", () => clear());
  form.addEventListener("submit", (e) => e.preventDefault());
  const all = (open) => {
    for (const c of checks) if (!c.hidden) c.open = open;
  };
  document.getElementById("expand").addEventListener("click", () => all(true));
  document.getElementById("collapse").addEventListener("click", () => all(false));

  // Browsers that cannot open <details> in a print style sheet get it done here.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details[data-open]:not([open]), details.cited:not([open])")];
    for (const d of closed) d.open = true;
  });
  addEventListener("afterprint", () => {
    for (const d of closed) d.open = false;
  });

  apply();
  reveal(location.hash);
})();
