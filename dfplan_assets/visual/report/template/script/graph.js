// The graph of tables, on a canvas: positions come with the report, only what is in sight is drawn.

const NODE = { width: 190, height: 34, reading: 0.42 };
const PLACED = new Map(REPORT.graph.nodes.map((node) => [node.name, node]));
const LAYERS = [];
for (const node of REPORT.graph.nodes) (LAYERS[node.layer] = LAYERS[node.layer] || []).push(node);
for (const layer of LAYERS) layer.sort((a, b) => a.y - b.y);

const ZOOM = { least: 0.03, most: 2.5 };
const COLOURINGS = { cost: "cost", state: "state", group: "group" };
const DOTTED = ["stale", "failed", "not planned", "never ran"];
const STATES = ["fresh", "stale", "failed", "never ran", "not planned", "inlined", "unknown"];

function costStep(view) {
  const cost = costOf(view);
  if (cost === null || !COSTLIEST) return 0;
  return [0.03, 0.1, 0.25, 0.5].filter((least) => cost / COSTLIEST >= least).length;
}

function groupColour(group) {
  return `var(--group-${DATA.groups.indexOf(group) % 8})`;
}

function routePath(route) {
  const [start, end] = [PLACED.get(route.start), PLACED.get(route.end)];
  const path = new Path2D();
  let [x, y] = [start.x + NODE.width / 2, start.y];
  path.moveTo(x, y);
  for (const [nextX, nextY] of [...route.waypoints, [end.x, end.y]]) {
    const left = nextX - NODE.width / 2;
    const bend = (left - x) / 2;
    path.bezierCurveTo(x + bend, y, left - bend, nextY, left, nextY);
    x = nextX + NODE.width / 2;
    y = nextY;
    if (nextX !== end.x) path.lineTo(x, y);
  }
  return path;
}

class Graph {
  constructor({ wheel, focus }) {
    this.focus = focus || null;
    this.wheel = wheel;
    this.colouring = "cost";
    this.onlyCritical = false;
    this.hovered = null;
    this.selected = focus || null;
    this.canvas = h("canvas", {
      tabindex: 0, role: "application", "data-graph": "", "aria-label":
        `Graph of ${plural(REPORT.views.length, "view")}: arrow keys go from table to table, Enter opens one, plus and minus zoom. The page Views has the same as a table.`,
    });
    this.said = h("div", { class: "unseen", "aria-live": "polite" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.legend = h("div", { class: "legend" });
    this.element = h("div", { class: "graph" }, this.controls(), h("div", { class: "graph-field" }, this.canvas, this.tip), this.legend, this.said);
    this.routes = REPORT.graph.routes.map((route) => ({
      ...route, path: routePath(route), critical: isCriticalEdge(route),
    }));
    this.listen();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.canvas);
  }

  controls() {
    const button = (text, label, act) => h("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
    const colour = h("select", { "aria-label": "Colour by", "data-colouring": "", onchange: (event) => { this.colouring = event.target.value; this.draw(); } },
      Object.entries(COLOURINGS).map(([value, words]) => h("option", { value }, `Colour by ${words}`)));
    this.criticalButton = h("button", { type: "button", "aria-pressed": "false", "data-critical": "", onclick: () => {
      this.onlyCritical = !this.onlyCritical;
      this.criticalButton.setAttribute("aria-pressed", String(this.onlyCritical));
      this.draw();
    } }, "Critical path");
    return h("div", { class: "graph-controls" },
      colour, DATA.critical.size ? this.criticalButton : null,
      h("span", { class: "together" },
        button("+", "Zoom in", () => this.zoomAt(1.4)),
        button("−", "Zoom out", () => this.zoomAt(1 / 1.4)),
        button("Fit", "Show the whole graph", () => { this.fit(); this.draw(); })));
  }

  colours() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      ink: colour("ink"), muted: colour("muted"), line: colour("line-strong"), surface: colour("surface"), ground: colour("ground"),
      critical: colour("critical"), accent: colour("accent"),
      cost: [0, 1, 2, 3, 4].map((step) => colour(`cost-${step}`)),
      costInk: [0, 1, 2, 3, 4].map((step) => colour(`cost-ink-${step}`)),
      group: [0, 1, 2, 3, 4, 5, 6, 7].map((place) => colour(`group-${place}`)),
      state: Object.fromEntries(STATES.map((state) => [state, colour(`state-${state.replace(" ", "-")}`)])),
    };
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const ratio = window.devicePixelRatio || 1;
    const first = !this.size;
    this.size = { width: box.width, height: box.height, ratio };
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    if (first) {
      this.fit();
      if (this.focus && PLACED.has(this.focus)) this.show(this.focus, Math.max(this.zoom, 0.8));
    }
    this.drawNow();
  }

