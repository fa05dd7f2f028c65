// SPDX-License-Identifier: Apache-2.0
// This file is about what a person does on the page.  Words of files and of Python are shown as text, never as markup.
"use strict";

const SLOTS = ["original", "reduced", "certificate"];
const MOST_SECONDS = 1800;
const MEANINGS = {
  equivalent: "The certificate holds: this is proved, at every input named, over the real numbers.",
  within: "The certificate holds: no output differs by more than this on the box named.",
  unsat: "The certificate holds: over the real numbers, no inputs satisfy the query.",
  different: "The certificate holds: it shows an input at which the two networks differ.",
  rejected: "The certificate does not show what it claims. Whether the claim is true stays open.",
  unknown: "No answer: the work was too much here.",
  unsupported: "No answer: no rule covers something in these files.",
  malformed: "No answer: a file cannot be read as what it should be.",
  stopped: "No answer: the work was ended before the checker had finished.",
  "no answer": "Nothing is said about the networks: the checker did not come to an end here.",
};
const KIND = { equivalent: "good", within: "good", unsat: "good", rejected: "bad", different: "bad" };
const $ = (selector) => document.querySelector(selector);
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
const chosen = { original: null, reduced: null, certificate: null, beside: [] };

// Python

let worker, waiting, offered, number = 0, version = "";
let wanted = new URLSearchParams(location.search).get("try"); // an example to begin with

function begin() {
  // A worker that begins as a blob is bound by this page's rules of what may be fetched.
  const source = JSON.stringify(new URL("worker.js", location.href).href);
  const begun = URL.createObjectURL(new Blob([`import ${source};`], { type: "text/javascript" }));
  waiting = new Map();
  worker = new Worker(begun, { type: "module" });
  worker.onmessage = ({ data }) => {
    URL.revokeObjectURL(begun);
    if (data.ready) return welcome();
    if (data.id === undefined) return fail(data.broken);
    waiting.get(data.id)?.(data.broken === undefined ? data.answer : { error: `Python ended: ${data.broken}` });
    waiting.delete(data.id);
    if (data.broken !== undefined) restart("Python ended, and was started again.");
  };
  worker.onerror = (event) => fail(event.message || "the browser cannot start it");
  say("loading", "Loading Python\u2026");
}

function ask(question, words = [], files = null) {
  const id = ++number;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    worker.postMessage({ id, question, words, files });
  });
}

function restart(why) {
  worker.terminate();
  for (const resolve of waiting.values()) resolve({ stopped: why });
  begin();
}

function say(state, words) {
  $("#state").dataset.state = state;
  $("#state").textContent = words;
  const idle = state === "ready";
  for (const button of document.querySelectorAll("button")) if (button.id !== "swap" && !button.matches(".stop")) button.disabled = !idle;
  $("#files .main").disabled = !idle || SLOTS.some((slot) => !chosen[slot]);
  $("#swap").disabled = state === "busy";
  showQuestion();
}

function ready() {
  say("ready", `Python ${version} is ready, in this browser.`);
}

function fail(why) {
  say("failed", `Python did not start: ${why}`);
}

async function welcome() {
  const found = await ask("about");
  $("#hash").textContent = found.sha256 ?? found.error;
  version = found.python ?? "";
  ready();
  await offered;
  if (wanted) $(`[data-example="${CSS.escape(wanted)}"]`)?.click();
  wanted = null;
}

// One question at a time, with a clock and a way to end it.
async function work(words, question, args, files) {
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
  say("busy", words);
  const clock = (words) => each(".clock", (place) => (place.textContent = words));
  each(".stop", (button) => (button.hidden = false));
  clock("");
  const tick = setInterval(() => clock(`${seconds()} s`), 100);
  const end = setTimeout(() => restart(`Ended after ${MOST_SECONDS} s.`), 1000 * MOST_SECONDS);
  const found = await ask(question, args, files);
  clearInterval(tick);
  clearTimeout(end);
  each(".stop", (button) => (button.hidden = true));
  clock(`${seconds()} s`);
  if ($("#state").dataset.state === "busy") ready();
  return found;
}

// Files

