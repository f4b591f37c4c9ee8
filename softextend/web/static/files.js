// Files of the models folder that may be laid over a model: each ticked or not, with its weight.

import { make } from "./http.js";

/** An element whose `value` is a list as the command line writes it: NAME, NAME:WEIGHT, or for `named` NAME=NAME. */
export function fileList(id, title, files, { named = false } = {}) {
  const rows = files.map((file, index) => {
    const tick = make("input", { type: "checkbox", id: `${id}-${index}` });
    const weight = make("input", { type: "number", step: "any", min: -10, max: 10, value: 1, hidden: named, "aria-label": `Weight of ${file}` });
    return { file, tick, weight, row: make("div", { className: "file" }, tick, make("label", { for: tick.id }, file), weight) };
  });
  const list = make("div", { id, className: "files", role: "group", "aria-label": title },
    ...(rows.length ? rows.map((each) => each.row) : [make("p", { className: "faint" }, "None in the models folder.")]));
  Object.defineProperty(list, "value", {
    get: () => rows.filter((each) => each.tick.checked).map(({ file, weight }) => named ? `${file}=${file}` : Number(weight.value) === 1 ? file : `${file}:${weight.value}`),
    set: (given) => {
      const found = new Map([given || []].flat().map((text) => named ? [text.split("=")[1], 1] : text.split(":")));
      for (const each of rows) {
        each.tick.checked = found.has(each.file);
        each.weight.value = found.get(each.file) ?? 1;
      }
    },
  });
  list.checkValidity = () => rows.every((each) => each.weight.checkValidity());
  list.reportValidity = () => rows.every((each) => each.weight.reportValidity());
  return list;
}
