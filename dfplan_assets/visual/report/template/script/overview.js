// The overview: how the project stands, where its time goes, what needs a look.

const COSTLIEST_SHOWN = 10;
const ATTENTION_SHOWN = 12;

function overviewPage() {
  const graph = new Graph({ wheel: false });
  const element = h("div", { class: "page", "data-page": "overview" },
    h("div", { class: "heading" },
      h("h1", {}, REPORT.project),
      h("p", { class: "lead" }, sizeWords()),
      h("p", { class: "made" }, `Written ${moment(REPORT.made_at)} by dfplan ${REPORT.version}`)),
    REPORT.notes.map((text) => h("p", { class: "notice" }, text)),
    tiles(),
    attention(),
    h("div", { class: "columns" }, whereTheTimeGoes(), criticalPath()),
    section("graph-preview", "Graph", REPORT.views.length ? graph.element : note("There is no view yet."),
      note("Drag to move, Ctrl and the wheel to zoom, click a table to open it.")),
    lastRun());
  return { title: REPORT.project, element, close: () => graph.close() };
}

function sizeWords() {
  const groups = DATA.groups.filter(Boolean).length;
  return [
    plural(REPORT.views.length, "view"), groups ? ` in ${plural(groups, "group")}` : "",
    ` over ${plural(REPORT.sources.length, "table")} from outside`,
  ].join("");
}

function inState(...states) {
  return REPORT.views.filter((view) => states.includes(view.state));
}

function tile(label, value, words, style, hash) {
  const inside = [h("span", { class: "tile-label" }, label), h("strong", { class: style || "" }, value), h("span", { class: "tile-words" }, words)];
  return hash ? h("a", { class: "tile", href: hash, "data-tile": label }, inside) : h("div", { class: "tile", "data-tile": label }, inside);
}

function tiles() {
  const run = REPORT.last_run;
  const failed = inState("failed", "not planned").length;
  const stale = inState("stale").length;
  const never = inState("never ran").length;
  const stored = REPORT.views.filter((view) => view.bytes !== null);
  const total = (figure) => stored.reduce((sum, view) => sum + figure(view), 0);
  const unknown = inState("unknown").length;
  return h("div", { class: "tiles" },
    tile("Last run", run ? (run.actual_seconds === null ? moment(run.started_at).slice(0, 10) : seconds(run.actual_seconds)) : "never",
      run ? `${moment(run.started_at)}: ${plural(run.succeeded, "view")} made${run.failed ? `, ${count(run.failed)} failed` : ""}` : "no view has run yet",
      ""),
    tile("Work", seconds(REPORT.work_seconds), "last success of each view, added up", "", "#views"),
    tile("Up to date", unknown ? NOTHING : count(inState("fresh").length), `of ${plural(REPORT.views.length - inState("inlined").length, "stored view")}`,
      !failed && !stale && !never && !unknown ? "good" : "", "#views&state=fresh"),
    tile("Stale", count(stale), never ? `and ${count(never)} never ran` : "views that would give another result", stale ? "stale" : "", "#views&state=stale"),
    tile("Failed", count(failed), failed ? "their last run failed, or they cannot be planned" : "none", failed ? "failed" : "", "#views&state=failed"),
    tile("Results", bytes(stored.length ? total((view) => view.bytes) : null), stored.length ? `${count(total((view) => view.rows))} rows` : "nothing published yet"));
}

