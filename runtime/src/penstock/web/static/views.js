// The views: each an async function that returns HTML for its place in the address (#/…).
import { get, text } from "./api.js";
import { draw } from "./graph.js";
import { bytes, count, duration, esc, rate, state, table, tiles, time } from "./format.js";

const METRICS = ["numRecordsInPerSecond", "numRecordsOutPerSecond", "currentInputWatermark"];

export async function jobs() {
  const [overview, { jobs: all }] = await Promise.all([get("overview"), get("jobs/overview")]);
  const rows = [...all].sort((a, b) => b["start-time"] - a["start-time"]).map(job => [
    `<a href="#/jobs/${esc(job.jid)}">${esc(job.name)}</a>`, state(job.state), time(job["start-time"]), duration(job.duration),
    `${job.tasks.running} / ${job.tasks.total}`, `<code>${esc(job.jid)}</code>`]);
  return `<h1>Jobs</h1>` + tiles([["running", overview["jobs-running"]], ["finished", overview["jobs-finished"]],
    ["cancelled", overview["jobs-cancelled"]], ["failed", overview["jobs-failed"]], ["TaskManagers", overview.taskmanagers],
    ["slots free of all", `${overview["slots-available"]} / ${overview["slots-total"]}`]]) +
    table(["name", "state", "-started", "for", "#tasks", "-id"], rows, "No job yet: the program is starting, or it has not called execute().") +
    await application(all.length);
}

async function application(found) {
  if (found) return "";
  const its = await get("penstock/application").catch(() => null);
  if (!its?.message) return "";
  return `<div class="said ${its.status === "FAILED" ? "bad" : ""}"><b>${esc(its.reason ?? its.status)}</b><pre>${esc(its.message)}</pre></div>`;
}

export async function job(id, tab = "graph") {
  const its = await get(`jobs/${id}`);
  const live = !["FINISHED", "FAILED", "CANCELED"].includes(its.state);
  const tabs = ["graph", "checkpoints", "exceptions", "configuration"];
  const views = { graph, checkpoints, exceptions, configuration };
  const body = await (views[tab] ?? graph)(its);
  return `<h1>${esc(its.name)} ${state(its.state)}</h1>` +
    `<div class="empty"><code>${esc(id)}</code> · started ${time(its["start-time"])} · ${duration(its.duration)}</div>` +
    (live ? `<div class="actions"><button data-do="savepoint" data-job="${esc(id)}">Savepoint</button>` +
      `<button data-do="stop" data-job="${esc(id)}">Stop with savepoint</button>` +
      `<button class="danger" data-do="cancel" data-job="${esc(id)}">Cancel</button></div>` : "") +
    `<div class="tabs">${tabs.map(t => `<a href="#/jobs/${esc(id)}/${t}" ${t === tab ? 'aria-current="page"' : ""}>${t}</a>`).join("")}</div>` + body;
}

const total = (metrics, name) => metrics.find(m => m.id === name)?.sum;
const lowest = (metrics, name) => metrics.find(m => m.id === name)?.min;

async function loadOf(jobId, vertex) {
  const base = `jobs/${jobId}/vertices/${vertex.id}`;
  const [pressure, metrics] = await Promise.all([
    get(`${base}/backpressure`).catch(() => ({})),
    get(`${base}/subtasks/metrics?get=${METRICS.join(",")}`).catch(() => [])]);
  const mean = name => (pressure.subtasks ?? []).reduce((sum, s) => sum + (Number(s[name]) || 0), 0) / (pressure.subtasks?.length || 1);
  const watermark = lowest(metrics, "currentInputWatermark");
  return { name: vertex.name, status: vertex.status, busy: mean("busyRatio"), pressed: mean("ratio"),
    recordsIn: total(metrics, METRICS[0]), recordsOut: total(metrics, METRICS[1]),
    watermark: watermark > 0 && watermark < 9e15 ? new Date(watermark).toLocaleTimeString() : null };
}

