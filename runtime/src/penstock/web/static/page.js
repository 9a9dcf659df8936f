// The page: shows the view that the address names, again every few seconds, and carries out its buttons.
import { get, onTokenWanted } from "./api.js";
import { ACTIONS, uploadProgram } from "./actions.js";
import { ask } from "./dialog.js";
import { esc } from "./format.js";
import { job } from "./job.js";
import { jobs } from "./jobs.js";
import { jobmanager, taskmanager, taskmanagers } from "./managers.js";
import { programs } from "./programs.js";
import { chooseFlames } from "./vertex.js";

const view = document.getElementById("view"), live = document.getElementById("live");
let interval = 3000, shown = null, said = "", features = {}, asking = null;

onTokenWanted(() => asking ??= ask("This JobManager wants its token (penstock.rest.token).", "Use it", [{ name: "token", label: "Token", type: "password" }])
  .then(found => { asking = null; return found?.token; }));

function route() {
  const [first, id, tab, what] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (first === "jobs" && id) return job(features, encodeURIComponent(id), tab, what);
  if (first === "taskmanagers") return id ? taskmanager(id, tab, what) : taskmanagers();
  if (first === "jobmanager") return jobmanager(id, tab);
  if (first === "programs") return programs();
  return jobs(features);
}

async function show() {
  const wanted = location.hash;
  let html;
  try {
    html = await route();
    live.textContent = `updated ${new Date().toLocaleTimeString()}`;
    live.className = "";
  } catch (error) {
    live.textContent = "not answering";
    live.className = "lost";
    if (shown !== null) return;
    html = `<div class="said bad"><pre>${esc(error.message)}</pre></div>`;
  }
  if (wanted !== location.hash || html + said === shown) return;
  const scrolled = [...view.querySelectorAll(".card")].map(c => c.scrollLeft);
  view.innerHTML = said + html;
  view.querySelectorAll(".card").forEach((c, i) => { c.scrollLeft = scrolled[i] ?? 0; });
  shown = html + said;
}

async function carryOut(what, name) {
  said = `<div class="said">${esc(name)} under way…</div>`;
  show();
  try { said = `<div class="said">${esc(await what)}</div>`; }
  catch (error) { said = `<div class="said bad"><pre>${esc(error.message)}</pre></div>`; }
  shown = null;
  show();
}

view.addEventListener("click", event => {
  const flames = event.target.closest("button[data-flames]"), button = event.target.closest("button[data-do]");
  if (flames) { chooseFlames(flames.dataset.flames); show(); }
  if (!button) return;
  const { do: action, id } = button.dataset;
  // The question comes first; the note that something is under way only after a yes.
  const done = ACTIONS[action](id);
  let isOver = false;
  done.then(result => { isOver = true; if (result !== null) carryOut(done, action); }, () => { isOver = true; carryOut(done, action); });
  const watch = setInterval(() => {
    if (isOver || !document.querySelector("dialog")) clearInterval(watch);
    if (!isOver && !document.querySelector("dialog")) { said = `<div class="said">${esc(action)} under way…</div>`; show(); }
  }, 100);
});
view.addEventListener("change", event => {
  if (event.target.id === "program" && event.target.files.length) carryOut(uploadProgram(event.target.files[0]), "upload");
});
addEventListener("hashchange", () => { shown = null; said = ""; mark(); view.focus(); show(); });

function mark() {
  const here = location.hash.replace(/^#\/?/, "").split("/")[0].replace("jobs", "");
  document.querySelectorAll("nav a").forEach(a => a.toggleAttribute("aria-current", a.getAttribute("href").slice(2) === here));
}

async function main() {
  const config = await get("config").catch(() => ({}));
  interval = config["refresh-interval"] || interval;
  features = config.features ?? {};
  document.getElementById("programs").hidden = !features["web-submit"];
  mark();
  for (;;) {
    // A refresh would take the file chooser or an answer half typed away.
    if (!document.hidden && !document.querySelector("dialog")) await show();
    await new Promise(resolve => setTimeout(resolve, interval));
  }
}
main();