// What failed, what cannot be planned, and what is stale for a reason of its own.
function attention() {
  const own = (view) => view.because.filter((reason) => !/^upstream .* is stale$/.test(reason));
  const urgent = inState("failed", "not planned");
  const changed = inState("stale").filter((view) => own(view).length);
  const never = inState("never ran");
  const behind = inState("stale").length - changed.length;
  const slower = REPORT.views.filter((view) => view.slower);
  const rows = [...urgent, ...changed, ...(never.length === REPORT.views.length ? [] : never)];
  const reason = (view) => {
    if (view.state === "failed" && view.latest && view.latest.failure) return view.latest.failure.split("\n")[0];
    return (own(view).length ? own(view) : view.because).join("; ");
  };
  // One damaged file can keep many views from being planned: what has the same reason is one entry.
  const entries = new Map();
  for (const view of rows) {
    const key = `${view.state} ${reason(view)}`;
    if (!entries.has(key)) entries.set(key, []);
    entries.get(key).push(view);
  }
  const item = (views) => h("li", {}, badge(views[0].state),
    h("div", {}, some(views.map((view) => linkTo(view.name)), 6), reason(views[0]) === views[0].state ? null : h("p", {}, line(reason(views[0]), 280))));
  const slow = (view) => h("li", { "data-slower": view.name }, h("span", { class: "badge stale" }, "slower"), h("div", {}, linkTo(view.name), h("p", {}, line(view.slower, 280))));
  // What a check found in another result, or by another rule, is not known to hold.
  const unmet = REPORT.views.flatMap((view) => view.checks.filter((check) => check.last && check.last.outcome !== "passed" && !check.last.but).map((check) => [view, check]));
  const check = ([view, each]) => h("li", { "data-unmet": each.name }, outcomeBadge(each),
    h("div", {}, h("a", { class: "name", href: `${viewLink(view.name)}&section=checks` }, `${view.name}: ${each.name}`), h("p", {}, line(each.last.said, 280))));
  const listed = [...[...entries.values()].map(item), ...unmet.map(check), ...slower.map(slow)];
  const list = h("ul", { class: "attention" }, listed.slice(0, ATTENTION_SHOWN));
  const hidden = listed.length - ATTENTION_SHOWN;
  const lines = [];
  if (hidden > 0) {
    lines.push(h("button", { type: "button", class: "more", onclick: (event) => { list.append(...listed.slice(ATTENTION_SHOWN)); event.target.remove(); } }, `${count(hidden)} more`));
  }
  if (behind) lines.push(note(`${plural(behind, "view")} more ${behind === 1 ? "is" : "are"} stale only because something upstream is.`));
  if (never.length && never.length === REPORT.views.length) lines.push(note("No view has run yet: dfplan run makes them all."));
  if (!listed.length && !lines.length) {
    lines.push(note(inState("unknown").length ? "What is stale is not known." : REPORT.views.length ? "Nothing: every result is what running its view now would give." : "There is no view yet."));
  }
  return section("attention", "Needs a look", listed.length ? list : null, lines);
}

function whereTheTimeGoes() {
  const rows = REPORT.views.filter((view) => view.measured && view.measured.wall_seconds !== null)
    .sort((a, b) => b.measured.wall_seconds - a.measured.wall_seconds).slice(0, COSTLIEST_SHOWN)
    .map((view) => ({
      label: linkTo(view.name), value: view.measured.wall_seconds, style: DATA.critical.has(view.name) ? "critical" : "",
      words: [seconds(view.measured.wall_seconds), h("span", { class: "share" }, percent(REPORT.work_seconds ? view.measured.wall_seconds / REPORT.work_seconds : null))],
    }));
  return section("costs", "Where the time goes", rows.length ? barList(rows, "costliest") : note("No view has been measured yet."),
    rows.length ? h("p", { class: "note" }, h("a", { href: "#views" }, "All views")) : null);
}

function criticalPath() {
  const next = REPORT.next_run;
  if (!next || !next.critical_path.length) return section("critical", "Critical path", note("There is no view yet."));
  const steps = next.critical_path.map((name) => {
    const view = DATA.views.get(name);
    return h("li", {}, view ? linkTo(name) : name, next.measured && view && view.expected ? h("span", {}, seconds(view.expected.seconds)) : null);
  });
  const words = next.measured
    ? `A run of all views should take ${seconds(next.predicted_seconds)} on ${count(next.workers)} at once, and cannot take less than ${seconds(next.lower_bound_seconds)}. ` +
      `The longest path takes ${seconds(next.critical_path_seconds)}:`
    : "Nothing has been measured yet; by the graph alone, the longest path is:";
  const list = h("ol", { class: "path", id: "critical-path" }, steps.slice(0, 14));
  const more = steps.length > 14 ? h("button", { type: "button", class: "more", onclick: (event) => { list.append(...steps.slice(14)); event.target.remove(); } }, `${steps.length - 14} more steps`) : null;
  return section("critical", "Critical path", note(words), list, more);
}

function lastRun() {
  const [run, next] = [REPORT.last_run, REPORT.next_run];
  const parts = [];
  if (run && run.timeline) {
    const words = [];
    if (run.predicted_seconds !== null) words.push(`Predicted ${seconds(run.predicted_seconds)}, took ${seconds(run.actual_seconds)}.`);
    if (run.median_error !== null) words.push(`Half of the estimates were off by no more than a factor of ${run.median_error.toFixed(2)}.`);
    parts.push(section("last-run", "The last run", words.length ? note(words.join(" ")) : null, picture(run.timeline, "Timeline of the last run")));
  }
  if (next && next.measured) {
    parts.push(section("next-run", "The next run, if all views ran", picture(next.timeline, "Timeline of the next run"),
      next.notes.length ? h("ul", { class: "notes" }, next.notes.map((text) => h("li", {}, capital(text)))) : null));
  }
  return parts;
}
