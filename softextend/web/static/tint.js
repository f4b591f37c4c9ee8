// Small pictures made of others: a map as a colour, a copy.

/** A grey picture, or the alpha of a white one, as a colour whose opacity is the grey. */
export function tinted(picture, colour, most = 0.3) {
  const made = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const pen = made.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  if (picture instanceof HTMLCanvasElement) {
    pen.globalCompositeOperation = "source-in";
    pen.globalAlpha = 1;
    pen.fillStyle = colour || "#e0457b";
    pen.fillRect(0, 0, made.width, made.height);
    const faint = Object.assign(document.createElement("canvas"), { width: made.width, height: made.height });
    const second = faint.getContext("2d");
    second.globalAlpha = most;
    second.drawImage(made, 0, 0);
    return faint;
  }
  const found = pen.getImageData(0, 0, made.width, made.height), data = found.data;
  pen.fillStyle = colour || "#e0457b";
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  for (let index = 0; index < data.length; index += 4) {
    data[index + 3] = Math.round(data[index] * most);
    data[index] = red; data[index + 1] = green; data[index + 2] = blue;
  }
  pen.putImageData(found, 0, 0);
  return made;
}

/** The same once more, to come back to. */
export function copied(canvas) {
  const made = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  made.getContext("2d").drawImage(canvas, 0, 0);
  return made;
}
