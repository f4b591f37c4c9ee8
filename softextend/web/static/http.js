// The server's answers, or its error's one line.

export class Refused extends Error {
  constructor(line, { answered = true } = {}) { super(line); this.answered = answered; } // or the server is away
}

async function answer(path, options) {
  let response;
  try { response = await fetch(path, options); }
  catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is it still running? What it made is kept; this page goes on when it is back.", { answered: false });
  }
  if (response.status === 204) return null;
  const found = await response.json().catch(() => null);
  if (!response.ok || found === null) throw new Refused(found?.error || `The server answered with status ${response.status}.`);
  return found;
}

export const get = (path) => answer(path, {});
export const remove = (path) => answer(path, { method: "DELETE" });
export const post = (path, body = {}, signal = undefined) => answer(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
export const send = (path, blob) => answer(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: blob });

/** A picture that is ready to draw. */
export function loaded(source) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Refused("This picture is not there any more; reload the page."));
    image.src = source;
  });
}

export const viewOf = (id, size = 1600) => `/api/pictures/${id}/view?size=${size}`;

/** An element: make("a", {className: "x"}, child, "text"). Text is text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((each) => each !== null && each !== undefined));
  return element;
}
