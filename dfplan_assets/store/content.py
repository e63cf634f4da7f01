"""Texts and messages as the store keeps them: compressed, once, under the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Any, Literal

Codec = Literal["raw", "zlib"]

# Below this, the header that zlib adds eats what it saves.
_SMALLEST_COMPRESSED_BYTES = 128

# Plans and information_schema shrink to a tenth at level 3 in a third of the time of level 6.
_ZLIB_LEVEL = 3


@dataclass(frozen=True)
class Content:
    """Bytes in stored form; ``size_bytes`` counts them before compression."""

    sha256: str
    codec: Codec
    size_bytes: int
    data: bytes


class DamagedContentError(ValueError):
    """Stored bytes are not those that were written."""


def hash_of(payload: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(payload).hexdigest()


def pack(sha256: str, payload: bytes) -> Content:
    """The stored form of ``payload``, whose hash is ``sha256``."""
    if len(payload) >= _SMALLEST_COMPRESSED_BYTES:
        compressed = zlib.compress(payload, _ZLIB_LEVEL)
        if len(compressed) < len(payload):
            return Content(sha256, "zlib", len(payload), compressed)
    return Content(sha256, "raw", len(payload), payload)


def unpack(content: Content) -> bytes:
    """The bytes as they were written; ``DamagedContentError`` when they are not."""
    if content.codec == "zlib":
        try:
            payload = zlib.decompress(content.data)
        except zlib.error as error:
            raise DamagedContentError(f"content {content.sha256} cannot be decompressed: {error}") from error
    elif content.codec == "raw":
        payload = content.data
    else:
        raise DamagedContentError(f"content {content.sha256} has the unknown codec {content.codec!r}")
    if len(payload) != content.size_bytes:
        raise DamagedContentError(
            f"content {content.sha256} has {len(payload)} bytes where {content.size_bytes} were written"
        )
    if hash_of(payload) != content.sha256:
        raise DamagedContentError(f"content {content.sha256} holds other bytes than were written")
    return payload


def text_bytes(text: str) -> bytes:
    """A text as bytes. File names may hold bytes that are no UTF-8; they pass as lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def text_of(payload: bytes) -> str:
    """The text that ``text_bytes`` made the bytes from."""
    return payload.decode("utf-8", "surrogatepass")


def json_text(value: Any) -> str:
    """Compact JSON in ASCII; the same value gives the same text, objects keep their order."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
