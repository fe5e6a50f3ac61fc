"use strict";
// Reads the form into the address, asks the API, and draws what it says. Nothing is computed here but places on the screen.
const form = document.getElementById("ask"), answer = document.getElementById("answer"), figure = document.getElementById("drawn");
const picture = document.getElementById("picture");
const GIB = 2 ** 30, COLOURS = ["weights", "kv_cache", "state", "compute", "overhead", "other"];
let lang = new URLSearchParams(location.search).get("lang") || ((navigator.language || "en").startsWith("zh") ? "zh" : "en"), turn = 0;
if (!WORDS[lang]) lang = "en";
const say = (key) => WORDS[lang][key] || key;
const gib = (bytes) => (bytes / GIB).toFixed(2);

function make(tag, attributes, ...inside) {
  const svg = ["svg", "rect", "line", "path", "circle", "text", "title", "g"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

function question() {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name === "context") said.set(name, String(2 ** Number(value)));
    else if (name === "batch") said.set(name, String(2 ** Number(value)));
    else if (name === "quant") value.split(/[\s,]+/).filter(Boolean).forEach((one) => said.append(name, one));
    else if (value) said.set(name, value);
  }
  return said;
}

function restore() {
  const said = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name || !said.has(field.name)) continue;
    const value = said.getAll(field.name).join(" ");
    const exponent = Math.round(Math.log2(Number(value)));
    field.value = field.type === "range" ? (Number.isFinite(exponent) ? exponent : field.value) : value;
  }
  if (said.has("picture")) picture.value = said.get("picture");
}

function speak() {
  document.documentElement.lang = lang;
  document.querySelectorAll("[data-say]").forEach((element) => { element.textContent = say(element.dataset.say); });
  for (const option of picture.options) option.textContent = say(option.value === "context" ? "contexts" : option.value);
  document.getElementById("lang").textContent = lang === "en" ? "中文" : "English";
  document.getElementById("lang").lang = lang === "en" ? "zh" : "en";
}

async function get(path, said) {
  const response = await fetch(`api/${path}?${said}`);
  const body = await response.json();
  if (!response.ok) throw body.error;
  return body;
}

function bar(device) {
  const width = Math.max(320, answer.clientWidth || 760), whole = Math.max(device.usable_bytes, device.used_bytes) || 1, svg = make("svg", { viewBox: `0 0 ${width} 40`, role: "img" });
  const described = [], legend = make("p");
  let at = 0;
  const sums = {};
  device.per_device.forEach((one) => Object.entries(one.parts).forEach(([name, bytes]) => { sums[name] = (sums[name] || 0) + bytes; }));
  for (const [name, bytes] of Object.entries(sums)) {
    if (!bytes) continue;
    const colour = `var(--${COLOURS.includes(name) ? name : "other"})`, wide = (bytes / whole) * width;
    svg.append(make("rect", { x: at, y: 4, width: Math.max(wide, 1), height: 30, fill: colour }, make("title", {}, `${say(name)} ${gib(bytes)} GiB`)));
    legend.append(swatch(colour), ` ${say(name)} ${gib(bytes)}  `);
    described.push(`${say(name)} ${gib(bytes)} GiB`);
    at += wide;
  }
  const edge = (device.usable_bytes / whole) * width;
  svg.append(make("path", { d: `M0 4H${edge}V34H0Z`, fill: "none", stroke: "currentColor" }));
  svg.setAttribute("aria-label", `${described.join(", ")}; ${say("of")} ${gib(device.usable_bytes)} GiB`);
  return [svg, legend];
}

function swatch(colour) {
  const box = make("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" }, make("rect", { width: 10, height: 10, fill: colour }));
  box.style.cssText = "width:.8em;height:.8em;display:inline-block";
  return box;
}

