// The page: shows the view that the address names, again every few seconds, and carries out its buttons.
import { get, send, triggered } from "./api.js";
import { esc } from "./format.js";
import * as views from "./views.js";

const view = document.getElementById("view"), live = document.getElementById("live");
let interval = 3000, shown = "", said = "";

function route() {
  const [first, id, tab] = location.hash.replace(/^#\/?/, "").split("/");
  if (first === "jobs" && id) return views.job(encodeURIComponent(id), tab);
  if (first === "taskmanagers") return views.taskmanagers();
  if (first === "jobmanager") return views.jobmanager();
  return views.jobs();
}

async function show() {
  const wanted = location.hash;
  try {
    const html = await route();
    if (wanted !== location.hash) return;
    if (html + said !== shown) view.innerHTML = said + (shown = html + said, html);
    live.textContent = `updated ${new Date().toLocaleTimeString()}`;
    live.className = "";
  } catch (error) {
    live.textContent = "not answering";
    live.className = "lost";
    if (!shown) view.innerHTML = `<div class="said bad"><pre>${esc(error.message)}</pre></div>`;
  }
}

const ACTIONS = {
  savepoint: id => triggered(`jobs/${id}/savepoints`, { "cancel-job": false }, `jobs/${id}/savepoints`).then(o => `Savepoint: ${o.location}`),
  stop: id => triggered(`jobs/${id}/stop`, { drain: false }, `jobs/${id}/savepoints`).then(o => `Stopped; savepoint: ${o.location}`),
  cancel: id => send("PATCH", `jobs/${id}?mode=cancel`).then(() => "Cancelling."),
};
const QUESTIONS = { stop: "Stop this job with a savepoint?", cancel: "Cancel this job without a savepoint?" };

view.addEventListener("click", async event => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const { do: action, job } = button.dataset;
  if (QUESTIONS[action] && !confirm(QUESTIONS[action])) return;
  button.disabled = true;
  said = `<div class="said">${esc(action)} under way…</div>`;
  try { said = `<div class="said">${esc(await ACTIONS[action](job))}</div>`; }
  catch (error) { said = `<div class="said bad"><pre>${esc(error.message)}</pre></div>`; }
  show();
});

addEventListener("hashchange", () => { shown = said = ""; view.focus(); show(); });

async function main() {
  interval = (await get("config").catch(() => ({})))["refresh-interval"] || interval;
  for (;;) {
    if (!document.hidden) await show();
    await new Promise(resolve => setTimeout(resolve, interval));
  }
}
main();