  fit() {
    const { width, height } = this.size;
    // The controls lie over the upper edge.
    const above = 44;
    const below = this.wheel ? 44 : 0;
    const room = height - above - below;
    this.zoom = Math.min(1.1, Math.max(ZOOM.least, Math.min(width / REPORT.graph.width, room / REPORT.graph.height)));
    this.left = (width - REPORT.graph.width * this.zoom) / 2;
    this.top = above + (room - REPORT.graph.height * this.zoom) / 2;
  }

  show(name, zoom) {
    const node = PLACED.get(name);
    this.zoom = zoom;
    // In the middle, unless that leaves room empty that the graph could fill.
    const place = (at, field, room) => (field * zoom <= room ? (room - field * zoom) / 2 : Math.min(0, Math.max(room - field * zoom, room / 2 - at * zoom)));
    this.left = place(node.x, REPORT.graph.width, this.size.width);
    this.top = place(node.y, REPORT.graph.height, this.size.height);
  }

  zoomAt(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, this.zoom * factor));
    this.left = x - ((x - this.left) * zoom) / this.zoom;
    this.top = y - ((y - this.top) * zoom) / this.zoom;
    this.zoom = zoom;
    this.draw();
  }

  draw() {
    if (this.waiting || !this.size) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.drawNow(); });
  }

  drawNow() {
    const began = performance.now();
    const pen = this.canvas.getContext("2d");
    const colours = this.colours();
    const { width, height, ratio } = this.size;
    const { zoom, left, top } = this;
    const shown = this.highlighted();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.setTransform(ratio * zoom, 0, 0, ratio * zoom, ratio * left, ratio * top);
    const view = { left: -left / zoom, top: -top / zoom, right: (width - left) / zoom, bottom: (height - top) / zoom };
    const thin = Math.max(1, 0.8 / zoom) * (zoom < 0.3 ? 0.7 : 1);
    pen.lineCap = "round";
    const strong = [];
    for (const route of this.routes) {
      const [a, b] = [PLACED.get(route.start), PLACED.get(route.end)];
      if (b.x < view.left || a.x > view.right) continue;
      const lit = shown ? shown.has(route.start) && shown.has(route.end) : route.critical;
      if (lit) { strong.push(route); continue; }
      pen.strokeStyle = colours.line;
      pen.globalAlpha = shown ? 0.22 : zoom < 0.3 ? 0.45 : 0.8;
      pen.lineWidth = thin;
      pen.stroke(route.path);
    }
    pen.globalAlpha = 1;
    for (const route of strong) {
      pen.strokeStyle = route.critical ? colours.critical : colours.accent;
      pen.lineWidth = Math.max(2.2, 1.6 / zoom);
      pen.stroke(route.path);
    }
    for (const node of REPORT.graph.nodes) {
      if (node.x + NODE.width < view.left || node.x - NODE.width > view.right) continue;
      if (node.y + NODE.height < view.top || node.y - NODE.height > view.bottom) continue;
      this.drawNode(pen, colours, node, shown && !shown.has(node.name));
    }
    this.describe(colours);
    this.canvas.dataset.drawMilliseconds = (performance.now() - began).toFixed(1);
  }

  drawNode(pen, colours, node, dim) {
    const view = DATA.views.get(node.name);
    const [x, y] = [node.x - NODE.width / 2, node.y - NODE.height / 2];
    const fill = this.fillOf(view, colours);
    const chosen = node.name === this.selected || node.name === this.hovered;
    const critical = DATA.critical.has(node.name);
    pen.globalAlpha = dim ? 0.3 : 1;
    pen.beginPath();
    pen.roundRect(x, y, NODE.width, NODE.height, view ? 6 : 17);
    pen.fillStyle = fill.colour;
    pen.fill();
    pen.lineWidth = chosen ? Math.max(2.5, 1.5 / this.zoom) : critical ? 1.8 : 1;
    pen.strokeStyle = chosen ? colours.accent : critical ? colours.critical : colours.line;
    pen.setLineDash(!view || view.state === "inlined" ? [4, 3] : []);
    pen.stroke();
    pen.setLineDash([]);
    if (this.zoom >= NODE.reading) {
      if (view) {
        pen.fillStyle = colours.group[DATA.groups.indexOf(view.group) % 8];
        pen.beginPath();
        pen.roundRect(x + 5, y + 6, 3.5, NODE.height - 12, 2);
        pen.fill();
      }
      const attention = view && DOTTED.includes(view.state);
      const room = NODE.width - 30 - (attention ? 14 : 0);
      pen.fillStyle = fill.ink;
      pen.font = "600 12px system-ui, sans-serif";
      pen.textBaseline = "alphabetic";
      const figures = view ? nodeFigures(view) : "";
      pen.fillText(fitted(pen, node.name, room), x + 15, y + (figures ? 15 : 21.5));
      if (figures) {
        pen.globalAlpha = dim ? 0.3 : 0.9;
        pen.font = "11px system-ui, sans-serif";
        pen.fillText(fitted(pen, figures, room), x + 15, y + 28);
        pen.globalAlpha = dim ? 0.3 : 1;
      }
      if (attention) {
        pen.fillStyle = colours.state[view.state];
        pen.beginPath();
        pen.arc(x + NODE.width - 13, node.y, 4.5, 0, 7);
        pen.fill();
        pen.strokeStyle = colours.surface;
        pen.lineWidth = 1.5;
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }

  fillOf(view, colours) {
    if (!view) return { colour: colours.ground, ink: colours.muted };
    if (this.colouring === "cost") return { colour: colours.cost[costStep(view)], ink: colours.costInk[costStep(view)] };
    const strong = this.zoom < NODE.reading;
    const colour = this.colouring === "state" ? colours.state[view.state] : colours.group[DATA.groups.indexOf(view.group) % 8];
    return { colour: strong ? colour : mixed(colour, colours.surface, 0.78), ink: colours.ink };
  }

  // The names that are not dimmed, null where all are alike.
  highlighted() {
    const name = this.hovered || this.selected;
    if (name && PLACED.has(name)) return new Set([name, ...upstreamOf(name), ...downstreamOf(name)]);
    return this.onlyCritical ? DATA.critical : null;
  }

  describe(colours) {
    const entry = (colour, words, form = "") => h("span", {}, h("i", { class: form, style: { background: colour } }), words);
    let entries;
    if (this.colouring === "cost") {
      const steps = COSTLIEST ? [0, 0.03, 0.1, 0.25, 0.5].map((least) => (least ? `≥ ${seconds(least * COSTLIEST)}` : "less")) : [];
      entries = COSTLIEST ? steps.map((words, step) => entry(colours.cost[step], words)) : ["No view has been measured yet."];
    } else if (this.colouring === "state") {
      const used = STATES.filter((state) => REPORT.views.some((view) => view.state === state));
      entries = used.map((state) => entry(colours.state[state], state));
    } else {
      entries = DATA.groups.map((group, place) => entry(colours.group[place % 8], group || "no group"));
    }
    const key = `${this.colouring} ${isDark()}`;
    if (this.legend.dataset.key === key) return;
    this.legend.dataset.key = key;
    const dots = this.colouring === "state" ? [] : DOTTED.filter((state) => REPORT.views.some((view) => view.state === state));
    this.legend.replaceChildren(...entries, DATA.critical.size ? entry(colours.critical, "critical path") : "", ...dots.map((state) => entry(colours.state[state], state, "dot")));
  }

  nodeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left - this.left) / this.zoom;
    const y = (event.clientY - box.top - this.top) / this.zoom;
    const near = Math.max(0, 4 / this.zoom - NODE.height / 2);
    return REPORT.graph.nodes.find((node) => Math.abs(node.x - x) <= NODE.width / 2 && Math.abs(node.y - y) <= NODE.height / 2 + near) || null;
  }

  hover(node, event) {
    const name = node ? node.name : null;
    this.canvas.style.cursor = node ? "pointer" : "grab";
    // Up close the node says it by itself.
    this.tip.hidden = !node || this.zoom > 0.8;
    if (node) {
      const view = DATA.views.get(name);
      const words = view ? [view.state, nodeFigures(view)].filter(Boolean).join(" · ") : "table from outside";
      this.tip.replaceChildren(h("strong", {}, name), h("span", {}, words));
      const box = this.canvas.getBoundingClientRect();
      const right = event.clientX - box.left > box.width / 2;
      this.tip.style.left = right ? "" : `${event.clientX - box.left + 14}px`;
      this.tip.style.right = right ? `${box.right - event.clientX + 14}px` : "";
      this.tip.style.top = `${event.clientY - box.top + 14}px`;
    }
    if (name !== this.hovered) {
      this.hovered = name;
      this.draw();
    }
  }

  listen() {
    const canvas = this.canvas;
    const pointers = new Map();
    let moved = 0;
    canvas.style.touchAction = this.wheel ? "none" : "pan-y";
    canvas.addEventListener("wheel", (event) => {
      if (!this.wheel && !event.ctrlKey) return;
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 16 : 1;
      this.zoomAt(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (pointers.size === 1) moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) { this.hover(this.nodeAt(event), event); return; }
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      if (others.length) {
        const distance = (at) => Math.hypot(at[0] - others[0][0], at[1] - others[0][1]) || 1;
        const box = canvas.getBoundingClientRect();
        const now = [event.clientX, event.clientY];
        this.zoomAt(distance(now) / distance(before), (now[0] + others[0][0]) / 2 - box.left, (now[1] + others[0][1]) / 2 - box.top);
        moved += 10;
      } else {
        this.left += event.clientX - before[0];
        this.top += event.clientY - before[1];
        moved += Math.abs(event.clientX - before[0]) + Math.abs(event.clientY - before[1]);
        if (moved > 5) { this.tip.hidden = true; this.draw(); }
      }
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    const up = (event) => {
      const clicked = pointers.delete(event.pointerId) && event.type === "pointerup" && moved <= 5;
      const node = clicked ? this.nodeAt(event) : null;
      if (node) location.hash = viewLink(node.name);
      else if (clicked) { this.selected = null; this.draw(); }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", (event) => { if (!pointers.size) this.hover(null, event); });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("colours", () => this.draw());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zooms = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 };
    if (event.key in zooms) this.zoomAt(zooms[event.key]);
    else if (event.key === "0") { this.fit(); this.draw(); }
    else if (event.key === "Escape") { this.selected = null; this.draw(); }
    else if (event.key === "Enter" && this.selected) location.hash = viewLink(this.selected);
    else if (event.key.startsWith("Arrow")) this.step(event.key.slice(5));
    else return;
    event.preventDefault();
  }

  step(direction) {
    const node = PLACED.get(this.selected);
    const nearest = (names) => names.map((name) => PLACED.get(name)).filter(Boolean)
      .sort((a, b) => Math.abs(a.y - node.y) - Math.abs(b.y - node.y))[0];
    let next;
    if (!node) next = LAYERS[0] && LAYERS[0][0];
    else if (direction === "Left") next = nearest((DATA.views.get(node.name) || { reads: [] }).reads);
    else if (direction === "Right") next = nearest(readersOf(node.name));
    else {
      const layer = LAYERS[node.layer];
      next = layer[layer.indexOf(node) + (direction === "Down" ? 1 : -1)];
    }
    if (!next) return;
    this.selected = next.name;
    const view = DATA.views.get(next.name);
    this.said.textContent = view ? `${next.name}, ${view.state}, ${nodeFigures(view)}` : `${next.name}, table from outside`;
    const [x, y] = [next.x * this.zoom + this.left, next.y * this.zoom + this.top];
    if (x < 80 || y < 40 || x > this.size.width - 80 || y > this.size.height - 40) this.show(next.name, this.zoom);
    this.draw();
  }

  close() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.waiting);
  }
}

function isCriticalEdge(route) {
  const path = REPORT.next_run ? REPORT.next_run.critical_path : [];
  const at = path.indexOf(route.start);
  return at >= 0 && path[at + 1] === route.end;
}

function nodeFigures(view) {
  const cost = costOf(view);
  // What was never measured is expected.
  return [cost === null ? "" : `${view.measured ? "" : "≈ "}${seconds(cost)}`, view.rows === null ? "" : plural(view.rows, "row")].filter(Boolean).join(" · ");
}

function fitted(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

function mixed(colour, ground, share) {
  const parts = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const [a, b] = [parts(colour), parts(ground)];
  return `rgb(${a.map((each, place) => Math.round(each * (1 - share) + b[place] * share)).join(",")})`;
}
