// Many files with the same settings: a table of what became of each, one archive, and going on after a reload.

import { make, post, send, viewOf } from "./http.js";

const WORDS = { ready: "ready", waiting: "waits", running: "in work", done: "done", failed: "failed", stopped: "stopped", uploading: "coming in" };

export class Batch {
  constructor(root, page) {
    this.page = page;
    this.rows = []; // {name, id, state, error, result, score, verdict}
    this.run = null;
    this.input = make("input", { type: "file", multiple: true, hidden: true, accept: "image/*,.heic,.jxl,.tif,.tiff,.avif", id: "batch-files", "aria-label": "Photos from this device" });
    const choose = make("button", { type: "button" }, "Choose photos");
    choose.addEventListener("click", () => this.input.click());
    this.input.addEventListener("change", () => { this.add([...this.input.files]); this.input.value = ""; });
    this.drop = make("div", { className: "drop" }, make("p", {}, "Drop photos here: all are extended by the settings of the tab “Picture”."), choose, this.input);
    this.words = make("p", { className: "faint" });
    this.how = make("p", { className: "faint", id: "batch-how" });
    this.go = make("button", { type: "button", className: "primary", id: "batch-go", disabled: true }, "Extend all");
    this.go.addEventListener("click", () => this.start());
    this.stop = make("button", { type: "button", hidden: true }, "Cancel");
    this.stop.addEventListener("click", () => this.page.guarded(() => post(`/api/runs/${this.run}/cancel`)));
    this.zip = make("a", { hidden: true, download: "", id: "batch-zip" }, "Download all (zip)");
    this.body = make("tbody", {});
    this.table = make("table", { hidden: true }, make("thead", {}, make("tr", {}, ...[["", "picture"], ["Photo", "photo"], ["State", "state"], ["Score", "score"], ["Result", "result wide"]].map(([text, kind]) => make("th", { scope: "col", className: `column-${kind}` }, text)))), this.body);
    root.append(make("div", { className: "batch" }, this.drop, this.how, this.words, make("div", { className: "actions" }, this.go, this.stop, this.zip), this.table));
    for (const [name, on] of [["dragover", true], ["dragleave", false], ["drop", false]])
      this.drop.addEventListener(name, (event) => { event.preventDefault(); this.drop.classList.toggle("over", on); });
    this.drop.addEventListener("drop", (event) => this.add([...event.dataTransfer.files]));
  }

  async add(files) {
    for (const file of files) {
      const row = { name: file.name, state: "uploading" };
      this.rows.push(row);
      this.show();
      try {
        const node = await send(`/api/photos?name=${encodeURIComponent(file.name)}`, file);
        this.page.know(node);
        Object.assign(row, { id: node.id, name: node.file, state: "ready" });
      } catch (error) { Object.assign(row, { state: "failed", error: error.message }); }
      this.show();
    }
  }

  /** All that is not done yet, by the settings of now. */
  async start() {
    const own = this.rows.filter((each) => each.id), rest = own.filter((each) => each.state !== "done"), left = rest.length ? rest : own;
    await this.page.guarded(async () => {
      const run = await post("/api/batch", { pictures: left.map((each) => each.id), settings: this.page.settings() });
      this.follow(run);
      this.page.runs.follow(run.id);
    });
  }

  /** What the server says of the run; rows of an earlier page come back with it. */
  follow(run) {
    this.run = run.id;
    for (const item of run.items) {
      let row = this.rows.find((each) => each.id === item.picture);
      if (!row) this.rows.push(row = { id: item.picture });
      const over = ["failed", "cancelled"].includes(run.state) && ["running", "waiting"].includes(item.state);
      Object.assign(row, { name: item.name, error: item.error, result: item.result, score: item.score, verdict: item.verdict, state: over ? "stopped" : item.state });
    }
    this.state = run.state;
    this.error = run.error;
    this.show();
  }

  show() {
    const ready = this.rows.filter((each) => each.id && each.state !== "done"), done = this.rows.filter((each) => each.state === "done");
    const busy = ["waiting", "running"].includes(this.state);
    this.table.hidden = !this.rows.length;
    const settings = this.page.settings(), empty = this.page.growth.isEmpty;
    this.go.disabled = busy || empty || !(ready.length || done.length);
    this.go.textContent = !done.length ? "Extend all" : ready.length ? `Go on with the other ${ready.length}` : "Extend all again";
    this.how.textContent = empty ? "First say on the tab “Picture” how much is added, in percent or as a shape, so that it suits every photo."
      : `Settings: ${Object.entries(settings).filter(([name]) => name !== "num").map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(" · ")}`;
    this.stop.hidden = !busy;
    this.zip.hidden = !done.length;
    this.zip.href = `/api/zip?pictures=${done.map((each) => each.result).join(",")}`;
    this.words.textContent = this.rows.length ? `${this.rows.length} ${this.rows.length === 1 ? "photo" : "photos"}, ${done.length} done${this.error ? `; ${this.error}` : ""}.` : "";
    this.body.replaceChildren(...this.rows.map((row) => {
      const open = row.result ? make("button", { type: "button" }, "Open") : "";
      if (open) open.addEventListener("click", () => this.page.open(row.result));
      const look = row.id ? make("button", { type: "button", className: "look", "aria-label": `Open ${row.name}` }, make("img", { src: viewOf(row.result || row.id, 160), alt: "" })) : "";
      if (look) look.addEventListener("click", () => this.page.open(row.result || row.id));
      return make("tr", {}, make("td", {}, look), make("td", {}, row.name),
        make("td", { className: row.error ? "wrong" : "" }, row.error || WORDS[row.state] || row.state),
        make("td", { title: row.verdict || "" }, row.score === undefined || row.score === null ? "" : row.score.toFixed(2)), make("td", { className: "wide" }, open));
    }));
  }
}
