// The page of one view, and that of a table from outside.

const OPERATORS_SHOWN = 12;

function viewPage(view, route) {
  const late = { plan: h("div", {}, note("…")), history: h("div", {}, note("…")) };
  const element = h("div", { class: "page", "data-page": "view", "data-view": view.name },
    viewHeading(view),
    viewTiles(view),
    becauseOf(view),
    view.partitions ? partitionSection(view.partitions) : null,
    h("div", { class: "columns flow" }, neighbours("upstream", "Reads", view.reads, upstreamOf(view.name)), neighbours("downstream", "Read by", readersOf(view.name), downstreamOf(view.name))),
    columnSection(view, route),
    checkSection(view),
    section("sql", "SQL", sqlText(view.sql), parameterList(view)),
    section("plan", "Plan", late.plan),
    section("history", "History", late.history),
    prediction(view));
  detailOf(view).then((detail) => {
    late.plan.replaceChildren(...planParts(view, detail));
    late.history.replaceChildren(...historyParts(view, detail));
    element.dataset.ready = "";
  }).catch((error) => {
    late.plan.replaceChildren(note(`The plan cannot be shown: ${error.message}`));
    late.history.replaceChildren(note(`The history cannot be shown: ${error.message}`));
    element.dataset.ready = "failed";
  });
  return { title: view.name, element };
}

// Why a view is not as it should be.
function becauseOf(view) {
  const failure = view.latest && view.latest.failure;
  const told = view.state === "failed" || view.state === "never ran" ? ["never ran", "its last run failed"] : [];
  const reasons = view.because.filter((reason) => !told.includes(reason));
  if (view.state === "inlined" || (!reasons.length && !failure)) return null;
  const title = failure ? "Its last run failed" : { "not planned": "It is not planned", "never ran": "It never ran" }[view.state] || `Why it is ${view.state}`;
  return h("div", { class: `because ${failure ? "failed" : view.state.replace(" ", "-")}`, id: "because" },
    h("h2", {}, title),
    failure ? h("pre", { class: "code failure", tabindex: 0 }, failure) : null,
    reasons.length ? h("ul", {}, reasons.map((reason) => h("li", {}, capital(reason)))) : null);
}

function viewHeading(view) {
  const facts = [
    view.group ? ["Group", h("a", { href: `#views&group=${encodeURIComponent(view.group)}` }, view.group)] : null,
    ["File", h("code", {}, view.file)],
    PLACED.has(view.name) ? ["Place", h("a", { href: `#graph&focus=${encodeURIComponent(view.name)}` }, "in the graph")] : null,
    view.owners.length ? ["Owners", view.owners.join(", ")] : null,
    view.partitions ? ["Partitions", view.partitions.title] : null,
    view.state === "inlined" ? ["Stored", `no, inlined ${view.because.join("; ")}`] : null,
    view.published_at ? ["Published", moment(view.published_at)] : null,
  ].filter(Boolean);
  return h("div", { class: "heading" },
    h("div", { class: "title" }, h("h1", {}, view.name), badge(view.state), DATA.critical.has(view.name) ? h("span", { class: "badge critical" }, "critical path") : null,
      view.tags.map(([key, value]) => h("span", { class: "tag" }, value ? `${key}: ${value}` : key))),
    view.description ? h("p", { class: "lead" }, view.description) : null,
    h("dl", { class: "facts" }, facts.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value)))));
}

function viewTiles(view) {
  const measured = view.measured || {};
  const cost = costOf(view);
  const share = cost !== null && REPORT.work_seconds ? `${percent(cost / REPORT.work_seconds)} of all work` : "";
  const tiles = [
    tile("Took", seconds(measured.wall_seconds), view.measured ? `${moment(measured.started_at)}${share ? `, ${share}` : ""}` : "it has not succeeded yet"),
    tile("Rows", count(view.rows), view.rows === null ? "nothing published" : "published"),
    tile("Bytes", bytes(view.bytes), measured.bytes_scanned === null || measured.bytes_scanned === undefined ? "" : `${bytes(measured.bytes_scanned)} scanned`),
    tile("Spilled", bytes(measured.spilled_bytes), "to disk, last time", measured.spilled_bytes ? "stale" : ""),
  ];
  if (view.expected && REPORT.next_run.measured) {
    tiles.push(tile("Slack", seconds(view.expected.slack_seconds), view.expected.critical ? "on the critical path" : "until it delays the run", view.expected.critical ? "critical" : ""));
  }
  return h("div", { class: "tiles" }, tiles);
}

