// The page: one photo on the canvas, settings beside it, runs and what comes out of them.

import { Batch } from "./batch.js";
import { ExtendCanvas, noSides } from "./canvas.js";
import { Form } from "./form.js";
import { Growth, SHAPES } from "./growth.js";
import { get, loaded, make, post, remove, send, viewOf } from "./http.js";
import { Runs } from "./runs.js";
import { Trim } from "./trim.js";
import { showCompare, showGallery, showResult, showTree } from "./results.js";

const $ = (id) => document.getElementById(id);
const HELD = 30, SHARP = 250, SAID = 2500; // ms
const TAB = crypto.randomUUID?.() || String(Math.random()); // of this tab's previews the newest wins

class Page {
  constructor(facts) {
    this.facts = facts;
    this.nodes = new Map();
    this.current = null;
    this.mode = "extend";
    this.left = new Map(); // what was dragged on each picture, for when one comes back to it
    this.canvas = new ExtendCanvas($("canvas"));
    this.canvas.ratios = SHAPES.map(([label, ratio]) => ({ label, ratio }));
    this.growth = new Growth($("growth"), this.canvas);
    this.form = new Form($("fields"), facts, (file) => this.bring(file));
    this.trim = new Trim(this);
    this.runs = new Runs(this);
    this.batch = new Batch($("panel-batch"), this);
    this.recall();
    this.listen();
  }

