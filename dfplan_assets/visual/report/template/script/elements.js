// Elements of the page. Whatever comes from the project enters it here, as text and never as markup.

const SVG = "http://www.w3.org/2000/svg";

function put(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

function h(tag, properties, ...children) {
  return put(document.createElement(tag), properties, children);
}

function s(tag, properties, ...children) {
  return put(document.createElementNS(SVG, tag), properties, children);
}

// What a text may hold, and a line does not.
function line(text, most = 160) {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > most ? `${flat.slice(0, most - 1)}…` : flat;
}

function viewLink(name, column) {
  const at = column === undefined ? "" : `&column=${encodeURIComponent(column)}`;
  return `#${DATA.views.has(name) ? "view" : "table"}=${encodeURIComponent(name)}${at}`;
}

function linkTo(name, column) {
  const text = column === undefined ? name : `${name}.${column}`;
  return h("a", { href: viewLink(name, column), class: DATA.views.has(name) ? "name" : "name outside" }, text);
}

// The first few of many, and a button that shows the others.
function some(items, most, separator = ", ") {
  const row = h("span", { class: "some" });
  const show = (shown) => {
    row.replaceChildren();
    shown.forEach((item, place) => row.append(...(place ? [separator, item] : [item])));
  };
  if (items.length <= most + 1) {
    show(items);
    return row;
  }
  show(items.slice(0, most));
  const more = h("button", { type: "button", class: "more" }, `${items.length - most} more`);
  more.addEventListener("click", () => {
    show(items);
    (row.children[most] || row).focus();
  });
  row.append(" ", more);
  return row;
}

function badge(state) {
  return h("span", { class: `badge ${state.replace(" ", "-")}`, "data-state": state }, state);
}

function section(id, title, ...content) {
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), ...content);
}

function note(text) {
  return h("p", { class: "note" }, text);
}

// Pictures made with the report: drawn inside a shadow root, since their styles are written for them alone.
const DRAWN = new Set(["svg", "style", "g", "rect", "path", "line", "text", "tspan", "title", "circle", "polyline", "polygon"]);

function picture(text, label) {
  const host = h("div", { class: "picture", tabindex: 0, role: "group", "aria-label": label, "data-picture": label });
  const root = host.attachShadow({ mode: "open" });
  const drawing = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  for (const element of [drawing, ...drawing.querySelectorAll("*")]) {
    const foreign = !DRAWN.has(element.localName);
    const reaches = [...element.attributes].some((each) => /^on|href$/i.test(each.name));
    if (foreign || reaches) throw new Error(`a picture holds ${element.localName}`);
  }
  const styles = [...drawing.querySelectorAll("style")].map((style) => [style, style.textContent]);
  // Pictures follow the browser's colour scheme by themselves, the page's own switch only so.
  host.follow = () => {
    const dark = isDark() ? " screen" : " not all";
    for (const [style, written] of styles) {
      style.textContent = written.replace(/\(\s*prefers-color-scheme\s*:\s*dark\s*\)/g, dark);
    }
  };
  host.follow();
  drawing.style.display = "block";
  // It takes the width of its place, but its letters need not be larger than the page's.
  drawing.style.maxWidth = `${drawing.viewBox.baseVal.width * 1.25}px`;
  root.append(drawing);
  return host;
}

// In which colours the page is.
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
