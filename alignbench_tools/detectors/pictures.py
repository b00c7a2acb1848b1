"""Bytes of a picture as what models take."""

import hashlib
import io

from PIL import Image, ImageOps


def decode(data: bytes) -> Image.Image:
    """The picture in RGB, turned as its EXIF says, as `datasets` shows it; ValueError if there is none."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except Exception as error:  # Pillow's readers raise a dozen types, its own, struct's and zlib's
        raise ValueError(f"the picture cannot be read: {type(error).__name__}: {error}") from None


def digest(data: bytes) -> str:
    """Equal for equal bytes."""
    return hashlib.sha256(data).hexdigest()