function show() {
  for (const slot of SLOTS) {
    caption($(`[data-slot="${slot}"]`), chosen[slot]);
  }
  $("#files .main").disabled = $("#state").dataset.state !== "ready" || SLOTS.some((slot) => !chosen[slot]);
}

function caption(label, file) {
  label.classList.toggle("full", Boolean(file));
  label.querySelector(".name").textContent = file ? `${file.name} (${size(file.size)})` : "drop or choose a file";
}

function size(bytes) {
  return bytes === 1 ? "1 byte" : bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function take(files) {
  const left = [...files];
  const proof = left.findIndex((file) => file.name.endsWith(".cert.json"));
  if (proof >= 0) chosen.certificate = left.splice(proof, 1)[0];
  left.sort((a, b) => b.size - a.size);
  if (left.length >= 2) [chosen.original, chosen.reduced] = left;
  else if (left.length) chosen[chosen.original && !chosen.reduced ? "reduced" : "original"] = left[0];
  show();
}

const loaded = async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });

async function check() {
  const words = $("#files").words.value.split(/\s+/).filter(Boolean);
  $("#answer").hidden = $("#asked").hidden = true;
  const files = { beside: await Promise.all(chosen.beside.map(loaded)) };
  try {
    for (const slot of SLOTS) files[slot] = await loaded(chosen[slot]);
  } catch (error) {
    return tell("no answer", `a file could not be read: ${error.message}`);
  }
  const roles = SLOTS.map((role) => ({ role }));
  const found = await work("check.py is reading\u2026", "judge", [...roles, ...words], files);
  if (!judged(found, $("#answer"))) return;
  const quoted = SLOTS.map((slot) => quote(chosen[slot].name));
  $("#asked pre").textContent = ["python3 -I check.py", ...quoted, ...words.map(quote)].join(" ");
  $("#asked").hidden = false;
}

// Show what check.py said; whether it came to an end.
function judged(found, box) {
  const broken = found.error !== undefined || found.code === 5;
  const [, word, reason] = found.line?.match(/^([a-z]+): (.*)$/) ?? [null, "", found.line];
  if (found.stopped) tell("stopped", found.stopped, box);
  else if (broken) tell("no answer", found.error ?? found.line, box);
  else tell(found.code === 2 ? "malformed" : word, reason, box);
  return !found.stopped && !broken;
}

function tell(word, reason, answer = $("#answer")) {
  answer.className = `verdict ${KIND[word] ?? ""}`;
  answer.querySelector(".word").textContent = word;
  answer.querySelector(".reason").textContent = reason;
  answer.querySelector(".meaning").textContent = MEANINGS[word] ?? "";
  answer.hidden = false;
}

