// SPDX-License-Identifier: Apache-2.0
// This file is about the form for queries: which networks a query asks for, their files, and what check.py says.
// It is read before page.js, whose functions it calls once both are there.
"use strict";

const asking = { query: null, certificate: null, networks: new Map() };
const isQuery = (file) => /\.vnnlib(\.gz)?$/i.test(file);

function listenToQuestions() {
  for (const part of ["query", "certificate"]) attend($(`[data-part="${part}"]`), part);
  $("#question").onsubmit = (event) => {
    event.preventDefault();
    checkQuestion();
  };
}

function attend(label, part) {
  const input = label.querySelector("input");
  input.onchange = () => fill(part, input.files[0] ?? null);
  hover(label);
}

// Put a file where it belongs: `query`, `certificate`, or a network by its name, `network NAME`.
async function fill(part, file) {
  if (part === "query") return read(file);
  if (part === "certificate") asking.certificate = file;
  else asking.networks.set(part.slice("network ".length), file);
  showQuestion();
}

// Read a query, and make a place for each network of which it wants a file; those of the same names stay.
async function read(file) {
  asking.query = file;
  const before = asking.networks;
  asking.networks = new Map();
  $("#told").hidden = $("#told-command").hidden = true;
  if (file) {
    const found = await work("check.py is reading the query\u2026", "networks", [{ role: "query" }], { query: await loaded(file) });
    for (const name of found.names ?? []) asking.networks.set(name, before.get(name) ?? null);
    if (!found.names) tell(found.stopped ? "stopped" : "malformed", found.stopped ?? found.error, $("#told"));
  }
  places();
  showQuestion();
}

function places() {
  for (const old of document.querySelectorAll('[data-part^="network "]')) old.remove();
  const last = $('[data-part="certificate"]');
  for (const network of asking.networks.keys()) {
    const label = last.cloneNode(true);
    label.dataset.part = `network ${network}`;
    label.querySelector(".role").textContent = `Network ${network}`;
    label.querySelector("input").accept = ".onnx,.gz,.nnet,.json";
    label.querySelector("input").name = `network ${network}`;
    attend(label, label.dataset.part);
    last.before(label);
  }
}

const isComplete = () => asking.query && asking.certificate && asking.networks.size > 0 && [...asking.networks.values()].every(Boolean);

function showQuestion() {
  caption($('[data-part="query"]'), asking.query);
  caption($('[data-part="certificate"]'), asking.certificate);
  for (const [network, file] of asking.networks) {
    const label = $(`[data-part="network ${CSS.escape(network)}"]`);
    if (label) caption(label, file);
  }
  $("#question .main").disabled = $("#state").dataset.state !== "ready" || !isComplete();
}

// Files that were dropped together: the query, its certificate, and networks, by name where a name fits, else in order.
async function takeQuestion(files) {
  const left = [...files];
  const query = left.splice(left.findIndex((file) => isQuery(file.name)), 1)[0];
  for (const [i, file] of left.entries())
    if (file.name.endsWith(".json") && (await file.text()).includes('"exactlump query certificate"')) {
      asking.certificate = left.splice(i, 1)[0];
      break;
    }
  await read(query);
  const stem = (file) => file.name.split(".")[0];
  for (const network of asking.networks.keys()) {
    const at = left.findIndex((file) => stem(file) === network);
    if (at >= 0) asking.networks.set(network, left.splice(at, 1)[0]);
  }
  for (const [network, file] of asking.networks) if (!file && left.length) asking.networks.set(network, left.shift());
  showQuestion();
  $("#query").scrollIntoView({ block: "nearest" });
}

async function askQuestion(query, certificate, networks) {
  $("#question").reset();
  asking.certificate = certificate;
  await read(query);
  for (const [i, network] of [...asking.networks.keys()].entries()) asking.networks.set(network, networks[i]);
  showQuestion();
  await checkQuestion();
  $("#told").scrollIntoView({ block: "nearest" });
}

async function checkQuestion() {
  $("#told").hidden = $("#told-command").hidden = true;
  const words = ["--query", { role: "query" }], files = {}, networks = [...asking.networks];
  try {
    for (const part of ["query", "certificate"]) files[part] = await loaded(asking[part]);
    for (const [i, [network, file]] of networks.entries()) {
      files[`network${i}`] = await loaded(file);
      words.push("--network", { role: `network${i}`, before: `${network}=` });
    }
  } catch (error) {
    return tell("no answer", `a file could not be read: ${error.message}`, $("#told"));
  }
  const found = await work("check.py is reading\u2026", "judge", [...words, { role: "certificate" }], files);
  if (!judged(found, $("#told"))) return;
  const named = networks.flatMap(([network, file]) => ["--network", quote(`${network}=${file.name}`)]);
  const command = ["python3 -I check.py --query", quote(asking.query.name), ...named, quote(asking.certificate.name)];
  $("#told-command pre").textContent = command.join(" ");
  $("#told-command").hidden = false;
}
