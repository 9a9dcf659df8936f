// Checkpoints of a job: how large, how long, where; one of them by vertex and subtask; and the job's state by vertex.
import { get } from "./api.js";
import { bytes, card, code, duration, empty, esc, link, state, table, tiles, time } from "./format.js";

// Durations of the last checkpoints as bars, oldest first; a failed one is red.
function bars(history) {
  if (history.length < 2) return "";
  const all = [...history].reverse(), longest = Math.max(1, ...all.map(c => c.end_to_end_duration)), largest = Math.max(1, ...all.map(c => c.state_size));
  const width = 100 / all.length;
  const draw = (of, most, unit) => `<svg class="bars" viewBox="0 0 100 34" preserveAspectRatio="none">${all.map((c, i) => {
    const height = Math.max(1, 32 * of(c) / most);
    return `<rect class="${esc(c.status)}" x="${i * width + width * .1}" y="${34 - height}" width="${width * .8}" height="${height}"><title>${c.id}: ${unit(of(c))}</title></rect>`;
  }).join("")}</svg>`;
  return `<div class="pair">${card(`<span class="empty">durations, up to ${duration(longest)}</span>${draw(c => c.end_to_end_duration, longest, duration)}`)}` +
    `${card(`<span class="empty">sizes, up to ${bytes(largest)}</span>${draw(c => c.state_size, largest, bytes)}`)}</div>`;
}

export async function checkpoints(its) {
  const [all, config] = await Promise.all([get(`jobs/${its.jid}/checkpoints`), get(`jobs/${its.jid}/checkpoints/config`).catch(() => ({}))]);
  const latest = all.latest.completed, restored = all.latest.restored;
  const rows = all.history.map(c => [link(`jobs/${its.jid}/checkpoints/${c.id}`, c.id), state(c.status), c.is_savepoint ? "savepoint" : "checkpoint", time(c.trigger_timestamp),
    duration(c.end_to_end_duration), bytes(c.state_size), `${c.num_acknowledged_subtasks} / ${c.num_subtasks}`, code(c.external_path ?? c.failure_message ?? "")]);
  return tiles([["completed", all.counts.completed], ["failed", all.counts.failed], ["in progress", all.counts.in_progress],
    ["last size", bytes(latest?.state_size)], ["last duration", duration(latest?.end_to_end_duration)],
    ["interval", config.interval > 0 && config.interval < 9e15 ? duration(config.interval) : "off"]]) +
    (restored ? `<div class="said">Restored from ${restored.is_savepoint ? "savepoint" : "checkpoint"} ${esc(restored.id)}: ${code(restored.external_path)}</div>` : "") +
    bars(all.history) +
    table(["#id", "status", "-kind", "-triggered", "#took", "#size", "-#acknowledged", "-path"], rows, "No checkpoint yet.");
}

async function byVertex(its, details) {
  const rows = await Promise.all(its.vertices.filter(v => details.tasks[v.id]).map(async v => {
    const task = details.tasks[v.id];
    const more = await get(`jobs/${its.jid}/checkpoints/details/${details.id}/subtasks/${v.id}`).catch(() => null);
    const worst = more?.summary;
    return [esc(v.name), `${task.num_acknowledged_subtasks} / ${task.num_subtasks}`, bytes(task.state_size), duration(task.end_to_end_duration),
      duration(worst?.alignment.duration.max), duration(worst?.checkpoint_duration.sync.max), duration(worst?.checkpoint_duration.async.max), duration(worst?.start_delay.max)];
  }));
  return table(["vertex", "-#acknowledged", "#size", "#took", "-#alignment", "-#sync", "-#async", "-#start delay"], rows, "No vertex took part yet.");
}

export async function checkpoint(its, number) {
  const details = await get(`jobs/${its.jid}/checkpoints/details/${encodeURIComponent(number)}`);
  return `<h2>${details.is_savepoint ? "Savepoint" : "Checkpoint"} ${esc(details.id)} ${state(details.status)}</h2>` +
    tiles([["size", bytes(details.state_size)], ["written", bytes(details.checkpointed_size)], ["took", duration(details.end_to_end_duration)], ["triggered", time(details.trigger_timestamp)]]) +
    (details.external_path ? `<div class="said">${code(details.external_path)}</div>` : "") +
    (details.failure_message ? `<div class="said bad"><pre>${esc(details.failure_message)}</pre></div>` : "") + await byVertex(its, details);
}

export async function stateView(its) {
  const { latest } = await get(`jobs/${its.jid}/checkpoints`);
  const newest = [latest.completed, latest.savepoint].filter(Boolean).sort((a, b) => b.id - a.id)[0];
  if (!newest) return empty("The size of state is known once a checkpoint is complete.");
  const details = await get(`jobs/${its.jid}/checkpoints/details/${newest.id}`);
  const all = Math.max(1, details.state_size);
  const rows = its.vertices.map(v => [details.tasks[v.id]?.state_size ?? 0, v]).sort((a, b) => b[0] - a[0]).map(([size, v]) =>
    [esc(v.name), v.parallelism, bytes(size), bytes(size / v.parallelism), `<span class="load"><i class="busy" style="width:${100 * size / all}%"></i></span>`]);
  return `<p class="empty">As of ${link(`jobs/${its.jid}/checkpoints/${newest.id}`, `checkpoint ${newest.id}`)}, ${time(newest.latest_ack_timestamp)}. ` +
    `<code>penstock state show PATH</code> looks into it.</p>` + table(["vertex", "-#parallelism", "#state", "-#for each subtask", "share"], rows, "No vertex.");
}
