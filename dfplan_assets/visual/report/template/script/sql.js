// A query with its words told apart; names of tables lead to them. Only colours: the planner reads SQL, not this.

const SQL_WORDS = new Set(
  ("all and any array as asc between by case cast cross current date desc distinct else end escape except exists " +
    "extract false filter first following for from full group grouping having in inner intersect interval into is " +
    "join last lateral left like ilike limit natural not null nulls offset on or order outer over partition " +
    "preceding qualify range recursive right rollup cube sets row rows select set similar some struct table " +
    "then timestamp true try_cast unbounded union unnest using values when where window with within").split(" ")
);
const SQL_TOKEN = /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^']|'')*')|("(?:[^"]|"")*"(?:\."(?:[^"]|"")*")?)|(\$\w+)|(\d[\w.]*)|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)/g;

function sqlText(text) {
  const code = h("code", {});
  const names = new Map([...DATA.views.keys(), ...DATA.sources.keys()].map((name) => [name.toLowerCase(), name]));
  let end = 0;
  for (const found of text.matchAll(SQL_TOKEN)) {
    code.append(text.slice(end, found.index));
    end = found.index + found[0].length;
    const [all, comment, string, quoted, parameter, number, word] = found;
    const table = names.get((word || (quoted || "").replace(/"/g, "")).toLowerCase());
    if (comment) code.append(h("span", { class: "q-comment" }, all));
    else if (string) code.append(h("span", { class: "q-string" }, all));
    else if (parameter) code.append(h("span", { class: "q-parameter" }, all));
    else if (number) code.append(h("span", { class: "q-number" }, all));
    else if (table !== undefined && readsTable(text, found.index)) code.append(h("a", { href: viewLink(table), class: "name" }, all));
    else if (word && SQL_WORDS.has(word.toLowerCase())) code.append(h("span", { class: "q-word" }, all));
    else code.append(all);
  }
  code.append(text.slice(end));
  return h("pre", { class: "code", tabindex: 0, "aria-label": "SQL" }, code);
}

// A name behind FROM, JOIN or a comma is a table; elsewhere it may be a column of the same name.
function readsTable(text, at) {
  return /(?:\b(?:from|join)|,)\s*$/i.test(text.slice(Math.max(0, at - 40), at));
}
