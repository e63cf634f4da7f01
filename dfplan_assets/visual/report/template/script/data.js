// The report, and what follows from it: who reads whom, which columns come from which.

const REPORT = JSON.parse(document.getElementById("data").textContent);

const DATA = {
  views: new Map(REPORT.views.map((view) => [view.name, view])),
  sources: new Map(REPORT.sources.map((source) => [source.name, source])),
  readers: new Map(),
  critical: new Set(REPORT.next_run ? REPORT.next_run.critical_path : []),
  groups: [...new Set(REPORT.views.map((view) => view.group))].sort(),
};

for (const view of REPORT.views) {
  for (const table of view.reads) {
    if (!DATA.readers.has(table)) DATA.readers.set(table, []);
    DATA.readers.get(table).push(view.name);
  }
}

function readersOf(table) {
  return DATA.readers.get(table) || [];
}

// All that a table is made from, or that is made from it, however far.
function reached(name, next) {
  const found = new Set();
  const waiting = [name];
  while (waiting.length) {
    for (const table of next(waiting.pop())) {
      if (!found.has(table)) {
        found.add(table);
        waiting.push(table);
      }
    }
  }
  return found;
}

function upstreamOf(name) {
  return reached(name, (table) => (DATA.views.get(table) || { reads: [] }).reads);
}

function downstreamOf(name) {
  return reached(name, readersOf);
}

// The columns into which values of each column flow: for one table, when it is looked at.
function usersOfColumns(table) {
  const users = new Map();
  for (const reader of readersOf(table)) {
    for (const column of DATA.views.get(reader).columns) {
      for (const [from, name] of column.values_from) {
        if (from !== table) continue;
        if (!users.has(name)) users.set(name, []);
        users.get(name).push([reader, column.name]);
      }
    }
  }
  return users;
}

// The seconds that a view costs: its last successful run, else what is expected of it.
function costOf(view) {
  if (view.measured && view.measured.wall_seconds !== null) return view.measured.wall_seconds;
  if (view.expected && REPORT.next_run.measured) return view.expected.seconds;
  return null;
}

const COSTLIEST = Math.max(0, ...REPORT.views.map((view) => costOf(view) || 0));

// What only the page of a view shows, unpacked when it is first looked at.
const DETAILS = new Map();

function detailOf(view) {
  if (!DETAILS.has(view.name)) DETAILS.set(view.name, unpacked(view.detail));
  return DETAILS.get(view.name);
}

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
