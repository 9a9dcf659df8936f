// Text of the page: everything that comes from the API goes through `esc`, never into HTML as it is.

export const esc = text => String(text ?? "").replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

export const time = ms => ms > 0 ? new Date(ms).toLocaleString() : "–";

export function duration(ms) {
  if (ms == null || ms < 0) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  const m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (m < 60) return `${m} min ${Math.floor(s % 60)} s`;
  return h < 24 ? `${h} h ${m % 60} min` : `${d} d ${h % 24} h`;
}

export function bytes(n) {
  if (n == null || n < 0) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return `${i && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export const count = n => n == null ? "–" : Math.round(Number(n)).toLocaleString();
export const percent = share => share == null || !Number.isFinite(share) ? "–" : `${Math.round(share * 100)} %`;

export function rate(n) {
  n = Number(n);
  if (!Number.isFinite(n)) return "–";
  return `${n < 10 && n > 0 ? n.toFixed(1) : count(n)}/s`;
}

// Watermarks beyond any year of ours mean that there is none yet, or that the input has ended.
export function watermark(ms) {
  ms = Number(ms);
  if (!Number.isFinite(ms) || ms < -9e15) return "none yet";
  if (ms > 9e15) return "end of input";
  return new Date(ms).toISOString().replace("T", " ").slice(0, 19);
}

export const state = name => `<span class="state ${esc(name)}">${esc(name)}</span>`;
export const link = (address, text) => `<a href="#/${esc(address)}">${text}</a>`;
export const code = text => `<code>${esc(text)}</code>`;
export const card = html => `<div class="card">${html}</div>`;
export const empty = text => `<div class="card empty">${esc(text)}</div>`;
export const button = (action, id, label, cls = "") =>
  `<button data-do="${esc(action)}" data-id="${esc(id)}" class="${cls}">${esc(label)}</button>`;
export const log = text => card(`<pre>${esc(text.slice(-60_000)) || "empty"}</pre>`);

// A share as a bar: busy and back-pressured of one.
export const load = (busy, pressed) => `<span class="load" title="busy ${percent(busy)}, back-pressured ${percent(pressed)}">` +
  `<i class="busy" style="width:${Math.min(100, busy * 100)}%"></i><i class="pressed" style="width:${Math.min(100, pressed * 100)}%"></i></span>`;

// rows: arrays of cells, each a string of HTML; columns: names, "#name" for numbers, "-name" for what a phone leaves out.
export function table(columns, rows, nothing) {
  if (!rows.length) return empty(nothing);
  const cls = c => `${/^-?#/.test(c) ? "num" : ""} ${/^#?-/.test(c) ? "wide" : ""}`.trim();
  const head = columns.map(c => `<th class="${cls(c)}">${esc(c.replace(/^[#-]+/, ""))}</th>`).join("");
  const body = rows.map(r => `<tr>${r.map((v, i) => `<td class="${cls(columns[i])}">${v}</td>`).join("")}</tr>`).join("");
  return `<div class="card"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export const settings = rows => table(["key", "value"], rows.map(r => [code(r.key), code(r.value)]), "Nothing is configured.");

export const tiles = pairs => `<div class="tiles">${pairs.map(([name, value]) =>
  `<div class="tile"><b>${value}</b><span>${esc(name)}</span></div>`).join("")}</div>`;

export const tabs = (base, names, current) => `<div class="tabs">${names.map(t =>
  `<a href="#/${esc(base)}/${esc(t)}" ${t === current ? 'aria-current="page"' : ""}>${esc(t)}</a>`).join("")}</div>`;
