"""Xet storage for the local Hub: chunks come in xorbs, and a shard says how files are made of them.

After the public specification of the Xet protocol (huggingface.co/docs/xet: xorb, shard, CAS API). Files
are put together when their shard arrives and are served like any other: only uploads go the Xet way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from .store import HubError, Store

_ENTRY = 48
_END = b"\xff" * 32
_WITH_VERIFICATION, _WITH_METADATA = 1 << 31, 1 << 30
_STORED, _LZ4, _GROUPED_LZ4 = 0, 1, 2


def xorb_path(store: Store, name: str) -> Path:
    folder = store.root / "xorbs"
    folder.mkdir(exist_ok=True)
    return folder / name


def add_shard(store: Store, shard: bytes) -> None:
    """Put every file of the shard together from stored xorbs and keep it under its sha256."""
    for terms in _files(shard):
        store.add_blob(chunk for term in terms for chunk in _chunks(store, *term))


def _files(shard: bytes) -> Iterator[list[tuple[str, int, int]]]:
    """Of each file its terms: xorb, first chunk, chunk after the last."""
    at = _ENTRY
    while shard[at : at + 32] != _END:
        flags, number = struct.unpack_from("<II", shard, at + 32)
        at += _ENTRY
        entries = [shard[at + n * _ENTRY : at + (n + 1) * _ENTRY] for n in range(number)]
        yield [(_name(e[:32]), *struct.unpack_from("<II", e, 40)) for e in entries]
        at += number * _ENTRY * (2 if flags & _WITH_VERIFICATION else 1)
        at += _ENTRY if flags & _WITH_METADATA else 0


def _name(digest: bytes) -> str:
    """A hash as the API writes it: four little-endian numbers in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", digest))


def _chunks(store: Store, xorb: str, start: int, stop: int) -> Iterator[bytes]:
    path = xorb_path(store, xorb)
    if not path.is_file():
        raise HubError(400, f"xorb {xorb} was not uploaded")
    with path.open("rb") as file:
        for number in range(stop):
            header = file.read(8)
            packed = int.from_bytes(header[1:4], "little")
            content = file.read(packed)
            if number >= start:
                yield _unpacked(content, header[4], int.from_bytes(header[5:8], "little"))


def _unpacked(content: bytes, scheme: int, size: int) -> bytes:
    if scheme == _STORED:
        return content
    plain = pa.Codec("lz4").decompress(content, size, asbytes=True)
    if scheme == _LZ4:
        return plain
    if scheme != _GROUPED_LZ4:
        raise HubError(400, f"unknown compression {scheme} in a xorb")
    whole, at = bytearray(size), 0
    for place in range(4):
        part = len(range(place, size, 4))
        whole[place::4] = plain[at : at + part]
        at += part
    return bytes(whole)
