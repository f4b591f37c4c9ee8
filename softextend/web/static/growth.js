// How much is added: numbers beside the canvas, presets of shape and size, where the photo lies.

import { SIDES, noSides } from "./canvas.js";
import { make } from "./http.js";

export const SHAPES = [["1:1", 1], ["4:3", 4 / 3], ["3:2", 3 / 2], ["16:9", 16 / 9], ["21:9", 21 / 9], ["9:16", 9 / 16]];
const PRESETS = [...SHAPES.map(([text]) => ({ label: text, aspect: text })),
  { label: "Phone", aspect: "9:19.5" }, { label: "A4", aspect: "210:297" }, { label: "A4 wide", aspect: "297:210" },
  { label: "Full HD", size: "1920x1080" }, { label: "4K", size: "3840x2160" }];
const PLACES = ["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"];

export class Growth extends EventTarget {
  constructor(root, canvas) {
    super();
    this.canvas = canvas;
    this.preset = null; // {label, aspect or size}, until a handle or a number says otherwise
    this.anchor = "center";
    this.trim = "";
    this.unit = make("select", { id: "unit" }, make("option", { value: "px" }, "px"), make("option", { value: "%" }, "%"));
    this.inputs = Object.fromEntries(SIDES.map((side) => [side, make("input", { type: "number", id: `side-${side}`, min: 0, step: "any", value: 0, "aria-label": `Added at the ${side}` })]));
    const numbers = make("div", { className: "sides" }, ...SIDES.map((side) => make("div", { className: `side-${side}` }, make("label", { for: `side-${side}` }, side), this.inputs[side])),
      make("div", { className: "unit-box" }, make("label", { for: "unit", className: "hidden" }, "Unit of the sides"), this.unit));
    this.buttons = PRESETS.map((each) => {
      const button = make("button", { type: "button", className: "chip", "aria-pressed": "false", title: each.size ? `${each.size.replace("x", " × ")} px` : each.aspect }, each.label);
      button.addEventListener("click", () => this.choose(this.preset === each ? null : each));
      return button;
    });
    this.places = PLACES.map((name) => {
      const button = make("button", { type: "button", role: "radio", "aria-checked": String(name === "center"), "aria-label": name.replace("-", " "), title: name.replace("-", " ") });
      button.addEventListener("click", () => { this.anchor = name; this.show(); if (this.preset) this.tell("settle"); });
      return button;
    });
    this.fit = make("input", { type: "checkbox", id: "fit" });
    this.fit.addEventListener("change", () => this.tell("settle"));
    root.append(numbers, make("div", { className: "presets", role: "group", "aria-label": "Shapes and sizes" }, ...this.buttons),
      make("div", { className: "anchor-row", hidden: true }, make("div", { className: "anchor", role: "radiogroup", "aria-label": "Where the photo lies in the shape" }, ...this.places),
        make("div", {}, make("p", { className: "faint" }, "Where the photo lies in it"), make("div", { className: "field check" }, this.fit, make("label", { for: "fit" }, "Scale a larger photo down to the size")))));
    for (const side of SIDES) this.inputs[side].addEventListener("change", () => this.typed());
    this.unit.addEventListener("change", () => { this.show(); this.tell("settle"); });
    this.show();
    canvas.addEventListener("change", () => { this.preset = null; this.show(); });
    canvas.addEventListener("settle", () => { this.preset = null; this.show(); this.tell("settle"); });
  }

  tell(name) { this.dispatchEvent(new Event(name)); }

  choose(preset) {
    this.preset = preset;
    this.show();
    if (!preset) this.canvas.setSides(noSides(), { remember: true });
    this.tell("settle");
  }

  /** px of the photo in this direction, for percent. */
  whole(side) { return side === "top" || side === "bottom" ? this.canvas.photo.height : this.canvas.photo.width; }

  typed() {
    if (!this.canvas.photo) return;
    const sides = noSides();
    for (const side of SIDES) {
      const value = Math.max(0, Number(this.inputs[side].value) || 0);
      sides[side] = Math.round(this.unit.value === "%" ? value / 100 * this.whole(side) : value);
    }
    this.preset = null;
    this.canvas.setSides(sides, { remember: true });
    this.show();
    this.tell("settle");
  }

  show() {
    for (const side of SIDES) {
      if (!this.canvas.photo || document.activeElement === this.inputs[side]) continue;
      const value = this.canvas.sides[side];
      this.inputs[side].value = this.unit.value === "%" ? Math.round(value / this.whole(side) * 1000) / 10 : value;
    }
    this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(PRESETS[index] === this.preset)));
    this.places.forEach((button, index) => button.setAttribute("aria-checked", String(PLACES[index] === this.anchor)));
    this.fit.closest(".field").hidden = !this.preset?.size;
    this.fit.closest(".anchor-row").hidden = !this.preset;
  }

  /** What is added on a side, px, or percent where that is the unit; as typed where no photo is open. */
  amount(side) {
    return this.unit.value === "%" || !this.canvas.photo ? Number(this.inputs[side].value) || 0 : this.canvas.sides[side];
  }

  /** Whether anything is added at all. */
  get isEmpty() { return !this.preset && SIDES.every((side) => this.amount(side) === 0); }

  settings() {
    const found = this.trim ? { trim: this.trim } : {};
    if (this.preset) {
      const { aspect, size } = this.preset;
      return { ...found, ...(aspect ? { aspect } : { size }), ...(this.anchor === "center" ? {} : { anchor: this.anchor }), ...(size && this.fit.checked ? { fit: true } : {}) };
    }
    const unit = this.unit.value === "%" ? "%" : ""; // percent as typed, so that it means the same for other sizes
    return { ...found, sides: SIDES.map((side) => `${this.amount(side)}${unit}`).join(" ") };
  }
}
