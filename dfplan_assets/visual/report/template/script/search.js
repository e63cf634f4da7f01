// Search: type and jump. Finds views, tables, columns, descriptions and lines of SQL; the nearest match first.

const SHOWN = 40;
const KINDS = { view: "View", table: "Table", column: "Column", description: "Description", sql: "SQL" };

const ENTRIES = [];
for (const view of REPORT.views) {
  ENTRIES.push({ kind: "view", name: view.name, text: view.name.toLowerCase(), hash: viewLink(view.name) });
  for (const column of view.columns) {
    ENTRIES.push({ kind: "column", name: view.name, column: column.name, text: column.name.toLowerCase(), hash: viewLink(view.name, column.name) });
  }
  if (view.description) ENTRIES.push({ kind: "description", name: view.name, said: view.description, text: view.description.toLowerCase(), hash: viewLink(view.name) });
  ENTRIES.push({ kind: "sql", name: view.name, said: view.sql, text: view.sql.toLowerCase(), hash: `${viewLink(view.name)}&section=sql` });
}
for (const source of REPORT.sources) {
  ENTRIES.push({ kind: "table", name: source.name, text: source.name.toLowerCase(), hash: viewLink(source.name) });
  for (const [column] of source.columns) {
    ENTRIES.push({ kind: "column", name: source.name, column, text: column.toLowerCase(), hash: viewLink(source.name, column) });
  }
}

// A column may be asked for by its table too: core.sales amount, or sales.amount.
for (const entry of ENTRIES) entry.searched = entry.kind === "column" ? `${entry.name.toLowerCase()}.${entry.text}` : entry.text;

const RANK = { view: 0, table: 0, column: 2, description: 4, sql: 5 };

function found(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const whole = words.join(" ");
  const results = [];
  ENTRIES.forEach((entry, place) => {
    if (!words.every((word) => entry.searched.includes(word))) return;
    if (entry.kind === "column" && !words.some((word) => entry.text.includes(word.slice(word.lastIndexOf(".") + 1)))) return;
    let rank = RANK[entry.kind];
    if (entry.text !== whole) rank += entry.text.startsWith(whole) ? 0.25 : entry.kind === "sql" ? 0.5 : 1;
    results.push({ entry, rank, place });
  });
  results.sort((a, b) => a.rank - b.rank || a.place - b.place);
  return results.map((result) => result.entry);
}

// A text with the words that were asked for marked.
function marked(text, words) {
  const lower = text.toLowerCase();
  const parts = [];
  let at = 0;
  while (at < text.length) {
    let first = -1;
    let length = 0;
    for (const word of words) {
      const here = lower.indexOf(word, at);
      if (here >= 0 && (first < 0 || here < first || (here === first && word.length > length))) [first, length] = [here, word.length];
    }
    if (first < 0) break;
    parts.push(text.slice(at, first), h("mark", {}, text.slice(first, first + length)));
    at = first + length;
  }
  parts.push(text.slice(at));
  return parts;
}

// The line of a text in which the first word stands.
function lineWith(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word));
  const start = text.lastIndexOf("\n", at) + 1;
  const end = text.indexOf("\n", at);
  const whole = text.slice(start, end < 0 ? undefined : end);
  const from = Math.max(0, at - start - 50);
  return (from ? "…" : "") + line(whole.slice(from), 130);
}

class Search {
  constructor() {
    this.input = document.getElementById("search");
    this.list = document.getElementById("search-results");
    this.active = -1;
    this.input.addEventListener("input", () => this.show());
    this.input.addEventListener("focus", () => this.show());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.open(option);
    });
    document.addEventListener("pointerdown", (event) => { if (!event.target.closest(".search")) this.close(); });
    document.addEventListener("keydown", (event) => {
      const typing = /^(?:input|select|textarea)$/i.test(event.target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        this.input.focus();
        this.input.select();
      }
    });
  }

  show() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) { this.close(); return; }
    const results = found(this.input.value);
    const options = results.slice(0, SHOWN).map((entry, place) => this.option(entry, place, words));
    const more = results.length - options.length;
    const notes = results.length
      ? more > 0 ? [h("p", { class: "more-found" }, `${count(more)} more; type more of it`)] : []
      : [h("p", { class: "more-found" }, "Nothing is called so, and no query or description holds it.")];
    this.list.replaceChildren(...options, ...notes);
    this.list.hidden = false;
    this.list.dataset.found = String(results.length);
    this.input.setAttribute("aria-expanded", "true");
    this.activate(options.length ? 0 : -1);
  }

  option(entry, place, words) {
    const name = entry.kind === "column"
      ? [h("span", { class: "of" }, `${entry.name}.`), marked(entry.column, words.map((word) => word.slice(word.lastIndexOf(".") + 1)).filter(Boolean))]
      : entry.said === undefined ? marked(entry.name, words) : [entry.name];
    const view = DATA.views.get(entry.name);
    let said = "";
    if (entry.said !== undefined) said = marked(lineWith(entry.said, words[0]), words);
    else if (entry.kind === "view") said = line(view.description || view.group, 110);
    else if (entry.kind === "table") said = line(DATA.sources.get(entry.name).path, 110);
    return h("div", { role: "option", id: `found-${place}`, class: "result", "data-kind": entry.kind, "data-name": entry.name, "data-column": entry.column, "data-hash": entry.hash, "aria-selected": "false" },
      h("span", { class: "kind" }, KINDS[entry.kind]), h("span", { class: "result-name" }, name), h("span", { class: "result-said" }, said));
  }

  activate(place) {
    const options = this.list.querySelectorAll("[role=option]");
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    this.active = place;
    if (place >= 0) {
      this.input.setAttribute("aria-activedescendant", `found-${place}`);
      options[place].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const options = this.list.querySelectorAll("[role=option]");
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps && options.length) {
      this.activate(Math.min(options.length - 1, Math.max(0, this.active + steps[event.key])));
    } else if (event.key === "Enter" && this.active >= 0 && !this.list.hidden) this.open(options[this.active]);
    else if (event.key === "Escape") {
      if (this.list.hidden) { this.input.value = ""; this.input.blur(); }
      this.close();
    } else return;
    event.preventDefault();
  }

  open(option) {
    location.hash = option.dataset.hash;
    this.close();
    this.input.blur();
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
