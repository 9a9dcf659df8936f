// A flame graph as nested boxes: wide is where the time goes, deep is who called whom. No script but a click to look closer.
import { esc } from "./format.js";

const DEEPEST = 60, THINNEST = 0.004;

function box(node, whole, depth) {
  const share = node.value / whole;
  if (share < THINNEST || depth > DEEPEST) return "";
  const short = node.name.replace(/ \(.*$/, ""), said = `${node.name}: ${node.value} samples, ${(share * 100).toFixed(1)} %`;
  const inner = [...node.children].sort((a, b) => b.value - a.value).map(child => box(child, node.value, depth + 1)).join("");
  return `<div class="flame" style="width:${(share * 100).toFixed(3)}%"><span class="f${[...short].reduce((h, c) => (h * 31 + c.charCodeAt(0)) & 7, 0)}" title="${esc(said)}">${esc(short)}</span>` +
    `<div class="row">${inner}</div></div>`;
}

export function flame(found) {
  if (found.endTimestamp === -2) return `<div class="card empty">Flame graphs are off: rest.flamegraph.enabled is false.</div>`;
  if (found.endTimestamp === -3) return `<div class="card empty">Samples are being taken…</div>`;
  if (found.endTimestamp === -1) return `<div class="card empty">The vertex does not run.</div>`;
  if (!found.data?.value) return `<div class="card empty">The vertex was not at work in any sample.</div>`;
  const top = found.data.children.map(child => box(child, found.data.value, 0)).join("");
  return `<div class="card"><div class="empty">${found.data.value} samples until ${new Date(found.endTimestamp).toLocaleTimeString()}; a box is as wide as its share</div><div class="flames row">${top}</div></div>`;
}
