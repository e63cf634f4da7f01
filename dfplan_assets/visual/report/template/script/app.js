// Which page is shown: what stands behind # in the address says it, so that the back button works.

const MAIN = document.getElementById("main");
const SEARCH = new Search();
let current = null;

function routeNow() {
  const parts = location.hash.slice(1).split("&").map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at), decoded(part.slice(at + 1))];
  });
  return Object.fromEntries(parts);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function pageOf(route) {
  if ("view" in route) return DATA.views.has(route.view) ? viewPage(DATA.views.get(route.view), route) : unknownPage(route.view);
  if ("table" in route) return DATA.sources.has(route.table) ? sourcePage(DATA.sources.get(route.table), route) : unknownPage(route.table);
  if ("graph" in route) return graphPage(route);
  if ("views" in route) return viewsPage(route);
  return overviewPage();
}

function navigate(event) {
  SEARCH.close();
  const route = routeNow();
  if (current && current.close) current.close();
  current = pageOf(route);
  MAIN.replaceChildren(current.element);
  const kind = current.element.dataset.page;
  document.title = kind === "overview" ? `${REPORT.project} · dfplan` : `${current.title} · ${REPORT.project}`;
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.dataset.page === kind) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.toggle("whole", kind === "graph");
  const asked = "column" in route ? document.querySelector("tr.asked") : document.getElementById(route.section || "");
  if (asked) asked.scrollIntoView({ block: "column" in route ? "center" : "start" });
  else window.scrollTo(0, 0);
  if (event) MAIN.focus({ preventScroll: true });
}

function theme(next) {
  const root = document.documentElement;
  if (next) root.dataset.theme = next;
  const button = document.getElementById("theme");
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  for (const host of document.querySelectorAll(".picture")) host.follow();
  for (const canvas of document.querySelectorAll("canvas")) canvas.dispatchEvent(new Event("colours"));
}

// Some browsers keep nothing for pages opened from the disk, and say so by throwing.
function kept(action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

document.getElementById("brand").append(REPORT.project);
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); MAIN.focus(); });
document.getElementById("theme").addEventListener("click", () => {
  theme(isDark() ? "light" : "dark");
  kept(() => localStorage.setItem("dfplan-theme", document.documentElement.dataset.theme));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme());
window.addEventListener("hashchange", navigate);
const remembered = kept(() => localStorage.getItem("dfplan-theme"));
theme(remembered === "dark" || remembered === "light" ? remembered : undefined);
navigate();
