// The part of each generated Python module that is the same in all of them.
#ifndef SMT_CMD_API_PYTHON_CODEC_H_
#define SMT_CMD_API_PYTHON_CODEC_H_

namespace smt::cmd::api {

inline constexpr char kPythonImports[] = R"py(
from __future__ import annotations

import collections as _collections
import dataclasses as _dataclasses
import enum as _enum
import math as _math
import struct as _struct

)py";

inline constexpr char kPythonCodec[] = R"py(
# A member of a struct. type: a format of the module struct, str, an enum below or a class below.
# count: None unless it is an array. minimum, maximum: None where there is none.
_Field = _collections.namedtuple("_Field", "name type offset count unit minimum maximum")
_Topic = _collections.namedtuple("_Topic", "name type schema_hash max_age_ns history")
_FORMATS = {}  # of the enums


def pack(value) -> bytes:
    """The bytes of a value, as they stand in its topic."""
    data = bytearray(value._size_)
    _pack_struct(data, 0, value)
    return bytes(data)


def unpack(kind, data):
    """The value of a class from the bytes of its topic. ValueError: they are not as many."""
    if len(data) != kind._size_:
        raise ValueError("%d bytes; a %s has %d" % (len(data), kind.__name__, kind._size_))
    return _unpack_struct(data, 0, kind)


def out_of_range(value):
    """The first field out of its range, as "Pose.x"; None: there is none. NaN is out of every range."""
    for field in value._fields_:
        member = getattr(value, field.name)
        for element in [member] if field.count is None else member:
            if hasattr(field.type, "_fields_"):
                inner = out_of_range(element)
                if inner is not None:
                    return inner
            elif (field.minimum is not None and not element >= field.minimum) or (
                field.maximum is not None and not element <= field.maximum
            ):
                return type(value).__name__ + "." + field.name
    return None


def _pack_struct(data, at, value):
    for field in value._fields_:
        member, begin = getattr(value, field.name), at + field.offset
        if field.type is str:
            text = member.encode("utf-8", "surrogateescape")
            if len(text) > (field.count or 1):
                raise ValueError("%s: %d bytes of text; it has room for %d" % (field.name, len(text), field.count or 1))
            data[begin : begin + len(text)] = text
            continue
        members = [member] if field.count is None else member
        if field.count is not None and len(members) != field.count:
            raise ValueError("%s: %d elements; it has %d" % (field.name, len(members), field.count))
        for element in members:
            begin += _pack_element(data, begin, field.type, element)


def _pack_element(data, at, kind, element):
    if hasattr(kind, "_fields_"):
        _pack_struct(data, at, element)
        return kind._size_
    format = "=" + _FORMATS.get(kind, kind)
    _struct.pack_into(format, data, at, element)
    return _struct.calcsize(format)


def _unpack_struct(data, at, kind):
    value = kind()
    for field in kind._fields_:
        setattr(value, field.name, _unpack_field(data, at + field.offset, field))
    return value


def _unpack_field(data, at, field):
    if field.type is str:
        text = bytes(data[at : at + (field.count or 1)])
        return text.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    step = _size_of(field.type)
    if field.count is None:
        return _unpack_element(data, at, field.type)
    return [_unpack_element(data, at + i * step, field.type) for i in range(field.count)]


def _unpack_element(data, at, kind):
    if hasattr(kind, "_fields_"):
        return _unpack_struct(data, at, kind)
    value = _struct.unpack_from("=" + _FORMATS.get(kind, kind), data, at)[0]
    return _named(kind, value) if kind in _FORMATS else value


def _size_of(kind):
    return kind._size_ if hasattr(kind, "_fields_") else _struct.calcsize("=" + _FORMATS.get(kind, kind))


def _named(kind, value):
    """The enum's name of a number; the number itself where it has none."""
    try:
        return kind(value)
    except ValueError:
        return value


def _filled(count, kind):
    """The factory of an array of zeros."""
    return _dataclasses.field(default_factory=lambda: [kind() for i in range(count)])
)py";

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_PYTHON_CODEC_H_
