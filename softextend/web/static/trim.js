// Edges that may be no part of the photo: lines where they would be cut, and a bar to accept them or not.

import { get } from "./http.js";

const $ = (id) => document.getElementById(id);

export class Trim {
  constructor(page) {
    this.page = page;
    this.edges = null; // {sides, what} of the photo in work
    $("trim-yes").addEventListener("click", () => this.set(true));
    $("trim-no").addEventListener("click", () => (this.on ? this.set(false) : this.forget()));
  }

  get on() { return Boolean(this.page.growth.trim); }

  /** Another photo, or no suggestion any more. */
  forget() {
    [this.edges, this.page.growth.trim, this.page.canvas.trim] = [null, "", null];
    $("trim").hidden = true;
    this.page.canvas.draw();
  }

  /** What the server finds at the photo's edges; `on`: they were cut off before. */
  async suggest(node, on) {
    const { sides, what } = await get(`/api/pictures/${node.id}/border`);
    if (this.page.current !== node || !what.length) return;
    this.edges = { sides, what };
    this.page.growth.trim = on ? "auto" : "";
    this.show();
    if (on) this.page.grown();
  }

  show() {
    $("trim").hidden = !this.edges || this.page.mode !== "extend";
    if (!$("trim").hidden) this.frame();
  }

  set(on) {
    this.page.growth.trim = on ? "auto" : "";
    this.frame();
    this.page.grown();
  }

  frame() {
    const { sides: s, what } = this.edges, { width, height } = this.page.current, on = this.on;
    this.page.canvas.trim = on ? null : s;
    $("trim").firstElementChild.textContent = on ? "These edges are cut off." : `These edges may be no part of the photo: ${what.join("; ")}`;
    $("trim-yes").hidden = on;
    $("trim-no").textContent = on ? "Bring them back" : "Leave them";
    const box = on ? { left: s.left, top: s.top, width: width - s.left - s.right, height: height - s.top - s.bottom } : { left: 0, top: 0, width, height };
    this.page.framed(box, box.width, box.height);
  }
}
