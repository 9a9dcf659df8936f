// The processes: TaskManagers and the JobManager, with their figures, configuration, logs and threads.
import { get, text } from "./api.js";
import { bytes, code, card, count, esc, link, log, percent, settings, table, tabs, tiles, time } from "./format.js";

export async function taskmanagers() {
  const { taskmanagers: all } = await get("taskmanagers");
  return `<h1>TaskManagers</h1>` + table(["id", "#slots", "#free", "#tasks", "-last heartbeat", "-#cores", "-#memory"], all.map(t => [
    link(`taskmanagers/${encodeURIComponent(t.id)}`, esc(t.id)), t.slotsNumber, t.freeSlots, t.assignedTasks ?? 0, time(t.timeSinceLastHeartbeat),
    t.hardware?.cpuCores ?? "–", bytes(t.hardware?.physicalMemory)]), "No TaskManager has registered yet.");
}

const dump = found => found.threadInfos.map(t => `<div class="card spaced"><b>${esc(t.threadName)}</b><pre>${esc(t.stringifiedThreadInfo)}</pre></div>`).join("");

async function logs(base, file) {
  const { logs: files } = await get(`${base}/logs`);
  const at = base.startsWith("task") ? `${base}/logs` : "jobmanager/logs";
  return table(["file", "#size", "-changed"], files.map(f => [link(`${at}/${encodeURIComponent(f.name)}`, esc(f.name)), bytes(f.size), time(f.mtime)]), "No log file.") +
    `<h2>${esc(file ?? "The end of it")}</h2>` + log(await text(file ? `${base}/logs/${encodeURIComponent(file)}` : `${base}/log`));
}

export async function taskmanager(id, tab = "overview", file) {
  const base = `taskmanagers/${encodeURIComponent(id)}`;
  const views = { overview, logs: () => logs(base, file), output: async () => log(await text(`${base}/stdout`)), threads: async () => dump(await get(`${base}/thread-dump`)) };
  async function overview() {
    const [its, metrics] = await Promise.all([get(base), get(`${base}/metrics?get=Status.JVM.CPU.Load,Status.JVM.Threads.Count`).catch(() => [])]);
    const value = name => Number(metrics.find(m => m.id === name)?.value);
    return tiles([["slots free of all", `${its.freeSlots} / ${its.slotsNumber}`], ["tasks", its.assignedTasks], ["memory used", bytes(its.metrics.heapUsed)],
      ["of", bytes(its.metrics.heapMax)], ["CPU", percent(value("Status.JVM.CPU.Load"))], ["threads", count(value("Status.JVM.Threads.Count"))]]) +
      `<h2>Slots in use</h2>` + table(["job", "#tasks"], its.allocatedSlots.map(s => [link(`jobs/${s.jobId}`, code(s.jobId)), s.assignedTasks]), "No slot is in use.");
  }
  return `<h1>${esc(id)}</h1>` + tabs(base, Object.keys(views), tab) + await (views[tab] ?? overview)();
}

export async function jobmanager(tab = "overview", file) {
  const views = { overview, configuration, logs: () => logs("jobmanager", file), output: async () => log(await text("jobmanager/stdout")), threads: async () => dump(await get("jobmanager/thread-dump")) };
  async function configuration() { return settings(await get("jobmanager/config")); }
  async function overview() {
    const [config, environment, metrics] = await Promise.all([get("config"), get("jobmanager/environment"), get("jobmanager/metrics?get=Status.JVM.Memory.Heap.Used,Status.JVM.CPU.Load")]);
    const value = name => Number(metrics.find(m => m.id === name)?.value);
    return tiles([["Penstock", esc(config["penstock-version"] ?? "–")], ["REST API of Flink", esc(config["flink-version"])], ["memory used", bytes(value("Status.JVM.Memory.Heap.Used"))],
      ["CPU", percent(value("Status.JVM.CPU.Load"))]]) + card(`${esc(environment.jvm.version)} · ${esc(environment.jvm.arch)} · <a href="metrics">metrics for Prometheus</a>`);
  }
  return `<h1>JobManager</h1>` + tabs("jobmanager", Object.keys(views), tab) + await (views[tab] ?? overview)();
}
