// The page of `regen watch`. All data comes from the API and is updated by its events, also after
// a restart of the daemon. Data is inserted as text, never as markup.
"use strict";

const LIST = 500; // specs shown at a time
const DOTS = 300; // up to this many specs, the list shows clauses
const LINES = 200; // log entries kept
const DRAWN = 100; // specs in the drawing of what depends on what
const OUTPUT = 16384; // characters of a gate's output kept

const $ = (id) => document.getElementById(id);
const make = (tag, props = {}, ...children) => {
  const { className, dataset, ...rest } = props;
  const node = Object.assign(document.createElement(tag), rest);
  if (className) node.className = className;
  Object.assign(node.dataset, dataset || {});
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

// The token is in the URL's fragment and is stored by this browser.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  localStorage.setItem("regen-token", given);
  history.replaceState(null, "", location.pathname);
}
const token = localStorage.getItem("regen-token") || "";

const specs = new Map();
const coverage = new Map(); // spec -> clauses
let daemon = {};
let last = 0;
let detail = null; // data of the selected spec
let output = "";
let fitting = 0; // specs that match the filter

const chosen = () => decodeURIComponent(location.hash.replace(/^#spec=?/, ""));

async function call(path, body) {
  const options = { headers: { Authorization: `Bearer ${token}` } };
  if (body) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(value.message || response.statusText), { status: response.status });
  return value;
}

const order = (name, more) =>
  call("/api/orders", { order: name, by: "the page", ...more }).catch((error) => say(error.message, true));

// Labels and colours of states.
const STATES = {
  up_to_date: ["up to date", "good"],
  refused: ["refused", "bad"],
  waiting: ["waiting", "warn"],
  running: ["running", "busy"],
  resting: ["retrying", "warn"],
  parked: ["parked", "bad"],
};
const COVERED = {
  passed: ["passed", "good", "✓"],
  linked: ["linked", "", "·"],
  unproven: ["unproven", "warn", "?"],
  not_run: ["not run", "warn", "·"],
  failed: ["failed", "bad", "✗"],
  uncovered: ["uncovered", "bad", "!"],
  exempt: ["exempt", "", "–"],
};
const RESULTS = { promoted: "good", superseded: "", cancelled: "" };

const clock = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toLocaleTimeString();
};
const when = (text) => make("time", { dateTime: text, title: text }, clock(text));

function say(text, bad) {
  const line = make("p", { className: bad ? "bad" : "" }, text);
  $("notes").append(line);
  setTimeout(() => line.remove(), 8000);
}

function drawHead() {
  $("model").textContent = daemon.model || "";
  const pause = $("pause");
  pause.disabled = false;
  pause.textContent = daemon.paused ? "Resume" : "Pause";
  pause.onclick = () => order(daemon.paused ? "resume" : "pause");
  const notes = $("notes");
  notes.querySelectorAll("[data-kept]").forEach((line) => line.remove());
  const keep = (text, bad) => notes.append(make("p", { className: bad ? "bad" : "", dataset: { kept: "" } }, text));
  if (daemon.paused) keep(`Paused since ${daemon.paused[0]} by ${daemon.paused[1]}.`);
  if (daemon.quiet_until) keep(`Quiet hours until ${daemon.quiet_until}; no job starts.`);
  if (daemon.held_until) keep(`Rate limited by the model server until ${daemon.held_until}.`);
  if (daemon.workers) keep(`Workers: ${daemon.workers}.`);
  if (daemon.unreadable) keep(`${daemon.unreadable}; keeping the last valid configuration.`, true);
}

function about(spec) {
  const live = spec.live;
  if (spec.state === "running" && live)
    return [`attempt ${live.attempt} · ${live.target} · ${live.doing}`, live.turn ? ` · the agent: ${live.turn}` : live.characters ? ` · ${live.characters} characters` : ""].join("");
  if (spec.state === "resting") return `at ${clock(spec.until)}: ${spec.why}`;
  if (spec.why) return spec.why;
  const why = (t) => (t.held ? "held at an earlier tree until the spec changes" : t.reason);
  return spec.targets.filter(why).map((t) => `${t.target}: ${why(t)}`).join("; ");
}

