"""JPEGs that end early, at every place: whole ones raise no alarm, and no missing part goes unsaid."""

from __future__ import annotations

import base64
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from running import Run, photo, pixels, recipe

from softextend.errors import BadPicture
from softextend.pictures import damage
from softextend.pictures.damage import ended, layout_of
from softextend.pictures.read import read_picture

END = b"\xff\xd9"
TRAILERS = (b"", b"trailer" * 20, b"\xff\xd8\xff\xe0 a second one", b"\0\0\0\x18ftypmp42", bytes(range(256)))
SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")


def scene(kind: str, width: int, height: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    if kind == "noise":
        return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if kind == "flat":
        return Image.new("RGB", (width, height), (128, 128, 128))
    y, x = np.mgrid[:height, :width]
    grain = random.normal(0, 4, (height, width))
    bands = [np.sin(x / 9) * 60 + y + grain, np.cos(y / 7) * 60 + x + grain, x + y + grain]
    return Image.fromarray(np.stack(bands, axis=2).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(BytesIO(data)))


VARIANTS = [
    (kind, mode, options)
    for kind, mode in (("waves", "RGB"), ("noise", "RGB"), ("waves", "L"), ("flat", "RGB"), ("waves", "CMYK"))
    for options in (
        {"quality": 75},
        {"quality": 30, "restart_marker_blocks": 3},
        {"quality": 90, "progressive": True},
        {"quality": 60, "progressive": True, "restart_marker_rows": 1},
    )
]


@pytest.mark.parametrize(("kind", "mode", "options"), VARIANTS)
@pytest.mark.parametrize("subsampling", [0, 2])
def test_whole_pictures_and_cut_ones(kind: str, mode: str, options: dict[str, Any], subsampling: int) -> None:
    chosen = random.Random(f"{kind}{mode}{options}{subsampling}")
    image = scene(kind, chosen.randint(9, 150), chosen.randint(9, 120), 1).convert(mode)
    extra = {"subsampling": subsampling} if mode == "RGB" else {}
    data = encoded(image, **options, **extra)
    for trailer in TRAILERS:
        assert ended(data + trailer) == (data + trailer, None)
        mended, ending = ended(data[:-2] + trailer)
        assert ending is not None
        assert ending.missing == 0, ending.said
        assert "end marker is missing" in ending.said
        assert np.array_equal(decoded(mended), decoded(data))
    layout = layout_of(data)
    assert layout is not None
    first, whole = layout.scans[0].data.start, decoded(data)
    for at in [layout.end - 1, *(chosen.randrange(first + 1, layout.end) for _ in range(8))]:
        for tail in (END, b""):
            mended, ending = ended(data[:at] + tail)
            changed = decoded(mended) != whole
            if changed.any():
                assert ending is not None
                assert ending.missing > 0, (at, layout.end)
            if ending is not None and ending.known is not None and "progressive" not in options:
                changed = changed if changed.ndim == 2 else changed.any(axis=2)
                rows = np.flatnonzero((changed & ending.known).any(axis=1))
                assert len(rows) <= 2  # colour of half the resolution is smeared across the border


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("closely", [0, 10**9])
def test_how_much_is_missing(share: float, closely: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "CLOSELY", closely)
    data = encoded(scene("noise", 320, 320, 2), quality=90, subsampling=0)
    layout = layout_of(data)
    assert layout is not None
    start = layout.scans[0].data.start
    _, ending = ended(data[: start + int((layout.end - start) * (1 - share))] + END)
    assert ending is not None
    assert ending.missing == pytest.approx(share, abs=0.02)
    assert f"{ending.missing:.0%}"[:-1] in ending.said
    assert ending.known is not None
    assert 1 - ending.known.mean() == pytest.approx(share, abs=0.02)


def test_other_files_stay_as_they_are() -> None:
    for data in (b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\x89PNG", bytes(100), b"\xff\xd8\xff\xc0\0\x04\x08\0"):
        assert ended(data) == (data, None)


def test_only_the_end_marker_is_missing(run: Run, shared: Path) -> None:
    source, whole = shared / "inputs" / "noeoi.jpg", shared / "inputs" / "photo.jpg"
    (facts,) = run("extend", source, *SIDES, "-o", "x.png", "--json").facts
    assert any("end marker is missing" in note for note in facts["notes"])
    assert np.array_equal(read_picture(source).pixels, read_picture(whole).pixels)


def test_a_part_that_is_missing_is_refused_or_painted(run: Run, shared: Path) -> None:
    source = shared / "inputs" / "cut60eoi.jpg"
    ran = run("extend", source, *SIDES, "-o", "x.png")
    assert (ran.code, ran.out) == (1, "")
    assert "50 % of the picture is missing" in ran.err
    assert "--allow-damaged" in ran.err
    (facts,) = run("extend", source, *SIDES, "-o", "x.png", "--allow-damaged", "--json").facts
    assert any("50 % of the picture is missing" in note for note in facts["notes"])
    assert np.array_equal(pixels("x.png")[:20, :90], decoded(source.read_bytes())[:20, :90])
    assert run("verify", "x.png", source, "--allow-damaged").code == 0
    assert run("redo", "x.png", "-o", "y.png", "--allow-damaged").code == 0
    assert recipe("y.png")["spec"] == recipe("x.png")["spec"]


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    data = encoded(scene("waves", 90, 70, 3), quality=80, progressive=True)
    layout = layout_of(data)
    assert layout is not None
    for scan in layout.scans[:-1]:
        with pytest.raises(BadPicture, match=r"is missing.*--allow-damaged"):
            read_picture(data[: scan.data.stop] + END)
        assert read_picture(data[: scan.data.stop] + END, allow_damaged=True).pixels.shape == (70, 90, 3)


def test_a_big_picture_is_looked_at_by_its_blocks() -> None:
    data = encoded(scene("waves", 2400, 1800, 4), quality=80)
    assert ended(data) == (data, None)
    _, ending = ended(data[: len(data) // 2] + END)
    assert ending is not None
    assert 0.3 < ending.missing < 0.7


def test_a_cut_photo_among_others_fails_alone(run: Run) -> None:
    photo("a.jpg")
    photo("b.jpg", 200, 200, quality=95)
    data = Path("b.jpg").read_bytes()
    Path("b.jpg").write_bytes(data[:-200] + END)
    ran = run("extend", "a.jpg", "b.jpg", *SIDES)
    assert (ran.code, ran.lines) == (1, ["a-extended.jpg"])


# 72 x 56 px, by libjpeg-turbo's cjpeg -quality 40 (with -arithmetic, -arithmetic -progressive, -scans "0; 1; 2;"),
# since Pillow reads such files and writes none.
UNUSUAL = {
    "arithmetic": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCN"
        "l4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/yQAR"
        "CAA4AEgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwDRa57mGNc41ojPKw7EOSEAWbkkBnKJX4n7WRCJ+/aLoNUWzXnNvyRI"
        "FMfMhAHcFKIzstknKbpvAbRIehsgCkz05+ucB/xTXATUv9L0PZmjunulkdK2j2jN0Fbp2VbyZ1FffGPr3+AOn5k7EqDZfVCG4Mb31hcSHMBM"
        "4YYVtUA6PvUnoBsTKS17P2HpDGWQfL8Ljz3LbX92KZm0jg2LttV2DB0maATa7s77B5kqmiT0snoUv1/psXSuC6yFs8IUrXN9dkxZ6pYpFGYX"
        "wFl99KhoLaHDOPoc1UwTutsRsBJ2n37B9i6mMkXcAHxIubaKwl89lWSEaCHWI5RPmhJPMJ8UZzTlnDUEUXj5Bg0fT3yVfWS6ThxGWT62i/L6"
        "aYerdxjzkP6uwfkHfZXL7D4OMd8Mb5GOT4GzdYHMjIpKppfrDoo5FX0zBOJ0P38bint5AQo09y7V/UFKbmPks43fc5Y7TOawhOp/mGPizB8S"
        "8HdiIYh7Z6cSDyCGETcVo/WIB3t8+557w/mykQYMvC8Lwa+VmnrOfV1EAXbciZyShyGSvLOxHsvroP6n7IGh4424rl7HIxtp8D9dppYPk/uh"
        "ceAbwd7L5wAcGfCOWdY+YmrS2xylZWAVriYlkxYyYxz1WGfO8LUjkRFs3yjVf+IKDeIxfs/g/uo1n7MFSGO7UhvhQBY33l27Hp/dcP/Z"
    ),
    "arithmetic, progressive": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCN"
        "l4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/ygAR"
        "CAA4AEgDASIAAhEBAxEB/8wABgAQARD/2gAMAwEAAhADEAAAAc5yw7S8dJH/AINnZEYI10huY3aZ44sdkEpmuWPC+bynYhSAEcXXSyF6KbI9"
        "TU2QGhoOrrhjW1HSP0cHI//MAAQQBf/aAAgBAQABBQLy8aGzFWzA1P8ARMpCvKwItr3r2p/5C5yP4qdhymQNbjiA2hq9i5qnCOoyrUicY7YU"
        "KYj/zAAEEQX/2gAIAQMBAT8B/iv7/8wABBEF/9oACAECAQE/ASVcDByybP/MAAQQBf/aAAgBAQAGPwL3JOEqhQrrlDUWbD3usUYQF8QbYP/M"
        "AAQQBf/aAAgBAQABPyFmqwSng0yVzSJdDy0oMTPuSXiLLAAy0pHCUToye4DV4N8/EuK6OI3U8KsWhTxyx52PxfkFwzGJRVFSWRKWAlvnQ82r"
        "hhMU8WZlKOwzMRMwsmfZcHK4lsO/d2+8DoaR/Co8MHoh19LTbBpYzuHH72zWoP/aAAwDAQACAAMAAAAQuSVPj3O7Q4PWEMUv5n/2/8wABBEF"
        "/9oACAEDAQE/EAD1JmIKvqZ+t7Yh4YBo0v/MAAQRBf/aAAgBAgEBPxCHanFHiWjq7mpTP/zhp4NxKVvw/8wABBAF/9oACAEBAAE/EB2Al7w7"
        "ZHZ2EOBBcQ+kszshwnwfgMISArI7++Fc3p50DWGR/wDf4WepwG8bfPdPxlCO82BndDbHTr8r9oYNsSEJdjWWgaJPlx/gjn4ziSDhdRBPnblf"
        "E6KXKmIPldKba0+h/A/GDC6LFhQTB940PQVARPLs87kPOCYrG9XAcuz6tMy7VWXKByjHqyy7+ytKTSMlg/pbFM4NXxC+vxr4VDQA7/Eydasg"
        "icpAMXwsOKUZuKDRYROJCWUCRrcfFTA/95elv17DbUM55tQOkk86490PiTgky+j2bmw3xZUg/9k="
    ),
    "a scan for each colour": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCN"
        "l4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAAR"
        "CAA4AEgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEG"
        "E1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWG"
        "h4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/ALuH"
        "QbSox6EVLGpbOyEnHJw2DUTgSPlEIJ7ZzTduKkhiDuAePxq2IpjlF496UW4RfMcbWBxyfvUwxSMPMBCAelKjwAlt2X91zVYXcUhxKCn61PFl"
        "hmCbd7ZpSiscspVs9c0nkhzy5Pv1oAEMnyMD71IWC5ESgbhzwc0SCTIIY8jkZ6UeYVTDfMPTAqoU3OW3AA+2KiZEI+RlU+9V2EiNkMv4UfbL"
        "lejn880o1GUfeCN7kc0h1GUnhsfSgX0v9/FL9ulIwWQj6UC9lGAJUX29ap3Wssp+Vo5D3wMY/Cnbl7n9KAV9f0pCy+p/KkLDHX9KiZm7Y/75"
        "/wDr1Hvm7bfy/wDr1C7Tbh+8YewTioHQHJ8/n3BzUflKAf3w/wC+TW6ZIQOBuNQvLk4VMfSm4duAp/KpFtJ2z8uMepprW8inBXJ9qBbyEfcN"
        "PFrNjPlnHqTR9lJKlosk9ORVa60x0b5IivryD/WpY41HMpP0zViOVEH7pFz69TTxORzI+DnpmnLcxq3J60rTh5P3XI6dcZqXeQA0RLYHPPSh"
        "rkYC7RyOcinbiV6bc89MVUa4G8hgT9ayjM7ck1Kk7xt8smDjHTNRtJtbIbceucUhlLHJOT71JFOUYGrMd2wYsuznqKkN6WXa4O48g46U0Xjb"
        "fL4ZTSDyckEsG9c5Ff/EAB8BAAMBAQEBAQEBAQEAAAAAAAABAgMEBQYHCAkKC//EALURAAIBAgQEAwQHBQQEAAECdwABAgMRBAUhMQYSQVEH"
        "YXETIjKBCBRCkaGxwQkjM1LwFWJy0QoWJDThJfEXGBkaJicoKSo1Njc4OTpDREVGR0hJSlNUVVZXWFlaY2RlZmdoaWpzdHV2d3h5eoKDhIWG"
        "h4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uLj5OXm5+jp6vLz9PX29/j5+v/aAAgBAhEAPwDWUh+0"
        "S3M5yuyOm4GiHoKyFp2EANvoLmYXYi2MmSJsVY//2gAIAQMRAD8AzSFyNlxVkV1AkNQux6jEFl1HZBZAIQ0MVz//2Q=="
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_codings_are_whole_or_cut(name: str) -> None:
    data = base64.b64decode(UNUSUAL[name])
    assert ended(data) == (data, None)
    for trailer in (b"", bytes(30)):
        mended, ending = ended(data[:-2] + trailer)
        assert ending is not None
        assert ending.missing == 0
        assert np.array_equal(decoded(mended), decoded(data))
    body = layout_of(data).scans[0].data.start  # type: ignore[union-attr]
    for share in (0.3, 0.6, 0.9):
        for end in (b"", END):
            _, ending = ended(data[: body + int((len(data) - body) * share)] + end)
            assert ending is not None
            assert ending.missing > 0
            assert "end marker" not in ending.said
