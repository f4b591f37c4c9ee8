// A photo on a canvas with handles on its sides and corners: dragging one outwards says how much is added there.
// A component of its own: it knows no server and no form. It fires "change" while a handle moves, "settle" after,
// "paint" when the brush has painted.

import { copied, tinted } from "./tint.js";

export const SIDES = ["top", "right", "bottom", "left"];
const HANDLES = ["top", "right", "bottom", "left", "top-left", "top-right", "bottom-right", "bottom-left"];
const OUTWARDS = { top: ["ArrowUp", "ArrowDown"], bottom: ["ArrowDown", "ArrowUp"],
  left: ["ArrowLeft", "ArrowRight"], right: ["ArrowRight", "ArrowLeft"] };
const STEP = 8, BIG_STEP = 64; // px of the photo; with Shift the big one, with Alt 1
const SNAP = 7; // px of the screen
const ROOM = 0.45; // of the photo's size stays free around the frame, to drag into
const ALIKE = 0.04; // logarithm of the ratio of two shapes that are one but for rounding
const MOST_MASK = 1600; // px, of the brush's own canvas

export const noSides = () => ({ top: 0, right: 0, bottom: 0, left: 0 });

/** The sides that make width x height the given ratio by moving one edge; null where that edge would go inside. */
export function snapped(side, sides, width, height, ratio) {
  const w = width + sides.left + sides.right, h = height + sides.top + sides.bottom;
  const flat = side === "left" || side === "right";
  const wanted = flat ? Math.round(h * ratio) : Math.round(w / ratio);
  const value = sides[side] + wanted - (flat ? w : h);
  return value < 0 ? null : { ...sides, [side]: value };
}

/** The scale and the offset that show the frame in the middle of a view, all in px. */
export function fitted(view, photo, sides, room = ROOM) {
  const w = photo.width + sides.left + sides.right, h = photo.height + sides.top + sides.bottom;
  const scale = Math.min(view.width / (w + photo.width * room), view.height / (h + photo.height * room));
  return { scale, x: (view.width - w * scale) / 2 + sides.left * scale,
    y: (view.height - h * scale) / 2 + sides.top * scale };
}

