// Text of the page: everything that comes from the API goes through `esc` or `el`, never into HTML as it is.

export const esc = text => String(text ?? "").replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

export function time(ms) {
  return ms > 0 ? new Date(ms).toLocaleString() : "–";
}

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

export function rate(n) {
  n = Number(n);
  if (!Number.isFinite(n)) return "–";
  return `${n < 10 && n > 0 ? n.toFixed(1) : count(n)}/s`;
}

export const state = name => `<span class="state ${esc(name)}">${esc(name)}</span>`;

// rows: arrays of cells, each a string of HTML; columns: names, "#name" for numbers, "-name" for what a phone leaves out.
export function table(columns, rows, empty) {
  if (!rows.length) return `<div class="card empty">${esc(empty)}</div>`;
  const cls = c => `${c.includes("#") ? "num" : ""} ${c.includes("-") ? "wide" : ""}`.trim();
  const head = columns.map(c => `<th class="${cls(c)}">${esc(c.replace(/[#-]/g, ""))}</th>`).join("");
  const body = rows.map(r => `<tr>${r.map((v, i) => `<td class="${cls(columns[i])}">${v}</td>`).join("")}</tr>`).join("");
  return `<div class="card"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export const tiles = pairs => `<div class="tiles">${pairs.map(([name, value]) =>
  `<div class="tile"><b>${value}</b><span>${esc(name)}</span></div>`).join("")}</div>`;
