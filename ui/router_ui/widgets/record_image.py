"""What an image is, by the first bytes of its file: its kind and how large it is, without its pixels."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Image", "image_of"]

_HEADS = {b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"\xff\xd8\xff": "JPEG"}
# Frames of JPEG hold the size; these of the same range do not: Huffman tables, extensions, arithmetic coding.
_NO_FRAMES = {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xDA)}  # markers that nothing follows


class Image(NamedTuple):
    """An image; a width of 0: its size lies beyond what is here."""

    kind: str
    width: int
    height: int

    def __str__(self) -> str:
        """``PNG image, 640 x 480``."""
        return f"{self.kind} image" + (f", {self.width:,} x {self.height:,}" if self.width else "")


def image_of(data: bytes) -> Image | None:
    """The image that these bytes are, or the beginning of one; None: they are no PNG, JPEG, GIF or WebP."""
    kind = next((kind for head, kind in _HEADS.items() if data.startswith(head)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "WebP"
    if kind is None:
        return None
    try:
        return Image(kind, *_SIZES[kind](data))
    except IndexError:
        return Image(kind, 0, 0)


def _big(data: bytes, start: int, length: int = 2) -> int:
    return int.from_bytes(_at(data, start, length), "big")


def _little(data: bytes, start: int, length: int = 2) -> int:
    return int.from_bytes(_at(data, start, length), "little")


def _at(data: bytes, start: int, length: int) -> bytes:
    if len(data) < start + length:
        raise IndexError(start)
    return data[start : start + length]


def _png(data: bytes) -> tuple[int, int]:
    return _big(data, 16, 4), _big(data, 20, 4)


def _gif(data: bytes) -> tuple[int, int]:
    return _little(data, 6), _little(data, 8)


def _jpeg(data: bytes) -> tuple[int, int]:
    place = 2
    while True:
        if data[place] != 0xFF:
            raise IndexError(place)
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return _big(data, place + 7), _big(data, place + 5)
        if marker == 0xFF:
            place += 1
        else:
            place += 2 if marker in _ALONE else 2 + max(2, _big(data, place + 2))


def _webp(data: bytes) -> tuple[int, int]:
    match _at(data, 12, 4):
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data, 26) & 0x3FFF, _little(data, 28) & 0x3FFF
        case _:
            raise IndexError(12)


_SIZES = {"PNG": _png, "GIF": _gif, "JPEG": _jpeg, "WebP": _webp}