function told(result) {
  const parts = [];
  for (const line of result.estimates) {
    for (const device of line.devices.slice(0, 1)) {
      const how = device.fits ? "fits" : device.may_fit ? "maybe" : "nofit";
      const rest = device.free_bytes >= 0 ? `${gib(device.free_bytes)} GiB ${say("free")}` : `${gib(-device.free_bytes)} GiB ${say("missing")}`;
      parts.push(make("p", { class: device.fits ? "yes" : "no" }, `${result.model.name} ${line.quant.toUpperCase()}, ${device.id}: ${say(how)}, ~${gib(device.used_bytes)} ${say("of")} ${gib(device.usable_bytes)} GiB, ${rest}`), ...bar(device));
    }
  }
  const head = make("tr", {}, ...["quant", "total", "longest", "speed"].map((name) => make("th", { scope: "col" }, say(name))));
  const rows = result.estimates.map((line) => {
    const device = line.devices[0] || {};
    const cells = [line.quant.toUpperCase(), gib(line.total_bytes), device.max_context == null ? "-" : device.max_context.toLocaleString("en"), device.tokens_per_second ? `~${device.tokens_per_second.toFixed(0)}` : "-"];
    return make("tr", {}, ...cells.map((text) => make("td", {}, text)));
  });
  parts.push(make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
  result.warnings.forEach((warning) => parts.push(make("p", {}, warning)));
  return parts;
}

function place(axis, value) {
  const scaled = axis.log ? Math.log10 : Number;
  return (scaled(value) - scaled(axis.low)) / (scaled(axis.high) - scaled(axis.low));
}

// Pixels that there are: letters then have their size on a phone as well.
function wide() {
  return Math.max(320, Math.min(760, figure.clientWidth || 760));
}

function chart(drawn) {
  const W = wide(), H = 420, L = 62, R = 78, T = 30, B = 46, svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": drawn.title });
  const x = (value) => L + place(drawn.x, value) * (W - L - R), y = (value) => H - B - place(drawn.y, value) * (H - T - B);
  for (const tick of drawn.y.ticks) svg.append(make("line", { x1: L, x2: W - R, y1: y(tick.at), y2: y(tick.at), stroke: "var(--faint)", "stroke-width": .5 }), make("text", { x: L - 6, y: y(tick.at) + 4, "text-anchor": "end" }, tick.label));
  const every = W < 560 && drawn.x.ticks.length > 7 ? 2 : 1;
  for (const tick of drawn.x.ticks.filter((_, at) => at % every === 0)) svg.append(make("text", { x: x(tick.at), y: H - B + 18, "text-anchor": "middle" }, tick.label));
  svg.append(make("text", { x: (L + W - R) / 2, y: H - 8, "text-anchor": "middle" }, drawn.x.title), make("text", { x: 4, y: 13 }, drawn.y.title));
  for (const limit of drawn.limits) svg.append(make("line", { x1: L, x2: W - R, y1: y(limit.at), y2: y(limit.at), stroke: "currentColor", "stroke-dasharray": "2 4" }), make("text", { x: L + 4, y: y(limit.at) - 3 }, limit.label));
  drawn.series.forEach((series, number) => {
    const colour = `var(--${COLOURS[number % COLOURS.length]})`, group = make("g", { opacity: series.faint ? .35 : 1 });
    if (series.joined) group.append(make("path", { d: series.spots.map((spot, at) => `${at ? "L" : "M"}${x(spot.x)} ${y(spot.y)}`).join(""), fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": ["none", "8 3", "8 3 2 3", "2 3"][number % 4] }));
    for (const spot of series.spots) {
      if (spot.low != null) group.append(make("line", { x1: x(spot.x), x2: x(spot.x), y1: y(spot.low), y2: y(spot.high), stroke: colour, "stroke-width": 2 }));
      group.append(make("circle", { cx: x(spot.x), cy: y(spot.y), r: 3.5, fill: colour }, make("title", {}, `${spot.label || series.name}: ${spot.y.toLocaleString("en")}`)));
    }
    const last = series.spots[series.spots.length - 1];
    if (last && series.joined) group.append(make("text", { x: x(last.x) + 8, y: y(last.y) + 4 }, series.name));
    svg.append(group);
  });
  const legend = make("p");
  if (!drawn.series.every((series) => series.joined)) drawn.series.forEach((series, number) => legend.append(swatch(`var(--${COLOURS[number % COLOURS.length]})`), ` ${series.name}  `));
  return [svg, legend];
}

function bars(drawn) {
  const W = wide(), row = 26, L = W * .36, R = 120, H = drawn.bars.length * row + 46, svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": drawn.title });
  const long = (value) => Math.max(place(drawn.along, value), 0) * (W - L - R);
  drawn.bars.forEach((one, at) => {
    let reached = 0;
    svg.append(make("text", { x: L - 6, y: at * row + 18, "text-anchor": "end" }, W < 560 && one.name.length > 16 ? `${one.name.slice(0, 15)}…` : one.name, make("title", {}, one.name)));
    one.values.forEach((value, number) => {
      svg.append(make("rect", { x: L + long(reached), y: at * row + 4, width: long(reached + value) - long(reached), height: row - 8, fill: `var(--${COLOURS[number % COLOURS.length]})` }));
      reached += value;
    });
    svg.append(make("text", { x: L + long(reached) + 5, y: at * row + 18 }, one.label));
  });
  for (const tick of drawn.along.ticks) svg.append(make("text", { x: L + long(tick.at), y: H - 26, "text-anchor": "middle" }, tick.label));
  svg.append(make("text", { x: (L + W - R) / 2, y: H - 6, "text-anchor": "middle" }, drawn.along.title));
  const legend = make("p");
  if (drawn.parts.length > 1) drawn.parts.forEach((name, number) => legend.append(swatch(`var(--${COLOURS[number % COLOURS.length]})`), ` ${name}  `));
  return [svg, legend];
}

async function draw(said, mine) {
  const asked = new URLSearchParams({ picture: picture.value, lang }), of = { memory: "model", parts: "model", users: "model", context: "gpu", frontier: "gpu" }[picture.value];
  if (of) asked.set("subject", said.get(of) || "");
  if (picture.value !== "scale" && picture.value !== "parts") ["runtime", "kv_dtype", "batch"].forEach((name) => said.get(name) && asked.set(name, said.get(name)));
  if (of === "model" && picture.value !== "parts") { said.getAll("quant").forEach((one) => asked.append("quant", one)); if (said.get("gpu")) asked.set("gpu", said.get("gpu")); }
  try {
    const drawn = await get("plot", asked);
    if (mine !== turn) return;
    figure.replaceChildren(make("h3", {}, drawn.title), ...(drawn.kind === "bars" ? bars(drawn) : chart(drawn)), make("figcaption", {}, drawn.caption.join(" ")));
  } catch (error) {
    if (mine === turn) figure.replaceChildren(make("p", { class: "error" }, error.message || String(error)));
  }
}

function typed(said) {
  const quoted = (text) => (/^[\w.:/+-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`), words = ["llmscale estimate", quoted(said.get("model") || "")];
  said.getAll("quant").forEach((one) => words.push("-q", quoted(one)));
  [["context", "-c"], ["batch", "-b"], ["kv_dtype", "--kv-dtype"], ["gpu", "--gpu"], ["runtime", "--runtime"]].forEach(([name, flag]) => said.get(name) && words.push(flag, quoted(said.get(name))));
  return words.join(" ");
}

async function ask() {
  const said = question(), mine = ++turn, shared = new URLSearchParams(said);
  shared.set("lang", lang);
  shared.set("picture", picture.value);
  history.replaceState(null, "", `?${shared}`);
  document.getElementById("tokens").textContent = Number(said.get("context")).toLocaleString("en");
  document.getElementById("many").textContent = said.get("batch");
  document.getElementById("command").textContent = typed(said);
  answer.setAttribute("aria-busy", "true");
  try {
    const result = await get("estimate", said);
    if (mine === turn) answer.replaceChildren(...told(result));
  } catch (error) {
    if (mine === turn) answer.replaceChildren(make("p", { class: "error" }, `${say("trouble")}: ${error.message || error}`), make("p", {}, error.hint || ""));
  }
  if (mine === turn) { answer.setAttribute("aria-busy", "false"); draw(said, mine); }
}

async function lists() {
  const fill = async (path, key) => document.getElementById(path).replaceChildren(...(await get(path, ""))[key].map((one) => make("option", { value: one.id }, one.name || one.id)));
  const runtimes = (await get("runtimes", "")).runtimes.map((one) => make("option", { value: one.name }, one.title));
  form.elements.runtime.append(...runtimes);
  restore();
  await Promise.all([fill("models", "models"), fill("devices", "devices"), fill("quants", "quants")]);
}

let waiting;
form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 120); });
form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
picture.addEventListener("change", ask);
document.getElementById("lang").addEventListener("click", () => { lang = lang === "en" ? "zh" : "en"; speak(); ask(); });
restore();
speak();
lists().finally(ask);