// What has the keyboard's focus in a part of the page: its spec and its text, or its place among
// all that can have it.
const FOCUSABLE = "a, button, input, pre[tabindex]";
function focusIn(place) {
  const node = document.activeElement;
  if (!node || node === place || !place.contains(node)) return null;
  const spec = node.closest("[data-spec]")?.dataset.spec;
  const all = [...place.querySelectorAll(FOCUSABLE)];
  return { spec, id: node.id, text: node.matches("pre") ? null : node.textContent, tag: node.tagName, index: all.indexOf(node), scroll: node.scrollTop };
}

// Draws a part of the page again; what had the focus has it afterwards, even if it is disabled now
// or moved.
function keepingFocus(place, draw) {
  const had = focusIn(place);
  draw();
  if (!had) return;
  const all = [...place.querySelectorAll(FOCUSABLE)];
  const same = (node) => node.tagName === had.tag && node.closest("[data-spec]")?.dataset.spec === had.spec;
  const found =
    (had.id && document.getElementById(had.id)) ||
    all.find((node) => same(node) && had.text !== null && node.textContent === had.text) ||
    all.filter(same)[0] || all[Math.min(had.index, all.length - 1)];
  const able = found && found.disabled ? all.find((node) => !node.disabled) : found;
  if (!able) return;
  able.focus({ preventScroll: true });
  able.scrollTop = had.scroll;
}

function row(spec) {
  const [word, colour] = STATES[spec.state] || [spec.state, ""];
  const link = make("a", { href: `#spec=${encodeURIComponent(spec.spec)}` }, spec.spec);
  if (spec.spec === chosen()) link.setAttribute("aria-current", "true");
  const dots = (coverage.get(spec.spec) || []).map((clause) => {
    const [says, tint, mark] = COVERED[clause.coverage] || [clause.coverage, "", "?"];
    const seen = (clause.proofs || []).map((proof) => proof.samples).filter(Boolean);
    const title = `${clause.clause}: ${[says, ...seen].join("; ")}`;
    return make("span", { className: tint, title }, mark);
  });
  const text = about(spec);
  const named = (t) => (t.assurance ? `${t.target} (${t.assurance})` : t.target);
  const targets = spec.targets.map(named).join(", ");
  return make(
    "li",
    { dataset: { spec: spec.spec, state: spec.state }, className: spec.spec === chosen() ? "chosen" : "" },
    make("div", { className: "top" }, link, make("span", { className: "title" }, `${spec.title} · ${targets}`),
      make("span", { className: `state ${colour}` }, word)),
    text ? make("div", { className: "faint" }, text) : null,
    dots.length ? make("div", { className: "clauses", role: "img", ariaLabel: `${dots.length} clause${dots.length === 1 ? "" : "s"}` }, ...dots) : null,
  );
}

function drawList() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (spec) => words.every((word) => `${spec.spec} ${spec.title} ${spec.state}`.toLowerCase().includes(word));
  const found = [...specs.values()].filter(fits);
  keepingFocus($("specs"), () => $("specs").replaceChildren(...found.slice(0, LIST).map(row)));
  fitting = found.length;
  drawCounts();
}

function drawCounts() {
  const counts = {};
  for (const spec of specs.values()) counts[spec.state] = (counts[spec.state] || 0) + 1;
  const texts = Object.entries(counts).map(([state, count]) => `${count} ${(STATES[state] || [state])[0]}`);
  if (fitting > LIST) texts.push(`showing the first ${LIST} of ${fitting}`);
  $("counts").textContent = texts.join(" · ") || "no specs yet";
}

function drawRow(spec) {
  const old = document.querySelector(`#specs > li[data-spec="${CSS.escape(spec.spec)}"]`);
  if (!old) return drawList();
  keepingFocus($("specs"), () => old.replaceWith(row(spec)));
  drawCounts();
}