export class ExtendCanvas extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.photo = null; // {image, width, height, crop: {left, top, width, height} of the image's own size, or null}
    this.sides = noSides();
    this.ratios = [];
    this.preview = null;
    this.live = null; // {image, sides}: what a run has painted by now
    this.showMap = true;
    this.past = [];
    this.brush = null;
    this.surface = root.appendChild(document.createElement("canvas"));
    this.surface.setAttribute("role", "img");
    this.readout = root.appendChild(Object.assign(document.createElement("div"), { className: "readout" }));
    this.handles = Object.fromEntries(HANDLES.map((name) => [name, this.makeHandle(name)]));
    this.surface.addEventListener("pointerdown", (event) => this.dab(event, true));
    this.surface.addEventListener("keydown", (event) => this.brushKey(event));
    new ResizeObserver(() => this.refit()).observe(root);
  }

  makeHandle(name) {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = `handle ${name.replace("-", " ")} ${name.includes("-") ? "corner" : "side"}`;
    handle.dataset.handle = name;
    if (name.includes("-")) handle.setAttribute("aria-label", `Corner ${name.replace("-", " ")}: arrow keys move both sides`);
    else {
      handle.setAttribute("role", "slider");
      handle.setAttribute("aria-label", `Added at the ${name}`);
      handle.setAttribute("aria-valuemin", "0");
      handle.setAttribute("aria-orientation", name === "top" || name === "bottom" ? "vertical" : "horizontal");
    }
    handle.addEventListener("pointerdown", (event) => this.grab(event, name));
    handle.addEventListener("keydown", (event) => this.key(event, name));
    handle.addEventListener("focus", () => { this.before = { ...this.sides }; });
    return this.root.appendChild(handle);
  }

  // --- what it shows ---------------------------------------------------------------------------------------------

  setPhoto(image, width, height, { crop = null, keep = false } = {}) {
    const same = keep && this.photo && this.photo.width === width && this.photo.height === height;
    this.photo = image && { image, width, height, crop };
    if (!same) { this.preview = null; this.brush = null; this.live = null; }
    if (!keep) [this.sides, this.past, this.snappedTo] = [noSides(), [], ""];
    this.refit();
  }

  setSides(sides, { remember = false } = {}) {
    if (remember) this.past.push({ ...this.sides });
    if (SIDES.some((side) => sides[side] !== this.sides[side])) this.snappedTo = "";
    this.sides = { ...sides };
    this.refit();
  }

  setPreview(filled, change, sides) {
    this.preview = { filled, map: tinted(change, getComputedStyle(this.root).getPropertyValue("--map")), sides: { ...sides } };
    this.draw();
  }

  /** What a run has painted by now, a picture of the whole frame; null: nothing. */
  setLive(image) {
    const frame = image && this.photo && this.frame();
    const fits = frame && Math.abs(Math.log(image.naturalWidth * frame.height / (image.naturalHeight * frame.width))) < ALIKE;
    this.live = fits ? { image, sides: { ...this.sides } } : null;
    this.draw();
  }

  undo() {
    if (!this.past.length) return false;
    this.sides = this.past.pop();
    this.refit();
    this.tell("settle");
    return true;
  }

  tell(name) { this.dispatchEvent(new CustomEvent(name, { detail: { sides: { ...this.sides } } })); }

  refit() {
    const view = { width: this.root.clientWidth, height: this.root.clientHeight };
    if (!view.width || !view.height) return;
    const dense = window.devicePixelRatio || 1;
    this.surface.width = Math.round(view.width * dense);
    this.surface.height = Math.round(view.height * dense);
    this.dense = dense;
    if (this.photo && !this.dragging) this.fit = fitted(view, this.photo, this.sides, this.brush ? 0.05 : ROOM);
    this.draw();
  }

  draw() {
    const pen = this.surface.getContext("2d");
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.clearRect(0, 0, this.surface.width, this.surface.height);
    for (const handle of Object.values(this.handles)) handle.hidden = !this.photo || Boolean(this.brush);
    this.readout.hidden = !this.photo;
    if (!this.photo) return;
    const { scale, x, y } = this.fit, { image, width, height, crop } = this.photo;
    const frame = this.frame();
    this.checkers(pen, frame);
    const shown = this.preview, live = this.live && SIDES.every((side) => this.live.sides[side] === this.sides[side]) && this.live.image;
    if (shown) {
      pen.save();
      pen.beginPath(); pen.rect(frame.x, frame.y, frame.width, frame.height); pen.clip();
      const at = [x - shown.sides.left * scale, y - shown.sides.top * scale,
        (width + shown.sides.left + shown.sides.right) * scale, (height + shown.sides.top + shown.sides.bottom) * scale];
      pen.drawImage(shown.filled, ...at);
    }
    pen.drawImage(image, ...(crop ? [crop.left, crop.top, crop.width, crop.height] : []), x, y, width * scale, height * scale);
    if (shown) {
      const at = [x - shown.sides.left * scale, y - shown.sides.top * scale,
        (width + shown.sides.left + shown.sides.right) * scale, (height + shown.sides.top + shown.sides.bottom) * scale];
      if (this.showMap && !this.brush && !live) pen.drawImage(shown.map, ...at);
      pen.restore();
    }
    if (live) pen.drawImage(live, frame.x, frame.y, frame.width, frame.height);
    this.lines(pen, frame);
    if (this.brush) this.drawBrush(pen);
    this.place(frame);
  }

  frame() {
    const { scale, x, y } = this.fit, { width, height } = this.photo, s = this.sides;
    return { x: x - s.left * scale, y: y - s.top * scale,
      width: (width + s.left + s.right) * scale, height: (height + s.top + s.bottom) * scale };
  }

  checkers(pen, frame) {
    const size = 10, colours = ["--checker-a", "--checker-b"].map((name) => getComputedStyle(this.root).getPropertyValue(name));
    pen.save();
    pen.beginPath(); pen.rect(frame.x, frame.y, frame.width, frame.height); pen.clip();
    pen.fillStyle = colours[0];
    pen.fillRect(frame.x, frame.y, frame.width, frame.height);
    pen.fillStyle = colours[1];
    for (let row = 0; row * size < frame.height; row++) for (let column = row % 2; column * size < frame.width; column += 2)
        pen.fillRect(frame.x + column * size, frame.y + row * size, size, size);
    pen.restore();
  }

  lines(pen, frame) {
    const style = getComputedStyle(this.root), { scale, x, y } = this.fit, { width, height } = this.photo;
    pen.lineWidth = 1.5;
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.strokeRect(frame.x, frame.y, frame.width, frame.height);
    if (frame.width > width * scale + 1 || frame.height > height * scale + 1) {
      pen.setLineDash([5, 4]);
      pen.strokeStyle = "rgba(255,255,255,.85)";
      pen.strokeRect(x, y, width * scale, height * scale);
      pen.setLineDash([]);
    }
    if (this.trim) {
      const t = this.trim;
      pen.setLineDash([3, 3]);
      pen.strokeStyle = style.getPropertyValue("--warn");
      pen.strokeRect(x + t.left * scale, y + t.top * scale, (width - t.left - t.right) * scale, (height - t.top - t.bottom) * scale);
      pen.setLineDash([]);
    }
  }

  place(frame) {
    const middle = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
    for (const [name, handle] of Object.entries(this.handles)) {
      const left = name.includes("left") ? frame.x : name.includes("right") ? frame.x + frame.width : middle.x;
      const top = name.includes("top") ? frame.y : name.includes("bottom") ? frame.y + frame.height : middle.y;
      handle.style.left = `${left}px`;
      handle.style.top = `${top}px`;
      if (SIDES.includes(name)) {
        handle.setAttribute("aria-valuenow", this.sides[name]);
        handle.setAttribute("aria-valuetext", `${this.sides[name]} px`);
      }
    }
    const w = this.photo.width + this.sides.left + this.sides.right, h = this.photo.height + this.sides.top + this.sides.bottom;
    this.readout.textContent = `${w} × ${h} px${this.snappedTo ? ` · ${this.snappedTo}` : ""}`;
    this.surface.setAttribute("aria-label", this.brush ? "Paint here what is to be repainted: arrow keys move the brush, Space paints"
      : `The photo, ${this.photo.width} by ${this.photo.height} px, on a canvas of ${w} by ${h} px`);
  }

  // --- handles ---------------------------------------------------------------------------------------------------

  grab(event, name) {
    if (event.button) return;
    event.preventDefault();
    const handle = this.handles[name], began = { ...this.sides }, from = { x: event.clientX, y: event.clientY };
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    this.dragging = true;
    this.before = began;
    const move = (next) => {
      const dx = (next.clientX - from.x) / this.fit.scale, dy = (next.clientY - from.y) / this.fit.scale;
      this.moved(name, began, dx, dy, !next.altKey);
    };
    const end = (next) => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
      this.dragging = false;
      if (next.type === "pointercancel") this.sides = began;
      else if (SIDES.some((side) => began[side] !== this.sides[side])) this.past.push(began);
      this.refit();
      this.tell("settle");
    };
    this.release = () => end({ type: "pointercancel" });
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  }

  /** The sides after a handle went (dx, dy) px of the photo from where they were `began`. */
  moved(name, began, dx, dy, snapping = true) {
    const sides = { ...began };
    if (name.includes("right")) sides.right = began.right + dx;
    if (name.includes("left")) sides.left = began.left - dx;
    if (name.includes("bottom")) sides.bottom = began.bottom + dy;
    if (name.includes("top")) sides.top = began.top - dy;
    for (const side of SIDES) sides[side] = Math.max(0, Math.round(sides[side]));
    [this.sides, this.snappedTo] = [sides, ""];
    if (snapping && SIDES.includes(name)) this.snap(name);
    this.draw();
    this.tell("change");
  }

  snap(name) {
    for (const { label, ratio } of this.ratios) {
      const near = snapped(name, this.sides, this.photo.width, this.photo.height, ratio);
      if (near && near[name] > 0 && Math.abs(near[name] - this.sides[name]) * this.fit.scale <= SNAP) {
        this.sides = near;
        this.snappedTo = label;
        return;
      }
    }
  }

  key(event, name) {
    if (event.key === "Escape") {
      if (this.dragging) this.release();
      else if (this.before) { this.sides = { ...this.before }; this.refit(); this.tell("settle"); }
      return event.preventDefault();
    }
    const step = event.altKey ? 1 : event.shiftKey ? BIG_STEP : STEP;
    const sides = { ...this.sides };
    for (const side of SIDES.filter((each) => name.includes(each))) {
      if (event.key === OUTWARDS[side][0] || event.key === "+" || event.key === "=") sides[side] += step;
      else if (event.key === OUTWARDS[side][1] || event.key === "-") sides[side] = Math.max(0, sides[side] - step);
      else if (event.key === "Home") sides[side] = 0;
    }
    if (SIDES.every((side) => sides[side] === this.sides[side])) return;
    event.preventDefault();
    this.snappedTo = "";
    this.setSides(sides, { remember: true });
    this.tell("settle");
  }

  // --- the brush -------------------------------------------------------------------------------------------------

  startBrush(radius) {
    const { width, height } = this.photo, scale = Math.min(1, MOST_MASK / Math.max(width, height));
    const mask = Object.assign(document.createElement("canvas"), { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.brush = { mask, scale, radius, erase: false, strokes: [], cursor: { x: width / 2, y: height / 2 } };
    [this.sides, this.snappedTo] = [noSides(), ""];
    this.surface.tabIndex = 0;
    this.refit();
  }

  stopBrush() {
    [this.brush, this.surface.tabIndex] = [null, -1];
    this.refit();
  }

  dab(event) {
    if (!this.brush || event.button) return;
    event.preventDefault();
    this.surface.focus({ preventScroll: true });
    this.surface.setPointerCapture(event.pointerId);
    this.brush.strokes.push(copied(this.brush.mask));
    let last = null;
    const move = (next) => {
      const box = this.root.getBoundingClientRect(), { scale, x, y } = this.fit;
      const at = { x: (next.clientX - box.left - x) / scale, y: (next.clientY - box.top - y) / scale };
      const count = last ? Math.max(1, Math.ceil(Math.hypot(at.x - last.x, at.y - last.y) / (this.brush.radius / 4))) : 1;
      for (let index = 1; index <= count; index++) {
        const share = index / count;
        this.spot(last ? { x: last.x + (at.x - last.x) * share, y: last.y + (at.y - last.y) * share } : at);
      }
      last = this.brush.cursor = at;
      this.draw();
    };
    const end = () => {
      this.surface.removeEventListener("pointermove", move);
      this.surface.removeEventListener("pointerup", end);
      this.surface.removeEventListener("pointercancel", end);
      this.tell("paint");
    };
    this.surface.addEventListener("pointermove", move);
    this.surface.addEventListener("pointerup", end);
    this.surface.addEventListener("pointercancel", end);
    move(event);
  }

  spot({ x, y }) {
    const { mask, scale, radius, erase } = this.brush, pen = mask.getContext("2d");
    const soft = pen.createRadialGradient(x * scale, y * scale, 0, x * scale, y * scale, radius * scale);
    soft.addColorStop(0, "rgba(255,255,255,1)");
    soft.addColorStop(0.6, "rgba(255,255,255,.9)");
    soft.addColorStop(1, "rgba(255,255,255,0)");
    pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
    pen.fillStyle = soft;
    pen.fillRect((x - radius) * scale, (y - radius) * scale, 2 * radius * scale, 2 * radius * scale);
  }

  brushKey(event) {
    if (!this.brush) return;
    const step = event.shiftKey ? this.brush.radius * 2 : this.brush.radius / 2, at = this.brush.cursor;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[event.key]) {
      at.x = Math.min(this.photo.width, Math.max(0, at.x + ways[event.key][0] * step));
      at.y = Math.min(this.photo.height, Math.max(0, at.y + ways[event.key][1] * step));
    } else if (event.key === " ") {
      this.brush.strokes.push(copied(this.brush.mask));
      this.spot(at);
      this.tell("paint");
    } else if (event.key === "+" || event.key === "=") this.brush.radius *= 1.25;
    else if (event.key === "-") this.brush.radius = Math.max(2, this.brush.radius / 1.25);
    else return;
    event.preventDefault();
    this.draw();
  }

  undoStroke() {
    const before = this.brush && this.brush.strokes.pop();
    if (!before) return false;
    const pen = this.brush.mask.getContext("2d");
    pen.globalCompositeOperation = "copy";
    pen.drawImage(before, 0, 0);
    pen.globalCompositeOperation = "source-over";
    this.draw();
    this.tell("paint");
    return true;
  }

  drawBrush(pen) {
    const { scale, x, y } = this.fit, { mask, radius, cursor } = this.brush, { width, height } = this.photo;
    const colour = getComputedStyle(this.root).getPropertyValue("--map");
    pen.drawImage(tinted(mask, colour, 0.6), x, y, width * scale, height * scale);
    pen.beginPath();
    pen.arc(x + cursor.x * scale, y + cursor.y * scale, radius * scale, 0, 2 * Math.PI);
    pen.strokeStyle = "#fff";
    pen.stroke();
  }

  get isPainted() {
    const { mask } = this.brush, data = mask.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, mask.width, mask.height).data;
    for (let index = 3; index < data.length; index += 4) if (data[index]) return true;
    return false;
  }

  /** The mask as a PNG of the photo's size, white = repaint. */
  maskBlob() {
    const { width, height } = this.photo, whole = Object.assign(document.createElement("canvas"), { width, height });
    const pen = whole.getContext("2d");
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    pen.drawImage(this.brush.mask, 0, 0, width, height);
    return new Promise((done) => whole.toBlob(done, "image/png"));
  }
}
