// One vertex: its subtasks, where its time goes, its metrics.
import { get } from "./api.js";
import { flame } from "./flame.js";
import { bytes, code, count, duration, esc, link, load, rate, state, table, tiles, watermark } from "./format.js";

const RATES = ["numRecordsInPerSecond", "numRecordsOutPerSecond", "currentInputWatermark"];
let kind = "full", wanted = "";
export const chooseFlames = chosen => { kind = chosen; };

export async function vertex(its, id) {
  if (wanted !== id) { wanted = id; kind = "full"; }
  const base = `jobs/${its.jid}/vertices/${encodeURIComponent(id)}`;
  const names = its.vertices.find(v => v.id === id)?.parallelism ?? 1;
  const keys = [...Array(names).keys()].flatMap(i => RATES.map(name => `${i}.${name}`));
  const [details, pressure, values, flames] = await Promise.all([get(base), get(`${base}/backpressure`), get(`${base}/metrics?get=${keys.join(",")}`), get(`${base}/flamegraph?type=${kind}`)]);
  const value = new Map(values.map(v => [v.id, v.value])), busy = new Map(pressure.subtasks.map(s => [s.subtask, s]));
  const rows = details.subtasks.map(s => {
    const its = busy.get(s.subtask), at = name => value.get(`${s.subtask}.${name}`);
    return [s.subtask, state(s.status), link(`taskmanagers/${s["taskmanager-id"]}`, esc(s["taskmanager-id"])), count(s.metrics["read-records"]), count(s.metrics["write-records"]),
      bytes(s.metrics["read-bytes"]), bytes(s.metrics["write-bytes"]), rate(at(RATES[0])), rate(at(RATES[1])), load(its?.busyRatio ?? 0, its?.ratio ?? 0), esc(at(RATES[2]) == null ? "–" : watermark(at(RATES[2])))];
  });
  const kinds = ["full", "on_cpu", "off_cpu"].map(k => `<button data-flames="${k}" class="${k === kind ? "primary" : ""}">${k.replace("_", " ")}</button>`).join("");
  return `<h2>${esc(details.name)}</h2>` + tiles([["parallelism", details.parallelism], ["max parallelism", details.maxParallelism],
    ["running for", duration(Math.max(0, ...details.subtasks.map(s => s.duration)))]]) +
    table(["#subtask", "state", "-TaskManager", "-#records in", "-#records out", "-#bytes in", "-#bytes out", "#in", "#out", "load", "-watermark"], rows, "No subtask is deployed.") +
    `<h2>Where its time goes</h2><div class="actions">${kinds}</div>` + flame(flames) + `<h2>Metrics</h2>` + await metrics(base);
}

async function metrics(base) {
  const names = (await get(`${base}/subtasks/metrics`)).map(m => m.id);
  if (!names.length) return table([], [], "No metric yet.");
  const found = await get(`${base}/subtasks/metrics?get=${names.map(encodeURIComponent).join(",")}`);
  const plain = n => n == null || Math.abs(n) > 9e15 ? "–" : Number.isInteger(n) || Math.abs(n) >= 1000 ? count(n) : Number(n).toPrecision(3);
  return table(["metric", "#least", "-#mean", "#most", "-#sum"], found.map(m => [code(m.id), plain(m.min), plain(m.avg), plain(m.max), plain(m.sum)]), "No metric yet.");
}
