// The schema of a C++ type, at compile time.
//
//   struct Pose { double x, y, yaw; };
//   SMT_FIELDS(Pose, x, y, yaw)
//   SMT_UNITS(Pose, {"x", "m"}, {"y", "m"}, {"yaw", "rad"})  // if wanted
//
// Both stand at namespace scope, in the namespace of the struct and after it. A struct has up to 256 members,
// each
//   - a bool, char, integer, float, double or enum,
//   - a C array or std::array of these; an array of char is a NUL-padded text,
//   - a struct that is described too, or an array of them: its fields are flattened as "pose.x" and
//   "legs.0.x".
#ifndef SMT_SHM_FIELDS_H_
#define SMT_SHM_FIELDS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shm/schema.h"

namespace smt {
namespace internal {

using Units = std::vector<std::pair<std::string, std::string>>;

class FieldList;

// A struct is described by a function that its own namespace holds:
//   std::string smt_fields(const T*, smt::internal::FieldList& list);  // calls list.add(); returns the type
//   name
// SMT_FIELDS writes it; shm/describe.h has one for all types of BOOST_DESCRIBE_STRUCT.
template <class T>
concept described = requires(const T* t, FieldList& list) {
  smt_fields(t, list);
};

template <class T>
concept HasUnits = requires(const T* t, FieldList& list) {
  smt_units(t, list);
};

template <class T>
struct ArrayOf {
  static constexpr size_t kCount = 0;
};
template <class E, size_t N>
struct ArrayOf<E[N]> {
  using Element = E;
  static constexpr size_t kCount = N;
};
template <class E, size_t N>
struct ArrayOf<std::array<E, N>> : ArrayOf<E[N]> {
  static_assert(sizeof(std::array<E, N>) == N * sizeof(E));
};

template <class T>
constexpr bool is_scalar() {
  if constexpr (std::is_enum_v<T>) return is_scalar<std::underlying_type_t<T>>();
  return std::is_same_v<T, char> || std::is_same_v<T, float> || std::is_same_v<T, double> ||
         (std::is_integral_v<T> && sizeof(T) <= 8 && !std::is_same_v<T, wchar_t> &&
          !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>);
}

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_enum_v<T>) return type_of<std::underlying_type_t<T>>();
  if constexpr (std::is_same_v<T, bool>) return Type::kBool;
  if constexpr (std::is_same_v<T, char>) return Type::kChar;
  if constexpr (std::is_same_v<T, float>) return Type::kF32;
  if constexpr (std::is_same_v<T, double>) return Type::kF64;
  constexpr bool kSigned = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return kSigned ? Type::kI8 : Type::kU8;
  if constexpr (sizeof(T) == 2) return kSigned ? Type::kI16 : Type::kU16;
  if constexpr (sizeof(T) == 4) return kSigned ? Type::kI32 : Type::kU32;
  return kSigned ? Type::kI64 : Type::kU64;
}

// Room for a T that is never made, only asked where its members lie.
template <class T>
alignas(T) inline std::byte storage[sizeof(T)];

template <class>
inline constexpr bool kNoSuchType = false;

// Collects the fields of a struct, and of the structs in it.
class FieldList {
 public:
  // `member` of T, or of a base class of T.
  template <class T, class Class, class Member>
  void add(std::string_view name, Member Class::*member) {
    const auto* object = reinterpret_cast<const T*>(storage<T>);
    const auto* at = reinterpret_cast<const std::byte*>(&(object->*member));
    append<std::remove_cv_t<Member>>(prefix_ + std::string(name),
                                     offset_ + static_cast<uint32_t>(at - storage<T>));
  }

  // Adds what T describes; returns its type name.
  template <described T>
  std::string add_all() {
    static_assert(std::is_trivially_copyable_v<T>,
                  "only bytes cross process borders: no pointers, no std::string");
    const size_t first = fields_.size();
    std::string name = smt_fields(static_cast<const T*>(nullptr), *this);
    if constexpr (HasUnits<T>) {
      for (const auto& [member, unit] : smt_units(static_cast<const T*>(nullptr), *this)) {
        for (size_t i = first; i < fields_.size(); ++i) {
          if (fields_[i].name == prefix_ + member) fields_[i].unit = unit;
        }
      }
    }
    return name;
  }

  std::vector<Field>& fields() { return fields_; }