const quote = (word) => (/^[\w.,/=+:@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

// Examples: fetched once, so that the page needs nobody after that.

async function offer() {
  const contents = await (await fetch("contents.json")).json();
  $("#lab3").hidden = $("#to-lab3").hidden = !contents.z3;
  for (const example of contents.examples) {
    const files = await Promise.all(example.files.map(fetched));
    card($("#examples"), example, () => {
      [chosen.original, chosen.reduced, chosen.certificate] = files;
      chosen.beside = [];
      $("#files").reset();
      show();
      return check().then(() => $("#answer").scrollIntoView({ block: "nearest" }));
    });
  }
  for (const example of contents.queries) {
    const [query, certificate, ...networks] = await Promise.all([example.query, example.certificate, ...Object.values(example.networks)].map(fetched));
    card($("#queries"), example, () => askQuestion(query, certificate, networks));
  }
}

const fetched = async (name) => new File([await (await fetch(`examples/${name}`)).blob()], name);

function card(list, example, run) {
  const item = document.createElement("li");
  const title = item.appendChild(document.createElement("strong"));
  const words = item.appendChild(document.createElement("p"));
  const button = item.appendChild(document.createElement("button"));
  [title.textContent, words.textContent, button.textContent] = [example.title, example.words, "Try it"];
  [button.type, button.disabled] = ["button", $("#state").dataset.state !== "ready"];
  button.dataset.example = example.key;
  button.setAttribute("aria-label", `Try it: ${example.title}`);
  button.onclick = run;
  list.append(item);
}

// One page of code

async function lump() {
  const found = await work("microlump is looking\u2026", "lump", [$("#network").value]);
  if (!found.claims) return merged("", found.stopped ? "stopped" : "not a network", found.stopped ?? found.error);
  $("#claims").value = `[\n${found.claims.map((rows) => ` [${rows.map((row) => JSON.stringify(row)).join(", ")}]`).join(",\n")}\n]`;
  await claim();
}

async function claim() {
  const found = await work("microlump is checking\u2026", "claim", [$("#network").value, $("#claims").value]);
  if (!found.small) return merged("", found.stopped ? "stopped" : "not claims", found.stopped ?? found.error);
  const [before, after] = found.sizes;
  const network = written(found.small);
  if (found.right) merged("good", "right", `${before} \u2192 ${after} hidden neurons, and the same function:`, network);
  else merged("bad", "wrong", "A claim does not hold of the network that these claims make:", network);
}

function written(network) {
  const layers = network.map(([weights, biases]) => ` [${JSON.stringify(weights)},\n  ${JSON.stringify(biases)}]`);
  return `[\n${layers.join(",\n").replaceAll(/"(-?\d+)"/g, "$1")}\n]`;
}

function merged(kind, word, reason, network = "") {
  const box = $("#merged");
  box.className = `verdict ${kind}`;
  box.querySelector(".word").textContent = word;
  box.querySelector(".reason").textContent = reason;
  box.querySelector("pre").textContent = network;
  box.querySelector("pre").hidden = !network;
  box.hidden = false;
}

// Lab 3

async function solve() {
  const box = $("#solved");
  box.hidden = true;
  const found = await work("Z3 is thinking\u2026", "solve", [$("#first").value, $("#second").value]);
  const [word, reason] = box.querySelectorAll("p");
  box.hidden = false;
  box.className = `verdict ${{ sat: "bad", unsat: "good" }[found.answer] ?? ""}`;
  word.textContent = found.answer ?? (found.stopped ? "stopped" : "no answer");
  if (found.answer === "sat") {
    const point = found.point.map((value, i) => `x${i + 1} = ${value}`).join(", ");
    const [first, second] = found.outputs.map((outputs) => outputs.join(", "));
    reason.textContent = `They differ: at ${point} the outputs are ${first} and ${second}, computed in fractions.`;
  } else if (found.answer) {
    const words = { unsat: "Z3 finds no input: the same function, if Z3 and the question are right.", unknown: "Z3 does not know." };
    reason.textContent = `${words[found.answer] ?? ""} (Z3 ${found.version})`;
  } else reason.textContent = found.stopped ?? found.error;
}

async function correct() {
  const lumped = await ask("lump", [$("#first").value]);
  const made = lumped.claims ? await ask("claim", [$("#first").value, JSON.stringify(lumped.claims)]) : lumped;
  if (made.small) $("#second").value = written(made.small);
}

// Lab 2

let asked, current;

async function deal() {
  const seed = Math.trunc(Math.abs(Number($("#seed").value))) || 0;
  const found = await work("Forging\u2026", "deal", [seed]);
  if (!found.claims) return ($("#score").textContent = found.stopped ?? found.error);
  [asked, current] = [new Set(), null];
  const rows = found.neurons.map((neuron, unit) => {
    const row = document.createElement("tr");
    for (const [i, word] of [unit, ...neuron].entries()) {
      const cell = row.appendChild(document.createElement("td"));
      cell.textContent = word;
      if (i) cell.className = "n";
    }
    return row;
  });
  $("#neurons tbody").replaceChildren(...rows);
  $("#claimed").replaceChildren(...found.claims.map(claimed));
  for (const part of ["#verdicts", "#point", "#bug"]) $(part).hidden = true;
  $("#game").hidden = false;
  $("#score").textContent = "Click the one that you think gets through.";
}

function claimed(words, n) {
  const item = document.createElement("li");
  const button = item.appendChild(document.createElement("button"));
  const place = button.appendChild(document.createElement("span"));
  [place.className, place.textContent, button.type] = ["number", n, "button"];
  button.append(words);
  button.dataset.forgery = n;
  button.onclick = () => put(n, button);
  return item;
}

async function put(n, button) {
  const found = await work("Two checkers are reading\u2026", "ask", [n]);
  const box = $("#verdicts");
  box.hidden = false;
  if (found.honest === undefined) {
    [box.className, box.querySelector(".word").textContent] = ["verdict", found.stopped ?? found.error];
    return;
  }
  asked.add(n);
  for (const other of document.querySelectorAll(".chosen")) other.classList.remove("chosen");
  button.classList.add("asked", "chosen");
  button.classList.toggle("fooled", found.fooled);
  box.className = `verdict ${found.fooled ? "bad" : ""}`;
  box.querySelector(".word").textContent = found.fooled ? `Forgery ${n} gets through` : `Forgery ${n}: both say no`;
  box.querySelector(".reason").textContent = `check.py: ${found.honest}`;
  box.querySelector(".other").textContent = `the one with the bug: ${found.planted}`;
  const tries = asked.size === 1 ? "1 try" : `${asked.size} tries`;
  $("#score").textContent = found.fooled ? `Found, after ${tries}.` : `${tries} so far.`;
  if (found.fooled) {
    current = n;
    $("#point").hidden = false;
  }
  box.scrollIntoView({ block: "nearest" });
}

async function compute() {
  const { x1, x2 } = $("#point");
  const found = await work("Computing\u2026", "values", [current, [x1.value, x2.value]]);
  const result = $("#point .result");
  if (!found.outputs) return (result.textContent = found.stopped ?? found.error);
  const [big, small] = found.outputs.map((outputs) => outputs.join(", "));
  result.textContent = found.differ ? `${big} and ${small}: they differ. Well done.` : `${big} and ${small}: equal here. Elsewhere?`;
  if (found.differ && $("#bug").hidden) {
    const lines = await ask("bug");
    $("#bug pre").textContent = `- ${lines.right}\n+ ${lines.wrong}`;
    $("#bug").hidden = false;
  }
}

// What is where

function hover(label) {
  label.ondragover = () => label.classList.add("over");
  label.ondragleave = () => label.classList.remove("over");
}

function listen() {
  for (const slot of SLOTS) {
    const label = $(`[data-slot="${slot}"]`), input = label.querySelector("input");
    input.onchange = () => {
      chosen[slot] = input.files[0] ?? null;
      show();
    };
    hover(label);
  }
  document.ondragover = (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  };
  document.ondragleave = (event) => event.relatedTarget || document.body.classList.remove("over");
  document.ondrop = (event) => {
    event.preventDefault();
    for (const part of document.querySelectorAll(".over")) part.classList.remove("over");
    const { files } = event.dataTransfer, slot = event.target.closest?.("[data-slot]")?.dataset.slot;
    const part = event.target.closest?.("[data-part]")?.dataset.part;
    if (slot && files.length === 1) {
      chosen[slot] = files[0];
      show();
    } else if (part && files.length === 1) fill(part, files[0]);
    else if ([...files].some((file) => isQuery(file.name))) takeQuestion(files);
    else take(files);
  };
  $("#files").beside.onchange = (event) => (chosen.beside = [...event.target.files]);
  $("#files").onsubmit = (event) => {
    event.preventDefault();
    check();
  };
  listenToQuestions();
  $("#swap").onclick = () => {
    [chosen.original, chosen.reduced] = [chosen.reduced, chosen.original];
    show();
  };
  each(".stop", (button) => (button.onclick = () => restart("Stopped. Python is started again.")));
  $("#lump").onclick = lump;
  $("#claim").onclick = claim;
  $("#solve").onclick = solve;
  $("#correct").onclick = correct;
  $("#deal").onclick = deal;
  $("#point").onsubmit = (event) => {
    event.preventDefault();
    compute();
  };
}

listen();
if (location.protocol === "file:") fail("browsers load it over http only. In this folder: python3 -m http.server --bind 127.0.0.1 8000, then http://127.0.0.1:8000");
else {
  begin();
  offered = offer().catch((error) => ($("#examples").textContent = `The examples could not be fetched: ${error.message}`));
}
