// The job graph as SVG: layers from left to right by the longest way from a source, an arrow for each input.
import { esc, rate } from "./format.js";

const WIDTH = 232, HEIGHT = 104, GAP_X = 96, GAP_Y = 26, PAD = 6;

export function layers(nodes) {
  const byId = new Map(nodes.map(node => [node.id, node]));
  const depth = new Map();
  const depthOf = id => {
    if (!depth.has(id)) {
      depth.set(id, 0);
      const inputs = byId.get(id)?.inputs ?? [];
      depth.set(id, inputs.length ? 1 + Math.max(...inputs.map(input => depthOf(input.id))) : 0);
    }
    return depth.get(id);
  };
  const columns = [];
  for (const node of nodes) (columns[depthOf(node.id)] ??= []).push(node);
  return columns;
}

function label(text, x, y, cls = "", room = 27) {
  const short = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  return `<text x="${x}" y="${y}" class="${cls}">${esc(short)}</text>`;
}

function bar(load, x, y, width) {
  const busy = Math.min(1, Math.max(0, load?.busy ?? 0)), pressed = Math.min(1 - busy, Math.max(0, load?.pressed ?? 0));
  return `<rect class="idle" x="${x}" y="${y}" width="${width}" height="6" rx="3"/>` +
    `<rect class="busy" x="${x}" y="${y}" width="${width * busy}" height="6" rx="3"/>` +
    `<rect class="pressed" x="${x + width * busy}" y="${y}" width="${width * pressed}" height="6" rx="3"/>`;
}

// nodes: of the plan; load: vertex id → {name, status, busy, pressed (0 to 1), recordsIn, recordsOut (a second), watermark}
export function draw(nodes, load) {
  const columns = layers(nodes), at = new Map();
  const tallest = Math.max(1, ...columns.map(column => column.length));
  columns.forEach((column, i) => column.forEach((node, j) => {
    const y = PAD + (tallest - column.length) * (HEIGHT + GAP_Y) / 2 + j * (HEIGHT + GAP_Y);
    at.set(node.id, { x: PAD + i * (WIDTH + GAP_X), y });
  }));
  let arrows = "", boxes = "";
  for (const node of nodes) {
    const to = at.get(node.id);
    for (const input of node.inputs ?? []) {
      const from = at.get(input.id);
      if (!from) continue;
      const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2], mid = (x1 + x2) / 2;
      arrows += `<path d="M${x1} ${y1}C${mid} ${y1} ${mid} ${y2} ${x2 - 6} ${y2}" marker-end="url(#tip)"/>` +
        label(input.ship_strategy, x1 + 12, (y1 + y2) / 2 - 7, "soft", 12);
    }
    const its = load.get(node.id) ?? {};
    const name = its.name ?? node.description.replace(/<br\/?>/g, " ");
    boxes += `<g><title>${esc(name)}</title><rect class="box" x="${to.x}" y="${to.y}" width="${WIDTH}" height="${HEIGHT}" rx="9"/>` +
      label(name, to.x + 11, to.y + 22) +
      label(`parallelism ${node.parallelism} · ${its.status ?? ""}`, to.x + 11, to.y + 41, "soft", 36) +
      label(`in ${rate(its.recordsIn)} · out ${rate(its.recordsOut)}`, to.x + 11, to.y + 59, "soft", 36) +
      label(its.watermark ? `watermark ${its.watermark}` : "no watermark", to.x + 11, to.y + 77, "soft", 36) +
      bar(its, to.x + 11, to.y + 87, WIDTH - 22) + `</g>`;
  }
  const width = PAD * 2 + columns.length * (WIDTH + GAP_X) - GAP_X, height = PAD * 2 + tallest * (HEIGHT + GAP_Y) - GAP_Y;
  return `<svg class="graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Job graph">` +
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">` +
    `<path d="M0 0L8 4L0 8"/></marker></defs>${arrows}${boxes}</svg>`;
}