function neighbours(id, title, names, all) {
  const beyond = all.size - names.length;
  return section(id, title,
    names.length ? h("ul", { class: "neighbours" }, names.map((name) => {
      const view = DATA.views.get(name);
      return h("li", {}, linkTo(name), h("span", {}, view ? nodeFigures(view) : "from outside"), view && view.state !== "fresh" ? badge(view.state) : null);
    })) : note(id === "upstream" ? "No table." : "No view."),
    beyond > 0 ? note(id === "upstream" ? `${plural(beyond, "more table", "more tables")} further up.` : `${plural(beyond, "more view", "more views")} further down.`) : null);
}

function partitionSection(partitions) {
  const rest = partitions.stale_count - partitions.stale.length;
  return section("partitions", "Partitions",
    note(`${count(partitions.published)} of ${plural(partitions.over, "partition")} published${partitions.stale_count ? `, ${count(partitions.stale_count)} stale` : ""}.`),
    partitions.stale.length ? h("ul", { class: "neighbours" }, partitions.stale.map(([key, because]) => h("li", { "data-partition": key }, h("strong", {}, key), h("span", {}, because)))) : null,
    rest > 0 ? note(`${count(rest)} more are stale.`) : null);
}

function columnSection(view, route) {
  if (!view.columns.length) return section("columns", "Columns", note("They are known once the view can be planned."));
  const users = usersOfColumns(view.name);
  const origins = (pairs, most) => (pairs.length ? some(pairs.map(([table, column]) => linkTo(table, column)), most) : "");
  const rows = view.columns.map((column) => {
    const used = users.get(column.name) || [];
    return h("tr", { "data-column": column.name, class: route.column === column.name ? "asked" : "" },
      h("td", { "data-label": "Column" }, h("strong", {}, column.name)),
      h("td", { "data-label": "Type", class: "type" }, column.type, column.nullable ? "" : h("span", { class: "tag" }, "not null")),
      h("td", { "data-label": "Values from" }, column.values_from.length ? origins(column.values_from, 5) : h("span", { class: "none" }, "no column"),
        column.decided_by.length ? h("div", { class: "decided" }, "decided by ", origins(column.decided_by, 4)) : null),
      h("td", { "data-label": "Flows into" }, used.length ? some(used.map(([table, name]) => linkTo(table, name)), 4) : h("span", { class: "none" }, NOTHING)));
  });
  return section("columns", `Columns`,
    view.rows_decided_by.length ? h("p", { class: "note" }, "Which rows there are is decided by ", some(view.rows_decided_by.map(([table, column]) => linkTo(table, column)), 8), ".") : null,
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Columns" },
      h("table", { class: "stacked", id: "column-table" }, h("thead", {}, h("tr", {}, ["Column", "Type", "Values from", "Flows into"].map((label) => h("th", { scope: "col" }, label)))), h("tbody", {}, rows))));
}

function parameterList(view) {
  if (!view.parameters.length && !view.functions.length) return null;
  return h("dl", { class: "facts" },
    view.parameters.map(([name, value]) => h("div", {}, h("dt", {}, `$${name}`), h("dd", {}, value === null ? "secret" : value))),
    view.functions.length ? h("div", {}, h("dt", {}, "Functions"), h("dd", {}, view.functions.join(", "))) : null);
}

function planParts(view, detail) {
  const parts = [];
  if (detail.problem) parts.push(h("p", { class: "notice" }, `What is stored of it cannot be read: ${detail.problem}`));
  if (detail.picture) parts.push(picture(detail.picture, `Plan of ${view.name}`));
  if (detail.timeline) parts.push(h("details", { id: "timeline" }, h("summary", {}, "When its operators ran"), picture(detail.timeline, `Timeline of ${view.name}`)));
  if (detail.operators.length) parts.push(operatorTable(detail.operators));
  else if (!detail.problem) parts.push(note(view.state === "inlined" ? "It has no run of its own: it is part of the plans of the views that read it." : "No run of it has succeeded yet, so only its query is planned."));
  if (detail.logical_plan) {
    parts.push(h("details", { id: "logical-plan", open: !detail.operators.length }, h("summary", {}, "The query as it is planned"), h("pre", { class: "code", tabindex: 0 }, detail.logical_plan)));
  }
  return parts;
}

