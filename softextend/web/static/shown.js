// A picture that a model is shown: one of the session, or one that is brought here.

import { make } from "./http.js";

/** A select whose `value` is a picture's id, one of `words`, or "" for `first`; `bring(file)` answers with a new id. */
export function pictureChoice(id, first, words, bring) {
  const plain = () => [make("option", { value: "" }, first), ...words.map((each) => make("option", { value: each }, each))];
  const select = make("select", { id }, ...plain());
  let wanted = "";
  select.addEventListener("change", () => { wanted = select.value; });
  const own = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value");
  Object.defineProperty(select, "value", {
    get() { return own.get.call(select); },
    set(value) { wanted = String(value ?? ""); own.set.call(select, wanted); if (select.selectedIndex < 0) select.selectedIndex = 0; },
  });
  /** The session's pictures now; what was chosen stays so as long as it is there. */
  select.offer = (nodes) => {
    select.replaceChildren(...plain(), ...nodes.map((each) => make("option", { value: each.id }, `${each.file} (${each.width} × ${each.height})`)));
    select.value = wanted;
  };
  const file = make("input", { type: "file", accept: "image/*", hidden: true, "aria-label": `A file for ${id.replace("field-", "").replaceAll("_", " ")}` });
  const button = make("button", { type: "button" }, "Upload…");
  button.addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    const [given] = file.files;
    const made = given && await bring(given);
    file.value = "";
    if (!made) return;
    select.value = made;
    select.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return { select, row: make("div", { className: "pick" }, select, button, file) };
}
