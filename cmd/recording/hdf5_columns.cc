#include "cmd/recording/hdf5_columns.h"

#include <algorithm>

namespace smt::cmd {
namespace {

hid_t native_type(Type type) {
  switch (type) {
    case Type::kI8:
      return H5T_NATIVE_INT8;
    case Type::kI16:
      return H5T_NATIVE_INT16;
    case Type::kU16:
      return H5T_NATIVE_UINT16;
    case Type::kI32:
      return H5T_NATIVE_INT32;
    case Type::kU32:
      return H5T_NATIVE_UINT32;
    case Type::kI64:
      return H5T_NATIVE_INT64;
    case Type::kU64:
      return H5T_NATIVE_UINT64;
    case Type::kF32:
      return H5T_NATIVE_FLOAT;
    case Type::kF64:
      return H5T_NATIVE_DOUBLE;
    case Type::kBool:
    case Type::kU8:
    case Type::kChar:
      break;
  }
  return H5T_NATIVE_UINT8;
}

// A name that the library takes for one link, and that the topic has not yet.
std::string dataset_name(std::string name, const std::vector<Hdf5Column>& columns) {
  std::replace(name.begin(), name.end(), '/', '|');
  if (name == ".") name = ".~";
  const auto taken = [&](const Hdf5Column& column) { return column.name == name; };
  while (name == kHdf5Rows || std::any_of(columns.begin(), columns.end(), taken)) name += '~';
  return name;
}

// The bytes of a value that are of no field.
std::vector<Hdf5Column::Piece> padding_of(const Schema& schema) {
  std::vector<Hdf5Column::Piece> used, free;
  for (const Field& f : schema.fields) used.push_back({f.offset, uint64_t{type_bytes(f.type)} * f.count});
  std::sort(used.begin(), used.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  uint64_t end = 0;
  for (const auto& piece : used) {
    if (piece.offset > end) free.push_back({end, piece.offset - end});
    end = std::max(end, piece.offset + piece.bytes);
  }
  if (schema.size > end) free.push_back({end, schema.size - end});
  return free;
}

// Keeps the innermost message, which says what went wrong.
herr_t keep_message(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

}  // namespace

Hdf5Id Hdf5Column::element() const {
  Hdf5Id copy(H5Tcopy(type == Type::kChar ? H5T_C_S1 : native_type(type)));
  if (type == Type::kChar) {
    H5Tset_size(copy.get(), count);
    H5Tset_strpad(copy.get(), H5T_STR_NULLPAD);
    H5Tset_cset(copy.get(), H5T_CSET_UTF8);
  }
  return copy;
}

std::vector<Hdf5Column> hdf5_columns_of(const Schema& schema) {
  const std::string time = "nanoseconds since 1970-01-01";
  std::vector<Hdf5Column> columns = {{"t", Type::kI64, 1, time, {}},
                                     {"recv_t", Type::kI64, 1, time, {}},
                                     {"seq", Type::kU64, 1, "", {}},
                                     {"missed", Type::kU64, 1, "", {}}};
  if (schema.fields.empty()) {
    columns.push_back({"end", Type::kU64, 1, "", {}});
    columns.push_back({"data", Type::kU8, 1, "", {}});
    return columns;
  }
  for (const Field& f : schema.fields) {
    const uint64_t bytes = uint64_t{type_bytes(f.type)} * f.count;
    columns.push_back({dataset_name(f.name, columns), f.type, f.count, f.unit, {{f.offset, bytes}}});
  }
  if (std::vector<Hdf5Column::Piece> padding = padding_of(schema); !padding.empty()) {
    uint64_t bytes = 0;
    for (const auto& piece : padding) bytes += piece.bytes;
    columns.push_back({dataset_name("padding", columns), Type::kU8, bytes, "", std::move(padding)});
  }
  return columns;
}

Hdf5Column hdf5_initial_column(const std::vector<Hdf5Column>& columns) {
  return {dataset_name("initial", columns), Type::kU8, 1, "", {}};
}

bool put_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Hdf5Id space(H5Screate(H5S_SCALAR));
  const Hdf5Id attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  return attribute.ok() && H5Awrite(attribute.get(), type, value) >= 0;
}
bool put_attribute(hid_t object, const char* name, const std::string& text) {
  const Hdf5Id type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), text.size() + 1);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return put_attribute(object, name, type.get(), text.c_str());
}
bool put_attribute(hid_t object, const char* name, int64_t value) {
  return put_attribute(object, name, H5T_NATIVE_INT64, &value);
}

Status hdf5_error(Code code, const std::string& what) {
  std::string why;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_message, &why);
  H5Eclear2(H5E_DEFAULT);
  return {code, what + ": HDF5: " + (why.empty() ? "unknown error" : why)};
}

}  // namespace smt::cmd
