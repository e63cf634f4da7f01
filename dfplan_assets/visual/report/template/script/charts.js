// Plots of a view's runs: one line each, failed runs as crosses, changes of the plan as dashed lines.

const PLOT = { width: 270, height: 118, left: 8, right: 8, top: 18, bottom: 20 };

// ``runs`` are the oldest first; ``figure`` gives a run's number or null, ``words`` says a number.
function historyPlot(title, runs, figure, words) {
  const numbers = runs.map((run) => (run.status === "succeeded" ? figure(run) : null));
  const known = numbers.filter((number) => number !== null);
  const largest = Math.max(...known, 0);
  const most = largest || 1;
  const inside = { width: PLOT.width - PLOT.left - PLOT.right, height: PLOT.height - PLOT.top - PLOT.bottom };
  const x = (place) => PLOT.left + (runs.length === 1 ? inside.width / 2 : (place / (runs.length - 1)) * inside.width);
  const y = (number) => PLOT.top + inside.height * (1 - number / most);
  const base = PLOT.top + inside.height;
  const drawing = s("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, class: "plot", role: "img", "data-plot": title });
  const last = known.length ? words(known[known.length - 1]) : NOTHING;
  drawing.append(s("title", {}, `${title}: ${plural(runs.length, "run")}, the last ${last}, at most ${known.length ? words(largest) : NOTHING}`));
  drawing.append(
    s("line", { class: "axis", x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: base, y2: base }),
    s("line", { class: "grid", x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: PLOT.top, y2: PLOT.top }),
    s("text", { x: PLOT.left, y: PLOT.top - 5 }, known.length ? words(largest) : "")
  );
  runs.forEach((run, place) => {
    const before = runs.slice(0, place).reverse().find((each) => each.plan !== null);
    if (run.plan !== null && before && before.plan !== run.plan) {
      const at = place ? (x(place) + x(place - 1)) / 2 : x(place);
      drawing.append(
        s("g", { class: "change" }, s("title", {}, `another plan from ${moment(run.started_at)} on`),
          s("line", { x1: at, x2: at, y1: PLOT.top - 2, y2: base }),
          s("text", { x: at + 3, y: base - 4 }, runs.length < 30 ? "plan" : ""))
      );
    }
  });
  const path = [];
  let pen = false;
  numbers.forEach((number, place) => {
    if (number !== null) path.push(`${pen ? "L" : "M"}${x(place).toFixed(1)} ${y(number).toFixed(1)}`);
    pen = number !== null || pen;
  });
  if (known.length > 1) drawing.append(s("path", { class: "trend", d: path.join("") }));
  runs.forEach((run, place) => {
    const text = [moment(run.started_at), run.status, numbers[place] === null ? "" : words(numbers[place]), run.partition || ""];
    const said = s("title", {}, text.filter(Boolean).join(", "));
    if (numbers[place] !== null) {
      drawing.append(s("circle", { class: "point", cx: x(place), cy: y(numbers[place]), r: runs.length > 30 ? 2 : 3 }, said));
    } else if (run.status === "failed") {
      const [a, b] = [x(place) - 4, x(place) + 4];
      drawing.append(s("g", { class: "cross" }, said, s("path", { d: `M${a} ${base - 4}L${b} ${base + 4}M${a} ${base + 4}L${b} ${base - 4}` })));
    }
  });
  drawing.append(
    s("text", { x: PLOT.left, y: PLOT.height - 5 }, when(runs[0], runs)),
    runs.length > 1 ? s("text", { x: PLOT.width - PLOT.right, y: PLOT.height - 5, "text-anchor": "end" }, when(runs[runs.length - 1], runs)) : ""
  );
  return h("figure", {}, h("figcaption", {}, h("span", {}, title), h("strong", {}, last)), drawing);
}

// The day of a run, its hour where all are of one day.
function when(run, runs) {
  const day = (each) => each.started_at.slice(0, 10);
  return day(runs[0]) === day(runs[runs.length - 1]) ? moment(run.started_at).slice(0, 16) : day(run);
}

// Names with bars behind their figures, the longest as wide as the list.
function barList(rows, id) {
  const most = Math.max(...rows.map((row) => row.value), 0) || 1;
  return h("ol", { class: "bars", id },
    rows.map((row) =>
      h("li", {},
        h("span", { class: "bar-name" }, row.label),
        h("span", { class: "bar-figure" }, row.words),
        h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { style: { width: `${(100 * row.value) / most}%` }, class: row.style || "" })))));
}
