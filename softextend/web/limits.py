"""How large a picture may be here; the command line takes more."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image

from softextend.errors import BadPicture, BadRequest

MEGA = 1_000_000
MOST_PIXELS = 100 * MEGA  # of a photo and of a result


def check_pixels(data: bytes, *, name: str) -> None:
    """BadPicture for a header that says more pixels than are taken, before anything is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data)) as opened:
                width, height = opened.size
    except Image.DecompressionBombError:
        raise BadPicture(f"{name}: has more than {MOST_PIXELS // MEGA} megapixels; scale it down") from None
    except Exception:  # what is no picture is told by the reader, which knows more kinds
        return
    if width * height > MOST_PIXELS:
        raise BadPicture(
            f"{name}: {width}x{height} px are {width * height / MEGA:.0f} megapixels: "
            f"at most {MOST_PIXELS // MEGA} are taken here; scale it down, or use the command line"
        )


def check_size(width: int, height: int) -> None:
    """BadRequest for a result that is too large, before it is planned."""
    if width * height > MOST_PIXELS:
        raise BadRequest(
            f"{width}x{height} px: more than {MOST_PIXELS // MEGA} megapixels; add less, or use the command line"
        )
