"""ONNX metadata without the `onnx` package: metadata_props is a repeated field, so new entries are appended bytes."""

from __future__ import annotations

METADATA_PROPS_TAG = 14 << 3 | 2  # ModelProto.metadata_props, length-delimited
KEY_TAG, VALUE_TAG = 1 << 3 | 2, 2 << 3 | 2  # StringStringEntryProto.key, .value


def append(model: bytes, entries: dict[str, str]) -> bytes:
    """`model` (a serialised ModelProto) with `entries` added to its metadata."""
    out = bytearray(model)
    for key, value in entries.items():
        entry = field(KEY_TAG, key.encode()) + field(VALUE_TAG, value.encode())
        out += field(METADATA_PROPS_TAG, entry)
    return bytes(out)


def field(tag: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return varint(tag) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """Protobuf's base-128 integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