function operatorTable(operators) {
  const body = h("tbody", {});
  const top = h("button", { type: "button", "aria-pressed": "true" }, "Costliest first");
  const tree = h("button", { type: "button", "aria-pressed": "false" }, "As a tree");
  const row = (each, indented) => h("tr", { "data-operator": each.number },
    h("td", { class: "number" }, each.seconds === null ? NOTHING : seconds(each.seconds)),
    h("td", { class: "number share-cell" }, h("span", { class: "meter", "aria-hidden": "true" }, h("span", { style: { width: `${100 * (each.share || 0)}%` } })), percent(each.share)),
    h("td", { class: "number" }, count(each.rows)),
    h("td", { class: "number" }, each.spilled_bytes ? h("strong", { class: "stale" }, bytes(each.spilled_bytes)) : ""),
    h("td", { class: "operator", style: { "--depth": indented ? each.depth : 0 } }, h("code", {}, each.display)));
  function fill(asTree) {
    top.setAttribute("aria-pressed", String(!asTree));
    tree.setAttribute("aria-pressed", String(asTree));
    const byTime = operators.filter((each) => each.seconds || each.spilled_bytes).sort((a, b) => b.seconds - a.seconds || a.number - b.number);
    const costly = byTime.filter((each, place) => place < OPERATORS_SHOWN || each.spilled_bytes);
    body.replaceChildren(...(asTree ? operators : costly).map((each) => row(each, asTree)));
  }
  top.addEventListener("click", () => fill(false));
  tree.addEventListener("click", () => fill(true));
  fill(false);
  return h("div", { id: "operators" },
    h("div", { class: "together switch", role: "group", "aria-label": "Order of operators" }, top, tree),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Operators" },
      h("table", { class: "operators" }, h("thead", {}, h("tr", {}, [["Own time", 1], ["Share", 1], ["Rows", 1], ["Spilled", 1], ["Operator", 0]].map(([label, number]) => h("th", { scope: "col", class: number ? "number" : "" }, label)))), body)));
}

function historyParts(view, detail) {
  const runs = detail.runs;
  if (!runs.length) return [note(view.state === "inlined" ? "It is not stored, so it has no runs of its own." : "It has not run yet.")];
  const succeeded = runs.some((run) => run.status === "succeeded");
  const plots = !succeeded ? [] : [
    historyPlot("Seconds", runs, (run) => run.wall_seconds, seconds),
    historyPlot("Rows", runs, (run) => run.rows, count),
    historyPlot("Bytes", runs, (run) => run.bytes, bytes),
  ];
  if (runs.some((run) => run.spilled_bytes)) plots.push(historyPlot("Spilled", runs, (run) => run.spilled_bytes, bytes));
  else if (succeeded) plots.push(h("figure", {}, h("figcaption", {}, h("span", {}, "Spilled"), h("strong", {}, "0 B")), note("No run had to spill to disk.")));
  const plans = new Set(runs.map((run) => run.plan).filter((plan) => plan !== null)).size;
  const recent = [...runs].reverse();
  return [
    view.slower ? h("p", { class: "notice", "data-slower": view.name }, capital(view.slower)) : null,
    note([
      runs.length === REPORT.runs_shown ? `The last ${count(runs.length)} runs` : plural(runs.length, "run"),
      plans > 1 ? ` with ${plural(plans, "plan")}` : "",
      runs.some((run) => run.partition || run.attempt > 1) ? ", each partition and each retry by itself." : ".",
    ].join("")),
    succeeded ? h("div", { class: "plots" }, plots) : note("None has succeeded."),
    h("details", { id: "runs", open: !succeeded }, h("summary", {}, "The runs one by one"),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Runs" },
        h("table", {}, h("thead", {}, h("tr", {}, [["Started", 0], ["Status", 0], ["Partition", 0], ["Plan", 1], ["Seconds", 1], ["CPU", 1], ["Rows", 1], ["Bytes", 1], ["Spilled", 1]].map(([label, number]) => h("th", { scope: "col", class: number ? "number" : "" }, label)))),
          h("tbody", {}, recent.map((run) => h("tr", {},
            h("td", {}, moment(run.started_at)), h("td", {}, run.status + (run.attempt > 1 ? `, attempt ${run.attempt}` : "")), h("td", {}, run.partition || ""), h("td", { class: "number" }, run.plan === null ? NOTHING : `#${run.plan + 1}`),
            h("td", { class: "number" }, seconds(run.wall_seconds)), h("td", { class: "number" }, seconds(run.cpu_seconds)), h("td", { class: "number" }, count(run.rows)), h("td", { class: "number" }, bytes(run.bytes)), h("td", { class: "number" }, bytes(run.spilled_bytes)))))))),
  ].filter(Boolean);
}

