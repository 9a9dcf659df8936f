// Programs of a session cluster: upload, run, delete.
import { get } from "./api.js";
import { button, esc, table, time } from "./format.js";

export async function programs() {
  const { files } = await get("jars");
  return `<h1>Programs</h1><label class="upload">Upload a Python file or a zip of a project <input type="file" id="program" accept=".py,.zip"></label>` +
    table(["name", "-main", "-uploaded", ""], files.map(f => [esc(f.name), esc(f.entry.map(e => e.name).join(", ")), time(f.uploaded),
      button("run", f.id, "Run") + " " + button("forget", f.id, "Delete", "danger")]), "No program is uploaded.");
}
