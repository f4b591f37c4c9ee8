"""Make the pictures of docs/fills.md with softextend itself: the example photo, filled in every way.

python docs/make_fills.py               # all of them, into docs/images
python docs/make_fills.py mirror ns     # some of them
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

from PIL import Image

from softextend import cli
from softextend.types import FillName

DOCS = Path(__file__).resolve().parent
PHOTO = DOCS.parent / "examples" / "photo.jpg"
FILLS = [*(name.value for name in FillName), "spectral:phase=random"]
SIDE = 160  # px added on the left and on the right
WIDTH = 448  # px of the pictures on the page
MOST = 60_000  # bytes of each


def filled(fill: str) -> Image.Image:
    """The canvas that `softextend prepare` writes."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        options = ["--sides", "0", str(SIDE), "0", str(SIDE), "--fill", fill, "--seed", "1", "--out-dir", folder, "-q"]
        code = cli.run(["prepare", str(PHOTO), *options])
        if code:
            raise SystemExit(code)
        with Image.open(Path(folder) / "photo-canvas.png") as canvas:
            return canvas.convert("RGB")


def small_jpeg(picture: Image.Image) -> bytes:
    """The picture at the page's width, as good as `MOST` bytes allow."""
    height = round(picture.height * WIDTH / picture.width)
    small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    for quality in range(88, 20, -4):
        file = io.BytesIO()
        small.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= MOST:
            return file.getvalue()
    raise SystemExit(f"{WIDTH}x{height} does not fit into {MOST} bytes")


def main() -> None:
    """Write fill-NAME.jpg for every fill asked for."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/fills.md.")
    parser.add_argument("fills", nargs="*", default=FILLS, metavar="NAME[:KEY=VALUE,...]")
    parser.add_argument("--out", type=Path, default=DOCS / "images", metavar="DIR")
    options = parser.parse_args()
    for fill in options.fills:
        path = options.out / f"fill-{fill.replace(':', '-').replace('=', '-')}.jpg"
        path.write_bytes(small_jpeg(filled(fill)))
        print(f"{path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