 private:
  template <class T>
  void append(const std::string& name, uint32_t offset) {
    if constexpr (is_scalar<T>()) {
      fields_.push_back({name, type_of<T>(), offset, 1, ""});
    } else if constexpr (ArrayOf<T>::kCount != 0) {
      using Element = typename ArrayOf<T>::Element;
      if constexpr (is_scalar<Element>()) {
        fields_.push_back({name, type_of<Element>(), offset, ArrayOf<T>::kCount, ""});
      } else {
        for (uint32_t i = 0; i < ArrayOf<T>::kCount; ++i) {
          append<Element>(name + "." + std::to_string(i),
                          offset + i * static_cast<uint32_t>(sizeof(Element)));
        }
      }
    } else if constexpr (described<T>) {
      const std::string prefix = std::exchange(prefix_, name + ".");
      const uint32_t at = std::exchange(offset_, offset);
      add_all<T>();
      prefix_ = prefix;
      offset_ = at;
    } else {
      static_assert(
          kNoSuchType<T>,
          "this member's type has no schema: use scalars, arrays of them, or describe its struct with "
          "SMT_FIELDS or BOOST_DESCRIBE_STRUCT (and include shm/describe.h)");
    }
  }

  std::vector<Field> fields_;
  std::string prefix_;
  uint32_t offset_ = 0;
};

}  // namespace internal

// The schema of a scalar, of an array of scalars, or of a described struct.
template <class T>
Schema schema_of() {
  if constexpr (internal::is_scalar<T>()) {
    return Schema::scalar(internal::type_of<T>());
  } else if constexpr (internal::described<T>) {
    internal::FieldList list;
    Schema schema{list.add_all<T>(), sizeof(T), std::move(list.fields())};
    std::stable_sort(schema.fields.begin(), schema.fields.end(),
                     [](const Field& a, const Field& b) { return a.offset < b.offset; });
    return schema;
  } else if constexpr (internal::ArrayOf<T>::kCount != 0) {
    using Element = typename internal::ArrayOf<T>::Element;
    static_assert(internal::is_scalar<Element>(),
                  "wrap an array of structs or of arrays into a struct of its own");
    return Schema::scalar(internal::type_of<Element>(), internal::ArrayOf<T>::kCount, true);
  } else {
    static_assert(
        internal::kNoSuchType<T>,
        "this type has no schema: describe the struct with SMT_FIELDS in its own namespace, or with "
        "BOOST_DESCRIBE_STRUCT (and include shm/describe.h)");
  }
}

}  // namespace smt

#define SMT_FIELDS(Struct, ...)                                                                         \
  [[maybe_unused]] inline std::string smt_fields(const Struct*, ::smt::internal::FieldList& smt_list) { \
    SMT_INTERNAL_REPEAT(SMT_INTERNAL_EACH(Struct, __VA_ARGS__))                                         \
    return #Struct;                                                                                     \
  }

// Pairs of field name and unit, as {"x", "m"}; a nested field's name is written "pose.x".
#define SMT_UNITS(Struct, ...)                                                                  \
  [[maybe_unused]] inline ::smt::internal::Units smt_units(const Struct*,                       \
                                                           const ::smt::internal::FieldList&) { \
    return {__VA_ARGS__};                                                                       \
  }

// One list.add() for each member: EACH leaves an unexpanded AGAIN behind, and each scan of REPEAT expands
// one.
#define SMT_INTERNAL_EACH(Struct, member, ...)    \
  smt_list.add<Struct>(#member, &Struct::member); \
  __VA_OPT__(SMT_INTERNAL_AGAIN SMT_INTERNAL_PARENS(Struct, __VA_ARGS__))
#define SMT_INTERNAL_AGAIN() SMT_INTERNAL_EACH
#define SMT_INTERNAL_PARENS ()
#define SMT_INTERNAL_REPEAT(...) \
  SMT_INTERNAL_SCAN3(SMT_INTERNAL_SCAN3(SMT_INTERNAL_SCAN3(SMT_INTERNAL_SCAN3(__VA_ARGS__))))
#define SMT_INTERNAL_SCAN3(...) \
  SMT_INTERNAL_SCAN2(SMT_INTERNAL_SCAN2(SMT_INTERNAL_SCAN2(SMT_INTERNAL_SCAN2(__VA_ARGS__))))
#define SMT_INTERNAL_SCAN2(...) \
  SMT_INTERNAL_SCAN1(SMT_INTERNAL_SCAN1(SMT_INTERNAL_SCAN1(SMT_INTERNAL_SCAN1(__VA_ARGS__))))
#define SMT_INTERNAL_SCAN1(...) \
  SMT_INTERNAL_SCAN0(SMT_INTERNAL_SCAN0(SMT_INTERNAL_SCAN0(SMT_INTERNAL_SCAN0(__VA_ARGS__))))
#define SMT_INTERNAL_SCAN0(...) __VA_ARGS__

#endif  // SMT_SHM_FIELDS_H_
