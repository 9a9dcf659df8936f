// What the page's buttons do: each asks first, then returns a sentence that says what came of it, or null for a no.
import { get, send, triggered, upload } from "./api.js";
import { ask } from "./dialog.js";

async function savepoint(id) {
  const said = await ask("Take a savepoint? The job goes on.", "Take it", [{ name: "folder", label: "Folder", hint: "the configured one" }]);
  if (!said) return null;
  const done = await triggered(`jobs/${id}/savepoints`, { "target-directory": said.folder || null, "cancel-job": false }, `jobs/${id}/savepoints`);
  return `Savepoint: ${done.location}`;
}

async function stop(id) {
  const said = await ask("Stop this job with a savepoint? Nothing is lost: it can go on from there.", "Stop it", [
    { name: "folder", label: "Folder", hint: "the configured one" },
    { name: "drain", label: "Drain: fire all windows and timers first (the savepoint is then the end)", type: "checkbox" }]);
  if (!said) return null;
  const done = await triggered(`jobs/${id}/stop`, { targetDirectory: said.folder || null, drain: said.drain }, `jobs/${id}/savepoints`);
  return `Stopped; savepoint: ${done.location}`;
}

async function cancel(id) {
  if (!await ask("Cancel this job without a savepoint? What came after its last checkpoint is done again if it is ever resumed.", "Cancel it", [], true)) return null;
  await send("PATCH", `jobs/${id}?mode=cancel`);
  return "The job is being cancelled.";
}

async function rescale(id) {
  const job = await get(`jobs/${id}`), now = Math.max(...job.vertices.map(v => v.parallelism));
  const said = await ask("Change the job's parallelism? It goes on from its newest state within moments.", "Rescale it",
    [{ name: "parallelism", label: "Parallelism of every vertex", type: "number", value: now }]);
  if (!said) return null;
  const upperBound = Number(said.parallelism);
  await send("PUT", `jobs/${id}/resource-requirements`,
    Object.fromEntries(job.vertices.map(v => [v.id, { parallelism: { lowerBound: 1, upperBound } }])));
  return `The job is asked to run at parallelism ${upperBound}.`;
}

async function checkpoint(id) {
  if (!await ask("Take a checkpoint now?", "Take it")) return null;
  const done = await triggered(`jobs/${id}/checkpoints`, { checkpointType: "CONFIGURED" }, `jobs/${id}/checkpoints`);
  return `Checkpoint ${done.checkpointId} is complete.`;
}

async function run(id) {
  const said = await ask("Run this program?", "Run it", [
    { name: "entry", label: "Module", hint: "its main" }, { name: "arguments", label: "Arguments" },
    { name: "parallelism", label: "Parallelism", type: "number" }, { name: "savepoint", label: "Go on from", hint: "path of a savepoint" },
    { name: "lost", label: "State that no operator claims may be dropped", type: "checkbox" }]);
  if (!said) return null;
  const { jobid } = await send("POST", `jars/${id}/run`, {
    entryClass: said.entry || null, programArgsList: said.arguments.match(/"[^"]*"|\S+/g)?.map(a => a.replace(/^"|"$/g, "")) ?? [],
    parallelism: said.parallelism ? Number(said.parallelism) : null, savepointPath: said.savepoint || null, allowNonRestoredState: said.lost });
  location.hash = `#/jobs/${jobid}`;
  return "The job is submitted.";
}

async function forget(id) {
  if (!await ask("Delete this program? Jobs that it started go on.", "Delete it", [], true)) return null;
  await send("DELETE", `jars/${id}`);
  return "Deleted.";
}

export const ACTIONS = { savepoint, stop, cancel, rescale, checkpoint, run, forget };
export const uploadProgram = file => upload("jars/upload", file).then(() => `${file.name} is uploaded.`);
