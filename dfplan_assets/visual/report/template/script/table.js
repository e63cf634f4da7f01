// All views as a table: sorted by any figure, filtered by state, group and name.

const ALL_COLUMNS = [
  { key: "name", label: "View", value: (view) => view.name, cell: (view) => linkTo(view.name) },
  { key: "group", label: "Group", value: (view) => view.group, cell: (view) => view.group },
  { key: "state", label: "State", value: (view) => STATES.indexOf(view.state), cell: (view) => badge(view.state) },
  { key: "cost", label: "Seconds", number: true, value: costOf, cell: (view) => `${view.measured || costOf(view) === null ? "" : "≈ "}${seconds(costOf(view))}` },
  { key: "rows", label: "Rows", number: true, value: (view) => view.rows, cell: (view) => count(view.rows) },
  { key: "bytes", label: "Bytes", number: true, value: (view) => view.bytes, cell: (view) => bytes(view.bytes) },
  { key: "spilled", label: "Spilled", number: true, value: (view) => view.measured && view.measured.spilled_bytes, cell: (view) => bytes(view.measured && view.measured.spilled_bytes) },
  { key: "slack", label: "Slack", number: true, value: slackOf, cell: (view) => seconds(slackOf(view)) },
  { key: "priority", label: "Priority", number: true, value: (view) => view.expected && view.expected.priority, cell: (view) => count(view.expected && view.expected.priority) },
  { key: "readers", label: "Readers", number: true, value: (view) => readersOf(view.name).length, cell: (view) => count(readersOf(view.name).length) },
];

// A column that is empty for every view says nothing.
const COLUMNS = ALL_COLUMNS.filter((column) => column.key !== "group" || DATA.groups.some(Boolean));

function slackOf(view) {
  return view.expected && REPORT.next_run.measured ? view.expected.slack_seconds : null;
}

const SORTED = { key: "cost", up: false };
const ROWS_AT_ONCE = 120;

function viewsPage(route) {
  const filter = { text: "", state: route.state || "", group: route.group || "" };
  const body = h("tbody", {});
  const rows = new Map();
  let asked = 0;
  const counted = h("span", { class: "counted", "aria-live": "polite" });
  const heads = COLUMNS.map((column) => {
    const button = h("button", { type: "button", "data-sort": column.key }, column.label, h("span", { class: "arrow", "aria-hidden": "true" }));
    button.addEventListener("click", () => {
      const first = column.number ? false : true;
      SORTED.up = SORTED.key === column.key ? !SORTED.up : first;
      SORTED.key = column.key;
      fill();
    });
    return h("th", { scope: "col", class: column.number ? "number" : "" }, button);
  });

  const rowOf = (view) => {
    if (!rows.has(view)) {
      rows.set(view, h("tr", { "data-view": view.name }, COLUMNS.map((each) => h("td", { class: each.number ? "number" : "", "data-label": each.label }, each.cell(view)))));
    }
    return rows.get(view);
  };

  // The first rows at once, the others behind them: a thousand take longer to lay out than a click may.
  function append(views, turn) {
    if (turn !== asked) return;
    body.append(...views.slice(0, ROWS_AT_ONCE).map(rowOf));
    if (views.length > ROWS_AT_ONCE) setTimeout(() => append(views.slice(ROWS_AT_ONCE), turn), 30);
    else body.dataset.whole = "";
  }

  function fill() {
    delete body.dataset.whole;
    const column = COLUMNS.find((each) => each.key === SORTED.key);
    const shown = REPORT.views.filter((view) =>
      (!filter.state || view.state === filter.state || (filter.state === "failed" && view.state === "not planned")) &&
      (!filter.group || view.group === filter.group) && view.name.toLowerCase().includes(filter.text.toLowerCase()));
    const keyed = shown.map((view, place) => [column.value(view), place, view]);
    // What is not known stands last, whatever the direction.
    keyed.sort(([a, first], [b, second]) => {
      const missing = (a === null || a === undefined) - (b === null || b === undefined);
      return missing || (a < b ? -1 : a > b ? 1 : 0) * (SORTED.up ? 1 : -1) || first - second;
    });
    body.replaceChildren();
    append(keyed.map(([, , view]) => view), ++asked);
    heads.forEach((head, place) => {
      if (COLUMNS[place].key === SORTED.key) head.setAttribute("aria-sort", SORTED.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    counted.textContent = shown.length === REPORT.views.length ? plural(shown.length, "view") : `${count(shown.length)} of ${plural(REPORT.views.length, "view")}`;
  }

  const choice = (label, key, values) => h("select", { "aria-label": label, "data-filter": key, onchange: (event) => { filter[key] = event.target.value; fill(); } },
    h("option", { value: "" }, label), values.map((value) => h("option", { value, selected: value === filter[key] }, value || "no group")));
  const states = STATES.filter((state) => REPORT.views.some((view) => view.state === state) || state === filter.state);
  fill();
  return {
    title: "Views",
    element: h("div", { class: "page wide", "data-page": "views" },
      h("div", { class: "heading" }, h("h1", {}, "Views")),
      h("div", { class: "filters" },
        h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter by name", "data-filter": "text", oninput: (event) => { filter.text = event.target.value; fill(); } }),
        choice("Every state", "state", states), DATA.groups.length > 1 ? choice("Every group", "group", DATA.groups.filter(Boolean)) : null, counted),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of views" },
        h("table", { class: "views" }, h("thead", {}, h("tr", {}, heads)), body)),
      note("Seconds are those of the last successful run (≈: as expected), rows and bytes those of the published result. Slack is how much later a view could start without making the run longer.")),
  };
}

function graphPage(route) {
  const graph = new Graph({ wheel: true, focus: route.focus });
  return {
    title: "Graph",
    element: h("div", { class: "page full", "data-page": "graph" },
      h("h1", { class: "unseen" }, "Graph"),
      REPORT.views.length ? graph.element : note("There is no view yet.")),
    close: () => graph.close(),
  };
}
