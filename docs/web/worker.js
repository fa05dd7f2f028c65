// SPDX-License-Identifier: Apache-2.0
// This file is about Python, which runs here, apart from the page: so the page stays alive, and can stop it.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const HERE = new URL(".", import.meta.url).href;
const MODULES = ["exactlump/check.py", "examples/microlump.py", "docs/labs/forge.py", "standin.py", "bridge.py"];
const FILES = "/files";

async function start() {
  const texts = MODULES.map(async (name) => {
    const reply = await fetch(`${HERE}python/${name}`);
    if (!reply.ok) throw new Error(`${name}: found HTTP ${reply.status}`);
    return new Uint8Array(await reply.arrayBuffer());
  });
  const python = await loadPyodide({ indexURL: `${HERE}pyodide/` });
  for (const [i, name] of MODULES.entries()) {
    const path = `/project/${name}`;
    python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    python.FS.writeFile(path, await texts[i]);
  }
  python.runPython("import sys; sys.path.insert(0, '/project')");
  return [python, python.pyimport("bridge")];
}

// Z3 is brought when it is first asked.
async function solver(python) {
  if (python.FS.analyzePath("/z3.whl").exists) return;
  const reply = await fetch(`${HERE}z3.whl`);
  if (!reply.ok) throw new Error(`z3.whl: found HTTP ${reply.status}`);
  const wheel = new Uint8Array(await reply.arrayBuffer());
  python.unpackArchive(wheel, "wheel");
  python.FS.writeFile("/z3.whl", "");
}

// A name is one step of a path, whatever a file is called.
const safe = (name) => name.replaceAll(/[/\0]/g, "_").replace(/^\.{1,2}$/, "_");

// Each file gets a folder of its own, named for its role, with what lies beside a network; returns the path by the role.
function lay(python, files) {
  const { FS } = python;
  const names = (folder) => (FS.analyzePath(folder).exists ? FS.readdir(folder).filter((name) => !/^\.{1,2}$/.test(name)) : []);
  for (const role of names(FILES)) for (const name of names(`${FILES}/${role}`)) FS.unlink(`${FILES}/${role}/${name}`);
  const { beside = [], ...roles } = files, paths = {};
  for (const [role, { name, bytes }] of Object.entries(roles)) {
    FS.mkdirTree(`${FILES}/${role}`);
    const others = ["certificate", "query"].includes(role) ? [] : beside;
    for (const other of others) FS.writeFile(`${FILES}/${role}/${safe(other.name)}`, other.bytes);
    paths[role] = `${role}/${safe(name)}`;
    FS.writeFile(`${FILES}/${paths[role]}`, bytes);
  }
  return paths;
}

// A word of the command line, or the path of the file of a role, with what stands before it.
function spelt(words, paths) {
  return words.map((word) => (typeof word === "string" ? word : `${word.before ?? ""}${paths[word.role]}`));
}

const started = start();
started.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ broken: String(error.message ?? error) }),
);

onmessage = async ({ data }) => {
  try {
    const [python, bridge] = await started;
    const words = data.files ? [FILES, ...spelt(data.words, lay(python, data.files))] : data.words;
    if (data.question === "solve") await solver(python);
    postMessage({ id: data.id, answer: JSON.parse(bridge.answer(data.question, JSON.stringify(words))) });
  } catch (error) {
    postMessage({ id: data.id, broken: String(error.message ?? error).trim().split("\n").pop() });
  }
};
