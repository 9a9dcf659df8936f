// The job graph as SVG: layers by the longest way from a source, from left to right, or downwards where it is narrow.
import { esc, percent, rate } from "./format.js";

const WIDTH = 236, HEIGHT = 112, GAP_X = 92, GAP_Y = 30, PAD = 8, NARROW = 640;

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

function label(text, x, y, cls = "", room = 28) {
  const short = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  return `<text x="${x}" y="${y}" class="${cls}">${esc(short)}</text>`;
}

function bar(load, x, y, width) {
  const busy = Math.min(1, Math.max(0, load?.busy ?? 0)), pressed = Math.min(1 - busy, Math.max(0, load?.pressed ?? 0));
  return `<rect class="idle" x="${x}" y="${y}" width="${width}" height="6" rx="3"/>` +
    `<rect class="busy" x="${x}" y="${y}" width="${width * busy}" height="6" rx="3"/>` +
    `<rect class="pressed" x="${x + width * busy}" y="${y}" width="${width * pressed}" height="6" rx="3"/>`;
}

// What limits a vertex gives its box its colour: held back by what follows, busy itself, or neither.
export function mood(load) {
  if ((load?.pressed ?? 0) > 0.5) return "is-pressed";
  if ((load?.busy ?? 0) > 0.8) return "is-hot";
  return (load?.busy ?? 0) > 0.4 ? "is-warm" : "is-calm";
}

function place(columns, isNarrow) {
  const at = new Map(), widest = Math.max(1, ...columns.map(column => column.length));
  columns.forEach((column, i) => column.forEach((node, j) => {
    const along = PAD + i * (isNarrow ? HEIGHT + GAP_Y + 14 : WIDTH + GAP_X);
    const step = isNarrow ? WIDTH + 16 : HEIGHT + GAP_Y;
    const across = PAD + (widest - column.length) * step / 2 + j * step;
    at.set(node.id, isNarrow ? { x: across, y: along } : { x: along, y: across });
  }));
  return at;
}

function arrow(from, to, strategy, isNarrow) {
  if (isNarrow) {
    const x1 = from.x + WIDTH / 2, y1 = from.y + HEIGHT, x2 = to.x + WIDTH / 2, y2 = to.y - 6, mid = (y1 + y2) / 2;
    return `<path d="M${x1} ${y1}C${x1} ${mid} ${x2} ${mid} ${x2} ${y2}" marker-end="url(#tip)"/>` + label(strategy, (x1 + x2) / 2 + 8, mid + 4, "soft", 14);
  }
  const x1 = from.x + WIDTH, y1 = from.y + HEIGHT / 2, x2 = to.x, y2 = to.y + HEIGHT / 2, mid = (x1 + x2) / 2;
  return `<path d="M${x1} ${y1}C${mid} ${y1} ${mid} ${y2} ${x2 - 6} ${y2}" marker-end="url(#tip)"/>` + label(strategy, x1 + 9, (y1 + y2) / 2 - 7, "soft", 12);
}

// nodes: of the plan; load: vertex id → {name, status, busy, pressed (0 to 1), recordsIn, recordsOut (a second), watermark}
export function draw(jobId, nodes, load, width = innerWidth) {
  const isNarrow = width < NARROW, columns = layers(nodes), at = place(columns, isNarrow);
  let arrows = "", boxes = "";
  for (const node of nodes) {
    const to = at.get(node.id), its = load.get(node.id) ?? {}, x = to.x + 14;
    for (const input of node.inputs ?? []) if (at.has(input.id)) arrows += arrow(at.get(input.id), to, input.ship_strategy, isNarrow);
    const name = its.name ?? node.description.replace(/<br\/?>/g, " ");
    boxes += `<a href="#/jobs/${esc(jobId)}/vertex/${esc(node.id)}"><g class="${mood(its)}"><title>${esc(name)}</title>` +
      `<rect class="box" x="${to.x}" y="${to.y}" width="${WIDTH}" height="${HEIGHT}" rx="9"/><rect class="stripe" x="${to.x}" y="${to.y + 9}" width="4" height="${HEIGHT - 18}"/>` +
      label(name, x, to.y + 22) +
      label(`parallelism ${node.parallelism} · ${its.status ?? ""}`, x, to.y + 41, "soft", 36) +
      label(`in ${rate(its.recordsIn)} · out ${rate(its.recordsOut)}`, x, to.y + 58, "soft", 36) +
      label(`watermark ${its.watermark ?? "none yet"}`, x, to.y + 75, "soft", 36) +
      label(`busy ${percent(its.busy)} · back-pressured ${percent(its.pressed)}`, x, to.y + 92, "soft", 38) +
      bar(its, x, to.y + 98, WIDTH - 26) + `</g></a>`;
  }
  const most = [...at.values()], right = Math.max(0, ...most.map(p => p.x)) + WIDTH + PAD, bottom = Math.max(0, ...most.map(p => p.y)) + HEIGHT + PAD;
  return `<svg class="graph" width="${right}" height="${bottom}" viewBox="0 0 ${right} ${bottom}" role="img" aria-label="Job graph">` +
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">` +
    `<path d="M0 0L8 4L0 8"/></marker></defs>${arrows}${boxes}</svg>`;
}
