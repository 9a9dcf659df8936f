// One job: its graph, live, and what failed; buttons for what can be done with it.
import { get } from "./api.js";
import { draw } from "./graph.js";
import { checkpoint, checkpoints, stateView } from "./checkpoints.js";
import { course } from "./load.js";
import { vertex } from "./vertex.js";
import { button, card, code, count, duration, empty, esc, link, load, percent, rate, settings, state, table, tabs, time, watermark } from "./format.js";

const METRICS = ["numRecordsInPerSecond", "numRecordsOutPerSecond", "currentInputWatermark"];
const TABS = ["graph", "checkpoints", "state", "exceptions", "configuration"];

export async function job(features, id, tab = "graph", what) {
  const its = await get(`jobs/${id}`);
  const live = !["FINISHED", "FAILED", "CANCELED"].includes(its.state);
  const views = { graph, checkpoints, state: stateView, exceptions, configuration };
  const body = tab === "vertex" ? await vertex(its, what) : tab === "checkpoints" && what ? await checkpoint(its, what) : await (views[tab] ?? graph)(its);
  const buttons = button("savepoint", id, "Savepoint") + button("checkpoint", id, "Checkpoint") + button("stop", id, "Stop with savepoint") +
    (features["web-rescale"] ? button("rescale", id, "Rescale") : "") + (features["web-cancel"] ? button("cancel", id, "Cancel", "danger") : "");
  return `<h1>${esc(its.name)} ${state(its.state)}</h1>` +
    `<div class="empty">${code(id)} · started ${time(its["start-time"])} · ${duration(its.duration)}</div>` +
    (live ? `<div class="actions">${buttons}</div>` : "") + tabs(`jobs/${id}`, TABS, tab) + body;
}

const total = (metrics, name) => metrics.find(m => m.id === name)?.sum;
const lowest = (metrics, name) => metrics.find(m => m.id === name)?.min;

async function loadOf(jobId, vertex) {
  const base = `jobs/${jobId}/vertices/${vertex.id}`;
  const [pressure, metrics] = await Promise.all([
    get(`${base}/backpressure`).catch(() => ({})),
    get(`${base}/subtasks/metrics?get=${METRICS.join(",")}`).catch(() => [])]);
  const mean = name => (pressure.subtasks ?? []).reduce((sum, s) => sum + (Number(s[name]) || 0), 0) / (pressure.subtasks?.length || 1);
  const mark = lowest(metrics, "currentInputWatermark");
  return { name: vertex.name, status: vertex.status, busy: mean("busyRatio"), pressed: mean("ratio"),
    recordsIn: total(metrics, METRICS[0]), recordsOut: total(metrics, METRICS[1]), watermark: mark == null ? null : watermark(mark) };
}

async function graph(its) {
  const over = course(its.jid), loads = new Map(await Promise.all(its.vertices.map(async v => [v.id, await loadOf(its.jid, v)])));
  const rows = its.vertices.map(v => {
    const l = loads.get(v.id);
    return [link(`jobs/${its.jid}/vertex/${v.id}`, esc(v.name)), state(v.status), v.parallelism, count(v.metrics["read-records"]), count(v.metrics["write-records"]),
      rate(l.recordsIn), rate(l.recordsOut), load(l.busy, l.pressed), esc(l.watermark ?? "–")];
  });
  const legend = `<div class="legend"><i class="is-calm"></i>calm <i class="is-warm"></i>busy <i class="is-hot"></i>busy all the time <i class="is-pressed"></i>held back by what follows</div>`;
  return card(draw(its.jid, its.plan.nodes, loads) + legend) + `<h2>Vertices</h2>` +
    table(["vertex", "state", "-#parallelism", "-#records in", "-#records out", "#in", "#out", "load", "-watermark"], rows, "No vertex.") + await over;
}

async function exceptions(its) {
  const { exceptionHistory: history } = await get(`jobs/${its.jid}/exceptions`);
  if (!history.entries.length) return empty("No exception.");
  return history.entries.map(e => `<div class="card spaced"><b>${esc(e.exceptionName)}</b>` +
    (e.failureLabels?.reason ? ` <span class="state FAILED">${esc(e.failureLabels.reason)}</span>` : "") +
    `<div class="empty">${time(e.timestamp)} · ${esc(e.taskName ?? "job")} · ${esc(e.endpoint ?? "")}</div><pre>${esc(e.stacktrace)}</pre></div>`).join("");
}

async function configuration(its) {
  const rows = await get(`jobs/${its.jid}/jobmanager/config`).catch(() => get("jobmanager/config"));
  return settings(rows);
}
