// What came out: before and after, what it is worth in words, its variations, the steps of the session, the gallery.

import { loaded, make, viewOf } from "./http.js";

const KINDS = { photo: "Photo", extended: "Extended", painted: "Repainted" };

/** Before and after in one place, with a line between them that a pointer or the arrow keys move. */
export async function showCompare(root, node, parent) {
  const [after, before] = await Promise.all([loaded(viewOf(node.id)), loaded(viewOf(parent.id))]);
  const range = make("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50, "aria-label": "How much of the picture before is shown, percent" });
  const clip = make("div", { className: "before" }), ground = make("div", { className: "void" }), edge = make("div", { className: "edge" });
  after.alt = "After"; before.alt = "Before";
  clip.append(ground, before);
  root.replaceChildren(after, clip, edge, make("span", { className: "tag one" }, "before"), make("span", { className: "tag two" }, "after"), range);
  const arrange = () => {
    const view = { width: root.clientWidth, height: root.clientHeight };
    const scale = Math.min(view.width * 0.97 / node.width, view.height * 0.97 / node.height);
    const x = (view.width - node.width * scale) / 2, y = (view.height - node.height * scale) / 2, p = node.place;
    put(after, x, y, node.width * scale, node.height * scale);
    put(ground, x, y, node.width * scale, node.height * scale);
    const ratio = p.width / p.from_width; // of a photo that was scaled down
    put(before, x + (p.left - p.from_left * ratio) * scale, y + (p.top - p.from_top * ratio) * scale, parent.width * ratio * scale, parent.height * ratio * scale);
    const taken = { top: p.from_top / parent.height, left: p.from_left / parent.width, bottom: 1 - (p.from_top + p.from_height) / parent.height, right: 1 - (p.from_left + p.from_width) / parent.width };
    before.style.clipPath = `inset(${taken.top * 100}% ${taken.right * 100}% ${taken.bottom * 100}% ${taken.left * 100}%)`;
    const at = x + node.width * scale * range.value / 100;
    clip.style.clipPath = `inset(0 ${view.width - at}px 0 0)`;
    edge.style.left = `${at}px`;
  };
  range.addEventListener("input", arrange);
  new ResizeObserver(arrange).observe(root);
  arrange();
}

function put(element, x, y, width, height) {
  Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
}

/** The card below a result; `page` has the actions. */
export function showResult(root, node, siblings, formats, page) {
  const strip = siblings.length > 1 ? make("div", { className: "strip", role: "group", "aria-label": "Variations" }, ...siblings.map((each) => {
    const button = make("button", { type: "button", "aria-pressed": String(each.id === node.id) }, make("img", { src: viewOf(each.id, 320), alt: `Variation with seed ${each.seed}` }), make("span", {}, `score ${(each.scores.total ?? 0).toFixed(2)}`), make("span", {}, `seed ${each.seed}`));
    button.addEventListener("click", () => page.open(each.id));
    return button;
  })) : null;
  const go = make("button", { type: "button", className: "primary", id: "go-on" }, "Go on from this");
  go.addEventListener("click", () => page.goOn(node.id));
  const links = formats.map((format) => make("a", { href: `/api/pictures/${node.id}/file?format=${format}`, download: "", id: `download-${format}` }, { png: "PNG", jpeg: "JPEG", webp: "WebP" }[format] || format));
  const mask = node.mask ? [make("a", { href: `/api/pictures/${node.id}/file?of=mask`, download: "" }, "Mask")] : [];
  const text = node.commands.join(" &&\n"), copy = make("button", { type: "button", id: "copy" }, "Copy");
  copy.addEventListener("click", () => page.copy(text));
  const beside = node.needed?.length > 1 ? make("p", { className: "faint", id: "needed" }, "It reads, from the folder where it runs: ", ...node.needed.flatMap((each, index) => [index ? ", " : "", make("a", { href: each.href, download: each.file }, each.file)])) : null;
  const notes = node.notes.length ? make("ul", {}, ...node.notes.map((line) => make("li", {}, line))) : null;
  root.replaceChildren(...[
    make("div", {}, make("p", { className: "verdict", id: "verdict" }, node.verdict),
      make("p", { className: "faint" }, `${node.width} × ${node.height} px, seed ${node.seed}, ${node.seconds} s`)),
    notes, strip,
    make("div", { className: "actions" }, go, make("span", { className: "faint label" }, "Download with recipe:"), ...links, ...mask),
    make("div", { className: "command" }, make("pre", { id: "command", tabIndex: 0, "aria-label": "The command line that makes the same file" }, text), copy),
    beside,
  ].filter(Boolean));
  root.hidden = false;
}

/** All pictures of the session as a tree of what was made of what. */
export function showTree(root, nodes, current, open) {
  const below = (parent) => nodes.filter((each) => each.parent === parent);
  const branch = (parent) => {
    const found = below(parent);
    return found.length ? make("ul", {}, ...found.map((each) => {
      const button = make("button", { type: "button", "aria-current": String(each.id === current) },
        make("img", { src: viewOf(each.id, 120), alt: "", loading: "lazy" }),
        make("span", {}, each.file, make("small", {}, `${KINDS[each.kind]}, ${each.width} × ${each.height}${each.verdict ? ` · score ${each.scores.total.toFixed(2)}` : ""}`)));
      button.addEventListener("click", () => open(each.id));
      return make("li", {}, button, branch(each.id));
    })) : "";
  };
  const known = new Set(nodes.map((each) => each.id));
  for (const each of nodes) if (each.parent && !known.has(each.parent)) each.parent = null;
  root.replaceChildren(branch(null));
}

/** Every picture that was made in this session. */
export function showGallery(root, nodes, open, clear) {
  const made = nodes.filter((each) => each.kind !== "photo").reverse();
  if (!nodes.length) return root.replaceChildren(make("p", { className: "none" }, "Nothing here yet: what you make in this session will be."));
  const button = make("button", { type: "button", id: "clear" }, "Delete everything of this session");
  button.addEventListener("click", clear);
  const grid = make("div", { className: "grid" }, ...(made.length ? made : nodes).map((each) => {
    const picture = make("button", { type: "button", "aria-label": `Open ${each.file}` }, make("img", { src: viewOf(each.id, 480), alt: "", loading: "lazy" }));
    picture.addEventListener("click", () => open(each.id));
    return make("figure", {}, picture, make("figcaption", {}, each.file, make("div", { className: "faint" }, each.verdict || `${each.width} × ${each.height} px`)));
  }));
  const words = made.length ? `${made.length} ${made.length === 1 ? "result" : "results"} of this session, the newest first` : "Photos of this session; nothing is made of them yet";
  const zip = made.length ? make("a", { href: `/api/zip?pictures=${made.map((each) => each.id).join(",")}`, download: "", id: "gallery-zip" }, "Download all (zip)") : null;
  root.replaceChildren(make("div", { className: "gallery-bar" }, make("p", { className: "faint" }, words), make("span", { className: "push" }), ...(zip ? [zip] : []), button), grid);
}
