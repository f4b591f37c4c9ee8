// The form, made of the options that the server lists: what the command line has, by the same names.

import { fileList } from "./files.js";
import { make } from "./http.js";
import { pictureChoice } from "./shown.js";

const TITLES = { image_prompt: "Image prompt", control_image: "Control image", image_adapter: "Image-prompt adapter", image_encoder: "Image encoder", lora: "LoRAs", embedding: "Textual inversions", control: "ControlNets", fill: "Fill first with", prompt: "Prompt", negative: "Keep out", strength: "Strength", seed: "Seed", num: "Variations" };
const titleOf = (name) => TITLES[name] || (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");

const FITS = 16; // characters of a default that can be read in a narrow field; the help below has all of it
const short = (words) => (words || "").length > FITS ? "default" : words || "";

export class Form extends EventTarget {
  constructor(root, facts, bring) {
    super();
    this.bring = bring;
    this.facts = facts;
    this.fields = {};
    this.options = facts.options.filter((each) => !each.drawn);
    root.append(this.modelField());
    const often = this.options.filter((each) => each.often), rare = this.options.filter((each) => !each.often);
    for (const each of often) root.append(this.field(each));
    root.append(this.folded("More settings", rare.filter((each) => !each.laid)));
    this.laid = this.folded("LoRAs and conditions", rare.filter((each) => each.laid));
    root.append(this.laid);
    root.addEventListener("input", () => this.dispatchEvent(new Event("change")));
    this.fitToModel();
  }

  folded(title, options) {
    const groups = [...new Set(options.map((each) => each.group))];
    return make("details", { className: "more" }, make("summary", {}, title), ...groups.map((group) =>
      make("fieldset", {}, make("legend", {}, group), ...options.filter((each) => each.group === group).map((each) => this.field(each)))));
  }

  modelField() {
    const select = make("select", { id: "field-model" }, ...this.facts.models.map((each) => make("option", { value: each.name }, each.label)));
    select.addEventListener("change", () => this.fitToModel());
    this.model = select;
    this.modelHint = make("small", { id: "help-model", className: "help" });
    select.setAttribute("aria-describedby", "help-model");
    return make("div", { className: "field wide" }, make("label", { for: "field-model" }, "Model"), select, this.modelHint);
  }

  field(option) {
    const id = `field-${option.name}`, help = `help-${option.name}`;
    const control = option.name === "fill" ? this.fillControl(id) : this.control(option, id);
    control.setAttribute("aria-describedby", help);
    this.fields[option.name] = { option, control };
    const words = [option.help, option.range && option.kind !== "text" ? `${option.range} ${option.unit}`.trim() : "", option.default_words && `default: ${option.default_words}`];
    const label = make(option.kind === "files" ? "span" : "label", option.kind === "files" ? { className: "label" } : { for: id }, titleOf(option.name), option.unit ? make("span", { className: "unit" }, ` ${option.unit}`) : null);
    const hint = make("small", { id: help, className: "help" }, words.filter(Boolean).join("; ") + ".");
    const kind = option.kind === "bool" ? "check" : option.kind === "files" || option.kind === "picture" || ["prompt", "negative", "fill"].includes(option.name) ? "wide" : "";
    const parts = option.kind === "bool" ? [control, label, hint] : [label, control.row || control, hint];
    if (option.name === "fill") parts.push(this.parameters = make("div", { className: "parameters" }));
    return make("div", { className: `field ${kind} ${option.often ? "often" : ""}`, title: option.often ? hint.textContent : "" }, ...parts);
  }

  control(option, id) {
    if (option.kind === "bool") return make("input", { id, type: "checkbox", checked: Boolean(option.default) });
    if (option.kind === "files") return fileList(id, titleOf(option.name), option.choices, { named: option.name === "embedding" });
    if (option.kind === "picture") {
      const { select, row } = pictureChoice(id, short(option.default_words) || "none", option.choices, this.bring);
      return Object.assign(select, { row });
    }
    if (option.kind === "choice") {
      const first = make("option", { value: "" }, short(option.default_words) || "default");
      return make("select", { id }, first, ...option.choices.map((each) => make("option", { value: each }, each)));
    }
    if (["prompt", "negative"].includes(option.name)) return make("textarea", { id, rows: option.name === "prompt" ? 2 : 1, maxLength: 20000, placeholder: option.default_words });
    if (option.kind === "text" || option.kind === "str") return make("input", { id, type: "text", placeholder: short(option.default_words) });
    const control = make("input", { id, type: "number", placeholder: option.name === "seed" ? "new each time" : short(option.default_words) });
    if (option.low !== null) control.min = option.low;
    if (option.high !== null) control.max = option.high;
    control.step = option.kind === "int" ? 1 : "any";
    if (option.default !== null) control.value = option.default;
    return control;
  }

  fillControl(id) {
    const select = make("select", { id }, make("option", { value: "" }, "the model's own"),
      ...this.facts.fills.map((each) => make("option", { value: each.name }, each.name)));
    select.addEventListener("change", () => this.showParameters());
    return select;
  }

  /** The parameters of the chosen fill, each with its default. */
  showParameters() {
    const fill = this.facts.fills.find((each) => each.name === this.fields.fill.control.value);
    if (!fill) return this.parameters.replaceChildren();
    const inputs = fill.parameters.map((each) => {
        const input = make("input", { type: each.kind === "str" ? "text" : "number", id: `fill-${each.name}`, value: each.default });
        input.dataset.parameter = each.name;
        if (each.low !== null) { input.min = each.low; input.max = each.high; input.step = each.kind === "int" ? 1 : "any"; }
        return make("div", { className: "field", title: each.help }, make("label", { for: input.id }, each.name.replaceAll("_", " "), each.unit ? make("span", { className: "unit" }, ` ${each.unit}`) : null), input);
    });
    this.parameters.replaceChildren(make("p", { className: "meaning" }, fill.meaning), ...(inputs.length ? [make("details", {}, make("summary", {}, `Parameters of ${fill.name}`), make("div", { className: "each" }, ...inputs))] : []));
  }

  fitToModel() {
    const model = this.facts.models.find((each) => each.name === this.model.value) || this.facts.models[0];
    for (const name of ["prompt", "negative"]) {
      const control = this.fields[name]?.control;
      if (!control) continue;
      control.disabled = !model.takes_prompt;
      control.closest(".field").hidden = !model.takes_prompt;
    }
    this.laid.hidden = !model.takes_prompt;
    this.modelHint.textContent = model.takes_prompt ? "" : "Goes on with what the photo shows; takes no prompt.";
    const first = this.fields.fill?.control.options[0];
    if (first) first.textContent = `the model's own (${model.fill})`;
  }

  /** The session's pictures, of which one may be shown to a model. */
  offer(nodes) {
    for (const { option, control } of Object.values(this.fields)) if (option.kind === "picture") control.offer(nodes);
  }

  /** Hides what a repaint does not take. */
  showFor(painting) {
    for (const { option, control } of Object.values(this.fields))
      control.closest(".field").hidden = (painting && !option.paints) || control.disabled;
    for (const group of document.querySelectorAll(".more fieldset")) group.hidden = !group.querySelector(".field:not([hidden])");
  }

  fillText() {
    const name = this.fields.fill.control.value;
    const fill = this.facts.fills.find((each) => each.name === name);
    if (!fill) return "";
    const changed = fill.parameters.map((each) => [each, this.parameters.querySelector(`[data-parameter="${each.name}"]`)?.value])
      .filter(([each, value]) => value !== undefined && value !== "" && value !== String(each.default))
      .map(([each, value]) => `${each.name}=${value}`);
    return changed.length ? `${name}:${changed.join(",")}` : name;
  }

  /** What differs from the defaults, as the server reads it; `painting`: only what a repaint takes. */
  settings({ painting = false } = {}) {
    const found = { model: this.model.value };
    for (const { option, control } of Object.values(this.fields)) {
      if (painting && !option.paints) continue;
      if (option.name === "fill") { if (this.fillText()) found.fill = this.fillText(); continue; }
      if (control.disabled) continue;
      if (option.laid && this.laid.hidden) continue;
      if (option.kind === "bool") { if (control.checked !== Boolean(option.default)) found[option.name] = control.checked; continue; }
      if (option.kind === "files") { if (control.value.length) found[option.name] = control.value; continue; }
      const value = control.value.trim();
      if (value === "" || value === String(option.default)) continue;
      found[option.name] = option.kind === "int" || option.kind === "float" ? Number(value) : value;
    }
    return found;
  }

  /** The first control whose value its range does not allow, said by the browser; null where all are fine. */
  check() {
    const wrong = [...Object.values(this.fields).map((each) => each.control), ...this.parameters.querySelectorAll("input")]
      .find((each) => !each.disabled && !each.checkValidity());
    if (!wrong) return null;
    wrong.closest("details")?.setAttribute("open", "");
    wrong.reportValidity();
    return wrong;
  }

  /** Values of an earlier visit or an earlier result. */
  restore(settings) {
    if (settings.model && [...this.model.options].some((each) => each.value === settings.model)) this.model.value = settings.model;
    for (const { option, control } of Object.values(this.fields)) {
      const value = settings[option.name];
      if (option.name === "fill") {
        const [name, rest = ""] = String(value || "").split(/:(.*)/s);
        control.value = name;
        if (control.selectedIndex < 0) control.value = "";
        this.showParameters();
        for (const [key, text] of rest.split(",").filter(Boolean).map((each) => each.split("="))) {
          const input = this.parameters.querySelector(`[data-parameter="${CSS.escape(key)}"]`);
          if (input) input.value = text;
        }
      } else if (option.kind === "bool") control.checked = value ?? Boolean(option.default);
      else if (option.kind === "files") control.value = value ?? [];
      else control.value = value ?? option.default ?? "";
    }
    this.fitToModel();
  }
}