async function graph(its) {
  const load = new Map(await Promise.all(its.vertices.map(async v => [v.id, await loadOf(its.jid, v)])));
  const rows = its.vertices.map(v => {
    const l = load.get(v.id);
    return [esc(v.name), state(v.status), v.parallelism, count(v.metrics["read-records"]), count(v.metrics["write-records"]),
      rate(l.recordsIn), `${Math.round(l.busy * 100)} %`, `${Math.round(l.pressed * 100)} %`];
  });
  return `<div class="card">${draw(its.plan.nodes, load)}</div><h2>Vertices</h2>` +
    table(["vertex", "state", "#parallelism", "#-records in", "#-records out", "#rate in", "#busy", "#back-pressured"], rows, "No vertex.");
}

async function checkpoints(its) {
  const [all, config] = await Promise.all([get(`jobs/${its.jid}/checkpoints`), get(`jobs/${its.jid}/checkpoints/config`).catch(() => ({}))]);
  const latest = all.latest.completed, restored = all.latest.restored;
  const rows = all.history.map(c => [c.id, state(c.status), c.is_savepoint ? "savepoint" : "checkpoint", time(c.trigger_timestamp),
    duration(c.end_to_end_duration), bytes(c.state_size), `${c.num_acknowledged_subtasks} / ${c.num_subtasks}`,
    `<code>${esc(c.external_path ?? c.failure_message ?? "")}</code>`]);
  return tiles([["completed", all.counts.completed], ["failed", all.counts.failed], ["in progress", all.counts.in_progress],
    ["last size", bytes(latest?.state_size)], ["last duration", duration(latest?.end_to_end_duration)],
    ["interval", config.interval > 0 && config.interval < 9e15 ? duration(config.interval) : "off"]]) +
    (restored ? `<div class="said">Restored from ${restored.is_savepoint ? "savepoint" : "checkpoint"} ${esc(restored.id)}: <code>${esc(restored.external_path)}</code></div>` : "") +
    table(["#id", "status", "-kind", "triggered", "#took", "#size", "#-acknowledged", "-path"], rows, "No checkpoint yet.");
}

async function exceptions(its) {
  const { exceptionHistory: history } = await get(`jobs/${its.jid}/exceptions`);
  if (!history.entries.length) return `<div class="card empty">No exception.</div>`;
  return history.entries.map(e => `<div class="card" style="margin-bottom:.7rem"><b>${esc(e.exceptionName)}</b>` +
    `<div class="empty">${time(e.timestamp)} · ${esc(e.taskName ?? "job")} · ${esc(e.endpoint ?? "")}</div><pre>${esc(e.stacktrace)}</pre></div>`).join("");
}

async function configuration(its) {
  const rows = (await get(`jobs/${its.jid}/jobmanager/config`).catch(() => get("jobmanager/config")));
  return table(["key", "value"], rows.map(r => [`<code>${esc(r.key)}</code>`, `<code>${esc(r.value)}</code>`]), "Nothing is configured.");
}

export async function taskmanagers() {
  const { taskmanagers: all } = await get("taskmanagers");
  return `<h1>TaskManagers</h1>` + table(["id", "#slots", "#free", "-last heartbeat", "-cores", "#-memory"], all.map(t => [
    `<code>${esc(t.id)}</code>`, t.slotsNumber, t.freeSlots, time(t.timeSinceLastHeartbeat), t.hardware?.cpuCores ?? "–",
    bytes(t.hardware?.physicalMemory)]), "No TaskManager has registered yet.");
}

export async function jobmanager() {
  const [config, log] = await Promise.all([get("jobmanager/config"), text("jobmanager/log")]);
  return `<h1>JobManager</h1><h2>Configuration</h2>` +
    table(["key", "value"], config.map(r => [`<code>${esc(r.key)}</code>`, `<code>${esc(r.value)}</code>`]), "Nothing is configured.") +
    `<h2>Log</h2><div class="card"><pre>${esc(log.slice(-20000)) || "empty"}</pre></div>`;
}
