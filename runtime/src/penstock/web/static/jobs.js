// The front page: the cluster in figures, and its jobs.
import { get } from "./api.js";
import { code, duration, esc, link, state, table, tiles, time } from "./format.js";

export async function jobs(features) {
  const [overview, { jobs: all }] = await Promise.all([get("overview"), get("jobs/overview")]);
  const rows = [...all].sort((a, b) => b["start-time"] - a["start-time"]).map(job => [
    link(`jobs/${job.jid}`, esc(job.name)), state(job.state), time(job["start-time"]), duration(job.duration),
    `${job.tasks.running} / ${job.tasks.total}`, code(job.jid)]);
  return `<h1>Jobs</h1>` + tiles([["running", overview["jobs-running"]], ["finished", overview["jobs-finished"]],
    ["cancelled", overview["jobs-cancelled"]], ["failed", overview["jobs-failed"]], ["TaskManagers", overview.taskmanagers],
    ["slots free of all", `${overview["slots-available"]} / ${overview["slots-total"]}`]]) +
    table(["name", "state", "-started", "for", "#tasks", "-id"], rows, "No job yet: the program is starting, or it has not called execute().") +
    await application(all.length || features["web-submit"]);
}

async function application(found) {
  if (found) return "";
  const its = await get("penstock/application").catch(() => null);
  if (!its?.message) return "";
  return `<div class="said ${its.status === "FAILED" ? "bad" : ""}"><b>${esc(its.reason ?? its.status)}</b><pre>${esc(its.message)}</pre></div>`;
}