function prediction(view) {
  const facts = [];
  const next = view.expected;
  if (view.compared && view.compared.predicted_seconds !== null) {
    const { predicted_seconds: predicted, actual_seconds: actual } = view.compared;
    const off = actual && predicted ? Math.max(actual / predicted, predicted / actual) : null;
    facts.push(["Last run", `predicted ${seconds(predicted)}, ${actual === null ? "did not succeed" : `took ${seconds(actual)}`}${off ? `, off by a factor of ${off.toFixed(2)}` : ""} (${view.compared.source})`]);
  }
  if (next && REPORT.next_run.measured) {
    facts.push(["Next run", `${seconds(next.seconds)}, between ${seconds(next.low_seconds)} and ${seconds(next.high_seconds)} (${next.source})`],
      ["Its place", `${seconds(next.start_seconds)} to ${seconds(next.end_seconds)} after the start of a run of all views`]);
    if (next.saves_seconds !== null) facts.push(["If it took no time", `the run would be ${seconds(next.saves_seconds)} shorter`]);
  }
  if (next) facts.push(["Order", `priority ${next.priority}: ${next.reason}`]);
  return section("prediction", "Predicted and actual", facts.length ? h("dl", { class: "facts rows" }, facts.map(([label, words]) => h("div", {}, h("dt", {}, label), h("dd", {}, words)))) : note("It is not run by itself."));
}

function checkSection(view) {
  const rules = view.checks.map((check) => h("li", { "data-check": check.name }, outcomeBadge(check),
    h("div", {}, h("strong", {}, check.name), " ", h("span", { class: "tag" }, [check.blocking ? "blocking" : "", check.severity === "warn" ? "warns" : ""].filter(Boolean).join(", ") || "reports"),
      h("p", {}, h("code", {}, check.rule)), check.last ? h("p", {}, outcomeWords(check.last)) : null)));
  const unknown = view.checks.filter((check) => !check.last).length;
  return section("checks", "Data checks",
    rules.length ? h("ul", { class: "checks" }, rules) : note("It declares none."),
    unknown ? note(`Dagster has no outcome of ${unknown === view.checks.length ? "them" : `${count(unknown)} of them`}: dfplan check ${line(view.name)} makes them now, a run makes and keeps them.`) : null);
}

// A check that found something in another result may find another thing in this one.
function outcomeBadge(check) {
  const last = check.last;
  if (!last) return h("span", { class: "badge", "data-outcome": "" }, "not made");
  const style = { passed: "fresh", warned: "stale", failed: "failed" }[last.outcome];
  return h("span", { class: `badge ${last.but ? "" : style}`, "data-outcome": last.outcome }, last.outcome);
}

function outcomeWords(last) {
  const where = last.partition ? `, partition ${last.partition}` : "";
  return `${last.said ? `${capital(line(last.said, 400))}. ` : ""}${moment(last.made_at)}${where}${last.but ? `; ${last.but}` : ""}`;
}

function sourcePage(source, route) {
  const users = usersOfColumns(source.name);
  return {
    title: source.name,
    element: h("div", { class: "page", "data-page": "table", "data-table": source.name },
      h("div", { class: "heading" }, h("div", { class: "title" }, h("h1", {}, source.name), h("span", { class: "badge" }, "table from outside")),
        h("dl", { class: "facts" }, source.asset ? h("div", {}, h("dt", {}, "Made by"), h("dd", {}, `the Python asset ${source.asset}`)) : h("div", {}, h("dt", {}, "Format"), h("dd", {}, source.format)), h("div", {}, h("dt", {}, "Place"), h("dd", {}, h("code", {}, source.path))))),
      neighbours("downstream", "Read by", readersOf(source.name), downstreamOf(source.name)),
      section("columns", "Columns", source.columns.length
        ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Columns" }, h("table", { class: "stacked", id: "column-table" },
            h("thead", {}, h("tr", {}, ["Column", "Type", "Flows into"].map((label) => h("th", { scope: "col" }, label)))),
            h("tbody", {}, source.columns.map(([name, type]) => h("tr", { "data-column": name, class: route.column === name ? "asked" : "" },
              h("td", { "data-label": "Column" }, h("strong", {}, name)), h("td", { "data-label": "Type", class: "type" }, type),
              h("td", { "data-label": "Flows into" }, users.has(name) ? some(users.get(name).map(([table, column]) => linkTo(table, column)), 5) : h("span", { class: "none" }, NOTHING)))))))
        : note("They are not known: no view that can be planned reads it, and none are declared."))),
  };
}

function unknownPage(name) {
  return { title: "Not found", element: h("div", { class: "page", "data-page": "unknown" }, h("h1", {}, "There is no such view or table"), h("p", {}, name), h("p", {}, h("a", { href: "#views" }, "All views"))) };
}