const svg = (tag, props = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

// What depends on what: as a drawing, with what is used to the left of what uses it, and as a list.
function drawGraph() {
  const users = [...specs.values()].filter((spec) => spec.depends.length);
  $("uses").hidden = users.length === 0;
  const names = [...new Set(users.flatMap((spec) => [...spec.depends.map((one) => one.spec), spec.spec]))].filter((name) => specs.has(name));
  const columns = new Map();
  const column = (name, above) => {
    if (!columns.has(name)) {
      const below = specs.get(name).depends.map((one) => one.spec).filter((other) => specs.has(other) && !above.includes(other));
      columns.set(name, Math.max(-1, ...below.map((other) => column(other, [...above, name]))) + 1);
    }
    return columns.get(name);
  };
  const [wide, high, heights, places] = [220, 40, [], new Map()];
  for (const name of names.slice(0, DRAWN)) {
    const at = column(name, [name]);
    heights[at] = (heights[at] || 0) + 1;
    places.set(name, [at * wide + 4, (heights[at] - 1) * high + 4]);
  }
  const edges = users.flatMap((spec) => spec.depends.map(({ spec: other, changed }) => {
    if (!places.has(spec.spec) || !places.has(other)) return "";
    const [[x, y], [left, top]] = [places.get(spec.spec), places.get(other)];
    return svg("path", { class: changed ? "changed" : "", d: `M${left + 180} ${top + 14} C${left + 210} ${top + 14} ${x - 30} ${y + 14} ${x} ${y + 14}` });
  }));
  const nodes = [...places].map(([name, [x, y]]) => {
    const [word, colour] = STATES[specs.get(name).state] || ["", ""];
    const short = name.length > 22 ? `${name.slice(0, 21)}…` : name;
    return svg("g", { class: colour, "data-node": name }, svg("title", {}, `${name}: ${word}`),
      svg("rect", { x, y, width: 180, height: 28, rx: 6 }), svg("text", { x: x + 8, y: y + 19 }, short));
  });
  const size = [heights.length * wide, Math.max(0, ...heights.map((count) => count || 0)) * high];
  const label = `${places.size} specs; the list below says the same`;
  $("graph").replaceChildren(svg("svg", { role: "img", "aria-label": label, width: size[0], height: size[1] }, ...edges, ...nodes));
  const link = (name) => make("a", { href: `#spec=${encodeURIComponent(name)}` }, name);
  const lines = users.map((spec) => {
    const [word] = STATES[spec.state] || [spec.state];
    const used = spec.depends.flatMap(({ spec: other, changed }, at) => [at ? ", " : "", link(other), changed ? " (changed: checked or made again after it)" : ""]);
    return make("li", { dataset: { spec: spec.spec } }, link(spec.spec), ` (${word}) uses `, ...used);
  });
  keepingFocus($("edges"), () => $("edges").replaceChildren(...lines));
}

function table(heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => (cell instanceof Node ? make("td", {}, cell) : make("td", {}, String(cell))))));
  return make("div", { className: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

function matrix(clauses, targets) {
  const mark = (word) => {
    const [says, tint] = COVERED[word] || [word, ""];
    return make("span", { className: `mark ${tint}` }, says);
  };
  const rows = clauses.map((clause) => {
    const of = targets.map((target) => {
      const said = clause.proofs.filter((proof) => proof.target === target).map((proof) => proof.said);
      const worst = ["failed", "ignored", "not_run", "unproven", "passed"].find((word) => said.includes(word));
      return worst ? mark(worst === "ignored" ? "failed" : worst) : "–";
    });
    const name = make("span", {}, make("code", {}, clause.clause), make("br"), `${clause.text}`,
      make("br"), make("span", { className: "faint" }, `${clause.file}:${clause.line}`));
    return [name, clause.level.toUpperCase(), ...of, mark(clause.coverage)];
  });
  return table(["Clause", "Level", ...targets, "Status"], rows);
}

function coloured(text) {
  const lines = text.split("\n").map((line) => {
    const kind = /^\+(?!\+\+)/.test(line) ? "add" : /^-(?!--)/.test(line) ? "del" : "";
    return kind ? make("span", { className: kind }, `${line}\n`) : `${line}\n`;
  });
  return make("pre", { tabIndex: 0 }, ...lines);
}

// Extracts messages from the JSON lines of cargo and libtest.
function readable(text) {
  return text.split("\n").map((line) => {
    if (!/^\{ ?"/.test(line)) return line;
    try {
      const { message, type, event, name, stdout } = JSON.parse(line);
      if (message) return message.rendered ? message.rendered.trimEnd() : null;
      if (type !== "test" || event === "started" || name.startsWith("regen_")) return null;
      return `test ${name}: ${event}\n${stdout || ""}`.trimEnd();
    } catch {
      return line;
    }
  }).filter((line) => line !== null).join("\n");
}

function drawDetail() {
  const place = $("detail");
  const name = chosen();
  const spec = specs.get(name);
  place.hidden = !spec;
  $("main").classList.toggle("open", Boolean(spec));
  if (!spec) return place.replaceChildren();
  const [word, colour] = STATES[spec.state] || [spec.state, ""];
  const button = (text, act, more, off) => make("button", { type: "button", disabled: off, onclick: () => order(act, { specs: [name], ...more }) }, text);
  const resting = spec.state === "resting" || spec.state === "parked";
  const parts = [
    make("div", { className: "top" }, make("h2", {}, name), make("span", { className: "title" }, spec.title),
      make("span", { className: `state ${colour}` }, word)),
    make("p", { className: "faint", id: "about" }, about(spec)),
    make("div", { className: "actions" },
      button("Run next", "trigger", { force: false }, spec.state === "up_to_date" || spec.state === "refused"),
      button("Regenerate", "trigger", { force: true }, spec.state === "refused"),
      button("Retry", "retry", {}, !resting),
      button("Cancel", "cancel", {}, spec.state === "up_to_date" || spec.state === "refused"),
      make("a", { href: "#" }, "Close")),
  ];
  if (spec.state === "running" || output)
    parts.push(make("h2", {}, spec.live && spec.live.turn ? "The agent's own words" : "Gate output"), make("pre", { id: "output", tabIndex: 0 }, readable(output)));
  if (detail && detail.spec === name) {
    if (detail.clauses.length) parts.push(make("h2", {}, "Clauses"), matrix(detail.clauses, spec.targets.map((t) => t.target)));
    for (const one of detail.diffs || []) {
      const text = one.diff || "The candidate equals what is promoted.";
      parts.push(make("h2", {}, `Newest candidate of ${one.target} against what is promoted`), coloured(text));
    }
    const rows = detail.jobs.map((job) => [
      job.job, make("span", { className: `mark ${RESULTS[job.result] ?? "bad"}` }, job.result || "open"),
      when(job.from || ""), job.tokens, dollars(job, 4)]);
    if (rows.length) parts.push(make("h2", {}, "History"), table(["Job", "Result", "Began", "Tokens", "USD"], rows));
  }
  keepingFocus(place, () => place.replaceChildren(...parts));
}

// Debounced: reloads once after many changes.
function calmly(act, pause) {
  let timer = null;
  return () => {
    timer ??= setTimeout(async () => {
      timer = null;
      try {
        await act();
      } catch (error) {
        if (error.status === 401) refused();
      }
    }, pause);
  };
}

const redrawGraph = calmly(async () => drawGraph(), 100);

const readDetail = calmly(async () => {
  const name = chosen();
  if (!specs.has(name)) return;
  const found = await call(`/api/specs/${encodeURIComponent(name)}`);
  const job = found.jobs[0];
  found.diffs = job ? (await call(`/api/jobs/${job.job}/diff`)).targets : [];
  if (chosen() !== name) return;
  detail = found;
  output = found.output;
  drawDetail();
}, 150);

const readCoverage = calmly(async () => {
  if (specs.size > DOTS) return;
  const { clauses } = await call("/api/trace");
  coverage.clear();
  for (const clause of clauses) {
    const name = clause.clause.slice(0, clause.clause.lastIndexOf("/"));
    if (!coverage.has(name)) coverage.set(name, []);
    coverage.get(name).push(clause);
  }
  drawList();
}, 400);

// What is known of a cost: tokens without a price are none of it.
function dollars({ usd, unpriced }, digits, cap = "") {
  if (!unpriced) return `${usd.toFixed(digits)}${cap} USD`;
  return usd ? `${usd.toFixed(digits)}${cap} USD and ${unpriced} tokens, price unknown` : "price unknown";
}

const readSpending = calmly(async () => {
  const { days, budget } = await call("/api/spending");
  const today = new Date().toISOString().slice(0, 10);
  const now = days.find((day) => day.day === today) || { usd: 0, tokens: 0, unpriced: 0 };
  const cap = budget.day_usd != null ? ` of ${budget.day_usd.toFixed(2)}` : "";
  $("spent").textContent = `${dollars(now, 2, cap)}, ${now.tokens} tokens today`;
  $("spending").replaceChildren(table(["Day", "Calls", "Tokens", "USD"], days.map((day) => [day.day, day.calls, day.tokens, dollars(day, 4)])));
}, 300);

async function readState() {
  const state = await call("/api/state");
  daemon = state.daemon;
  last = Math.max(last, state.seq);
  specs.clear();
  for (const spec of state.specs) specs.set(spec.spec, spec);
  drawHead();
  drawList();
  drawGraph();
  drawDetail();
  readDetail();
  readCoverage();
  readSpending();
}

function entry(data) {
  last = data.seq;
  const item = make("li", {}, when(data.at), " ", data.spec ? make("b", {}, data.spec) : null, " ", data.text);
  $("log").prepend(item);
  while ($("log").children.length > LINES) $("log").lastChild.remove();
  if (data.event === "completed" || data.event === "attempt_started") readSpending();
  if (data.event === "promoted") readCoverage();
  if (data.spec === chosen()) readDetail();
}

const TOLD = {
  entry,
  daemon: (data) => { daemon = data; drawHead(); },
  spec: (data) => {
    specs.set(data.spec, data);
    drawRow(data);
    redrawGraph();
    if (data.spec === chosen()) drawDetail();
  },
  specs: () => readState(),
  missed: () => readState(),
  output: (data) => {
    if (data.spec !== chosen()) return;
    output = (output + data.text).slice(-OUTPUT);
    const place = $("output");
    if (!place) return drawDetail();
    // Someone who scrolled back is reading.
    const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 8;
    place.textContent = readable(output);
    if (atEnd) place.scrollTop = place.scrollHeight;
  },
};

function told(text) {
  let kind = "", data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5);
  }
  if (kind && TOLD[kind]) TOLD[kind](JSON.parse(data || "null"));
}

function refused() {
  $("link").textContent = "access denied";
  $("notes").replaceChildren(make("p", { className: "bad", dataset: { kept: "" } },
    "Open the address that `regen watch --http` printed; it contains the token."));
}

async function follow() {
  const headers = { Authorization: `Bearer ${token}`, "Last-Event-ID": String(last) };
  const response = await fetch("/api/events", { headers });
  if (!response.ok) throw Object.assign(new Error("events"), { status: response.status });
  $("link").textContent = `live since ${clock(new Date().toISOString())}`;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const pieces = text.split("\n\n");
    text = pieces.pop();
    pieces.forEach(told);
  }
}

async function live() {
  for (let first = true; ; first = false) {
    try {
      const before = last;
      await readState();
      // The first connection also loads recent entries; a reconnection loads only new ones.
      last = first ? Math.max(0, last - LINES / 4) : before;
      await follow();
    } catch (error) {
      if (error.status === 401 || error.status === 403) return refused();
    }
    $("link").textContent = "waiting for the daemon";
    await new Promise((go) => setTimeout(go, 1000));
  }
}

$("filter").addEventListener("input", drawList);
addEventListener("hashchange", () => {
  detail = null;
  output = "";
  drawList();
  drawDetail();
  readDetail();
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    $("filter").focus();
  }
  if (event.key === "Escape") location.hash = "";
});
live();
