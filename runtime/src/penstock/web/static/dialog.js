// Questions to the person: a dialog with a sentence and fields. Nothing that ends or changes a job happens without one.
import { esc } from "./format.js";

// fields: [{name, label, value?, type?, options?}]; resolves to {name: value} or to null when the answer is no.
export function ask(question, yes, fields = [], isDangerous = false) {
  const dialog = document.createElement("dialog");
  const inputs = fields.map(({ name, label, value = "", type = "text", hint = "" }) =>
    type === "checkbox"
      ? `<label class="check"><input type="checkbox" name="${esc(name)}"> ${esc(label)}</label>`
      : `<label>${esc(label)}<input name="${esc(name)}" type="${esc(type)}" value="${esc(value)}" placeholder="${esc(hint)}" ${type === "number" ? 'min="1"' : ""}></label>`);
  dialog.innerHTML = `<form method="dialog"><p>${esc(question)}</p>${inputs.join("")}<div class="actions">` +
    `<button type="submit" value="yes" class="${isDangerous ? "danger" : "primary"}">${esc(yes)}</button>` +
    `<button type="submit" value="no" formnovalidate>No</button></div></form>`;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener("close", () => {
    const form = dialog.querySelector("form"), found = {};
    for (const input of form.querySelectorAll("input")) found[input.name] = input.type === "checkbox" ? input.checked : input.value.trim();
    dialog.remove();
    resolve(dialog.returnValue === "yes" ? found : null);
  }));
}
