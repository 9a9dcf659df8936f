// Parallelism and lag of a job over the last hour, as two charts with one time axis.
import { get } from "./api.js";
import { count, esc } from "./format.js";

const clock = ms => new Date(ms).toLocaleTimeString();
const WIDTH = 1000, HEIGHT = 100;

// A chart is stretched to its card: lines keep their width, and words are not part of it.
function chart(points, value, name, words) {
  const begin = points[0].at, whole = Math.max(1, points.at(-1).at - begin), most = Math.max(1, ...points.map(p => value(p) ?? 0));
  const x = p => (WIDTH * (p.at - begin) / whole).toFixed(1), y = v => (HEIGHT - 4 - (HEIGHT - 8) * v / most).toFixed(1);
  const parts = [];
  let open = null;
  points.forEach((p, i) => {
    const v = value(p);
    if (v == null) { open = null; return; }
    if (!open) parts.push(open = { from: x(p), line: `M${x(p)} ${y(v)}` });
    else open.line += name === "lag" ? `L${x(p)} ${y(v)}` : `H${x(p)}V${y(v)}`;
    open.to = x(points[i + 1] && value(points[i + 1]) == null ? points[i + 1] : p);
    if (open.to !== x(p)) open.line += `H${open.to}`;
  });
  const paths = parts.map(p => `<path class="area" d="${p.line}V${HEIGHT}H${p.from}Z"/><path d="${p.line}"/>`).join("");
  return `<div class="course ${name}"><span class="empty">${words(most)}</span>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${esc(name)} over time">${paths}</svg></div>`;
}

export async function course(jobId) {
  const found = await get(`penstock/jobs/${jobId}/load`).catch(() => null), points = found?.points ?? [];
  if (points.length < 2) return "";
  const last = points.at(-1), hasLag = points.some(p => p.lag != null);
  const waits = last.lag == null ? "not known now" : `${count(last.lag)} wait now`;
  return `<h2>Parallelism and lag</h2><div class="card">` +
    chart(points, p => p.status === "RUNNING" ? p.parallelism : null, "parallelism", most => `parallelism: <b>${last.parallelism}</b> now, up to ${most}`) +
    (hasLag ? chart(points, p => p.lag, "lag", most => `records before the sources: <b>${waits}</b>, up to ${count(most)}`)
      : `<span class="empty">No source says how many records wait before it.</span>`) +
    `<div class="axis"><span>${clock(points[0].at)}</span><span>${clock(last.at)}</span></div></div>`;
}