  listen() {
    this.growth.addEventListener("settle", () => this.grown());
    this.form.addEventListener("change", () => { this.keep(); this.soon(); });
    this.canvas.addEventListener("paint", () => this.ready());
    $("form").addEventListener("submit", (event) => { event.preventDefault(); this.start(); });
    $("cancel").addEventListener("click", () => this.guarded(() => post(`/api/runs/${this.runs.running}/cancel`)));
    for (const mode of ["extend", "compare", "paint"]) $(`mode-${mode}`).addEventListener("click", () => this.setMode(mode));
    $("show-map").addEventListener("change", () => { this.canvas.showMap = $("show-map").checked; this.canvas.draw(); });
    $("brush-size").addEventListener("input", () => this.sizeBrush());
    $("brush-erase").addEventListener("change", () => { this.canvas.brush.erase = $("brush-erase").checked; });
    $("undo").addEventListener("click", () => this.undo());
    $("new-photo").addEventListener("click", () => this.close());
    $("choose").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => { this.uploadAll([...$("file").files]); $("file").value = ""; });
    $("alert").querySelector("button").addEventListener("click", () => { $("alert").hidden = true; });
    $("theme").addEventListener("click", () => this.setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.addEventListener("click", () => this.showTab(tab.id.slice(4)));
      tab.addEventListener("keydown", (event) => this.tabKey(event));
    }
    for (const [name, on] of [["dragover", true], ["dragleave", false], ["drop", false]])
      $("stage").addEventListener(name, (event) => { event.preventDefault(); $("stage").classList.toggle("over", on); });
    $("stage").addEventListener("drop", (event) => { this.uploadAll([...event.dataTransfer.files]); });
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files || [])].find((each) => each.type.startsWith("image/"));
      if (file) this.upload(file);
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("textarea, input[type=text], input[type=number]");
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing) { event.preventDefault(); this.undo(); }
    });
    window.addEventListener("hashchange", () => this.fromHash());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.guarded(() => this.refresh()); });
    window.addEventListener("dragover", (event) => event.preventDefault());
    window.addEventListener("drop", (event) => event.preventDefault());
  }

  // --- telling ---------------------------------------------------------------------------------------------------

  async guarded(work) {
    try { return await work(); }
    catch (error) { this.complain(error.message); return undefined; }
  }

  complain(line) {
    $("alert").firstElementChild.textContent = line;
    $("alert").hidden = false;
    $("said").classList.remove("on");
  }

  say(line) {
    $("said").textContent = line;
    $("said").classList.add("on");
    clearTimeout(this.saying);
    this.saying = setTimeout(() => $("said").classList.remove("on"), SAID);
  }

  async copy(text) {
    try { await navigator.clipboard.writeText(text); this.say("Copied"); }
    catch { getSelection().selectAllChildren($("command")); this.say("Selected: copy it with Ctrl-C"); }
  }

  setTheme(theme) { document.documentElement.dataset.theme = theme; localStorage.setItem("theme", theme); this.canvas.draw(); }

  keep() { localStorage.setItem("settings", JSON.stringify(this.form.settings())); }

  recall() {
    try { this.form.restore(JSON.parse(localStorage.getItem("settings") || "{}")); }
    catch { localStorage.removeItem("settings"); }
  }

  showTab(name) {
    for (const each of ["picture", "batch", "gallery"]) {
      $(`panel-${each}`).hidden = each !== name;
      $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
      $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
    }
    if (name === "gallery") this.showGallery();
    if (name === "batch") this.batch.show();
    if (name === "picture") this.canvas.refit();
  }

  tabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = [...document.querySelectorAll("[role=tab]")], next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }

  showGallery() {
    showGallery($("panel-gallery"), [...this.nodes.values()], (id) => this.open(id), () => this.clear());
  }

  async clear() {
    if (!confirm("Delete all photos and results of this session from the server?")) return;
    await this.guarded(async () => { await remove("/api/session"); this.nodes.clear(); this.close(); this.showGallery(); });
  }

  // --- photos ----------------------------------------------------------------------------------------------------

  know(node) { this.nodes.set(node.id, node); }

  async refresh() {
    const before = new Set(this.nodes.keys());
    const found = await get("/api/session");
    const newer = [...this.nodes].filter(([id]) => !before.has(id)); // came in while the server answered
    this.nodes = new Map([...found.pictures.map((each) => [each.id, each]), ...newer]);
    if (this.current && !this.nodes.has(this.current.id)) { this.close(); this.complain("This picture was deleted from another tab."); }
    this.showSteps();
    return found;
  }

  async upload(file) {
    if (file.size > this.facts.max_upload) return this.complain(`${file.name}: is larger than ${Math.round(this.facts.max_upload / 2 ** 20)} MiB: scale it down, or start with a larger --max-upload`);
    await this.guarded(async () => {
      this.say("The photo is coming in");
      const node = await send(`/api/photos?name=${encodeURIComponent(file.name || "pasted.png")}`, file);
      this.know(node);
      await this.open(node.id);
      $("said").classList.remove("on");
    });
  }

  /** A picture that a model is shown comes into the session, and the photo in work stays open; its id. */
  async bring(file) {
    return this.guarded(async () => {
      const node = await send(`/api/photos?name=${encodeURIComponent(file.name)}`, file);
      this.know(node);
      this.showSteps();
      return node.id;
    });
  }

  /** One is opened; of several the first, the others wait in the steps. */
  async uploadAll(files) {
    const first = files[0];
    for (const file of files.slice(1)) await this.guarded(async () => this.know(await send(`/api/photos?name=${encodeURIComponent(file.name)}`, file)));
    if (first) await this.upload(first);
    if (files.length > 1) this.say("The first is open, the others are in the steps");
  }

  showFolder() {
    if (!this.facts.folder.length) return;
    $("folder").replaceChildren(make("p", {}, "or pick one of the folder:"), make("div", { className: "thumbs" }, ...this.facts.folder.map((name) => {
      const button = make("button", { type: "button", title: name, "aria-label": name }, make("img", { src: `/api/folder/thumb?name=${encodeURIComponent(name)}`, alt: "", loading: "lazy" }));
      button.addEventListener("click", () => this.guarded(async () => { const node = await post("/api/folder", { name }); this.know(node); await this.open(node.id); }));
      return button;
    })));
    $("folder").hidden = false;
  }

  fromHash() {
    const id = location.hash.slice(1);
    if (this.nodes.has(id)) { if (id !== this.current?.id) this.open(id); }
    else if (this.current) this.close();
  }

  /** A picture of the session on the stage: a photo to extend, a result beside what it was made of. */
  async open(id, mode = null) {
    if (!this.nodes.has(id)) await this.guarded(() => this.refresh()); // another tab may have made it
    const node = this.nodes.get(id);
    if (!node) return this.complain("This picture is not in this session any more.");
    this.showTab("picture");
    await this.guarded(async () => {
      this.leave();
      this.current = node;
      if (location.hash.slice(1) !== id) location.hash = id;
      this.image = await loaded(viewOf(id));
      this.trim.forget();
      this.growth.preset = null;
      this.canvas.setPhoto(this.image, node.width, node.height);
      const left = this.left.get(id);
      if (left) { this.canvas.setSides(left.sides); this.growth.preset = left.preset; }
      this.setMode(mode || (node.parent && this.nodes.has(node.parent) ? "compare" : "extend"));
      this.showSteps();
      if (node.kind === "photo") this.trim.suggest(node, Boolean(left?.trim));
    });
  }

  /** The part of the photo that `box` names, shown as `width` x `height` px. */
  framed(box, width, height) {
    const ratio = { x: this.image.naturalWidth / this.current.width, y: this.image.naturalHeight / this.current.height };
    const crop = { left: box.left * ratio.x, top: box.top * ratio.y, width: box.width * ratio.x, height: box.height * ratio.y };
    this.canvas.setPhoto(this.image, width, height, { crop, keep: true });
  }

  /** Remember what was dragged on the picture that is left. */
  leave() {
    if (this.current && this.mode === "extend" && this.canvas.photo) this.left.set(this.current.id, { sides: { ...this.canvas.sides }, preset: this.growth.preset, trim: this.growth.trim });
  }

  close() {
    this.leave();
    this.current = null;
    delete document.body.dataset.mode;
    this.canvas.setPhoto(null);
    history.replaceState(null, "", location.pathname);
    for (const id of ["stage-bar", "canvas", "compare", "result", "trim"]) $(id).hidden = true;
    $("empty").hidden = false;
    $("plan").textContent = "";
    this.showSteps();
    this.ready();
  }

  goOn(id) { this.open(id, "extend"); }

  setMode(mode) {
    const node = this.current, parent = this.nodes.get(node.parent), painted = this.mode === "paint";
    this.leave();
    this.asking?.abort(); // a preview that comes late would take the brush away
    this.mode = mode === "compare" && !parent ? "extend" : mode;
    for (const each of ["extend", "compare", "paint"]) $(`mode-${each}`).setAttribute("aria-pressed", String(each === this.mode));
    $("mode-compare").disabled = !parent;
    $("empty").hidden = true;
    $("stage-bar").hidden = false;
    $("canvas").hidden = this.mode === "compare";
    $("compare").hidden = this.mode !== "compare";
    $("brush-tools").hidden = this.mode !== "paint";
    $("map-toggle").hidden = this.mode !== "extend";
    $("result").hidden = true;
    $("growth").closest("section").hidden = this.mode === "paint";
    document.body.dataset.mode = this.mode;
    this.form.showFor(this.mode === "paint");
    $("plan").textContent = "";
    if (this.canvas.brush) this.canvas.stopBrush();
    if (this.mode === "paint") { this.canvas.setPhoto(this.image, node.width, node.height); this.canvas.startBrush(1); this.sizeBrush(); $("plan").textContent = "Paint over what shall be new. Undo (Ctrl-Z) takes the last stroke back."; }
    if (this.mode === "compare") this.guarded(() => showCompare($("compare"), node, parent));
    if (this.mode === "compare") {
      const siblings = [...this.nodes.values()].filter((each) => each.run === node.run);
      showResult($("result"), node, siblings, this.facts.formats, this);
    }
    this.trim.show();
    if (painted && this.left.has(node.id)) this.canvas.setSides(this.left.get(node.id).sides); // the brush takes none
    if (this.mode === "extend") { this.canvas.refit(); this.looked(); }
    this.growth.show();
    this.ready();
  }

  /** What is added was changed; beside a result that means: go on from it. */
  grown() {
    if (this.mode === "compare") return this.setMode("extend");
    this.soon();
    this.ready();
  }

  sizeBrush() {
    const { width, height } = this.current;
    this.canvas.brush.radius = Math.max(2, $("brush-size").value / 200 * Math.min(width, height));
    this.canvas.draw();
  }

  undo() {
    if (this.mode === "paint" && this.canvas.undoStroke()) return;
    if (this.mode === "extend" && this.canvas.undo()) return;
    if (this.mode === "extend" && this.trim.on) return this.trim.set(false);
    if (this.current?.parent && this.nodes.has(this.current.parent)) this.open(this.current.parent);
    else this.say("Nothing to undo");
  }

  showSteps() {
    $("steps").hidden = !this.nodes.size;
    this.form.offer([...this.nodes.values()]);
    showTree($("tree"), [...this.nodes.values()], this.current?.id, (id) => this.open(id));
  }

  // --- looking ---------------------------------------------------------------------------------------------------

  settings() { return { ...this.form.settings(), ...this.growth.settings() }; }

  /** A key that is held down asks once, not with each repeat. */
  soon() {
    clearTimeout(this.asked);
    this.asked = setTimeout(() => this.looked(), HELD);
  }

  /** Ask for the preview of what is set now; only the latest answer is shown, and a sharper one when nothing moves. */
  async looked(sharp = 0) {
    clearTimeout(this.sharpening);
    if (this.mode !== "extend" || !this.current || this.growth.isEmpty) { $("plan").textContent = ""; this.canvas.preview = null; this.canvas.draw(); return; }
    this.asking?.abort();
    const asking = this.asking = new AbortController(), began = performance.now() - HELD;
    try {
      const settings = this.settings();
      const found = await post("/api/preview", { picture: this.current.id, settings, sharp, tab: TAB }, asking.signal);
      const [filled, change] = await Promise.all([loaded(found.filled), loaded(found.change)]);
      if (asking.signal.aborted || this.canvas.dragging) return;
      this.shown(found.plan, filled, change);
      if (!sharp) $("stage").dataset.preview = String(Math.round(performance.now() - began));
      $("stage").dataset.sharp = found.sharpest ? "all" : String(sharp);
      if (!found.sharpest) this.sharpening = setTimeout(() => this.looked(sharp + 1), SHARP);
    } catch (error) {
      if (asking.signal.aborted || error.name === "AbortError") return;
      $("plan").replaceChildren(make("span", { className: "wrong" }, error.message));
    }
  }

  shown(plan, filled, change) {
    const box = plan.trimmed || { left: 0, top: 0, width: plan.input_size.width, height: plan.input_size.height };
    const [width, height] = plan.scaled || [box.width, box.height];
    this.framed(box, width, height);
    if (this.growth.preset || this.growth.unit.value === "%") this.canvas.setSides(plan.sides_px);
    this.canvas.setPreview(filled, change, plan.sides_px);
    this.passes = plan.passes;
    this.growth.show();
    const words = [`${plan.output_size.width} × ${plan.output_size.height} px`, `fill ${plan.fill.split(":")[0]}`, `${plan.denoiser_calls} denoiser calls`, `at most ${plan.band_px} px of the photo may change`, ...plan.notes];
    $("plan").textContent = words.join(" · ");
  }

  // --- runs ------------------------------------------------------------------------------------------------------

  ready() {
    const painting = this.mode === "paint";
    const missing = !this.current ? "Open a photo first." : painting ? (this.canvas.isPainted ? "" : "Paint over a part first.") : this.growth.isEmpty ? "Drag a border outwards, or choose a shape." : "";
    $("go").textContent = painting ? "Repaint" : "Extend";
    $("go").disabled = Boolean(missing);
    $("go-hint").textContent = missing;
  }

  async start() {
    if (!this.current || this.form.check()) return;
    await this.guarded(async () => {
      const id = this.current.id;
      let run;
      if (this.mode === "paint") {
        const settings = this.form.settings({ painting: true });
        run = await send(`/api/paint?picture=${id}&settings=${encodeURIComponent(JSON.stringify(settings))}`, await this.canvas.maskBlob());
      } else run = await post("/api/extend", { picture: id, settings: this.settings() });
      this.runs.start(run.id, { picture: id, mode: this.mode, passes: this.mode === "paint" ? 1 : this.passes });
    });
  }
}

async function begin() {
  const theme = localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  const facts = await get("/api/form");
  const page = window.softextend = new Page(facts);
  page.showFolder();
  const found = await page.refresh();
  page.ready();
  for (const run of found.runs.filter((each) => each.kind === "batch")) page.batch.follow(run);
  page.fromHash();
  page.runs.next();
}

begin().catch((error) => {
  document.getElementById("alert").firstElementChild.textContent = error.message;
  document.getElementById("alert").hidden = false;
});
