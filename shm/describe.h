// The schema of structs described with Boost.Describe, members of base classes included:
//
//   struct Pose { double x, y, yaw; };
//   BOOST_DESCRIBE_STRUCT(Pose, (), (x, y, yaw))
//
// It is the same schema as SMT_FIELDS would give, and SMT_UNITS works here too. This header needs Boost.
#ifndef SMT_SHM_DESCRIBE_H_
#define SMT_SHM_DESCRIBE_H_

#include <boost/core/type_name.hpp>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <string>

#include "shm/fields.h"

namespace smt::internal {

// Found by argument-dependent lookup through FieldList.
template <class T>
requires boost::describe::has_describe_members<T>::value std::string smt_fields(const T*, FieldList& list) {
  using Members =
      boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  boost::mp11::mp_for_each<Members>([&](auto member) { list.add<T>(member.name, member.pointer); });
  // Without namespaces, as SMT_FIELDS has it, and without white space.
  std::string name = boost::core::type_name<T>();
  const size_t colon = name.rfind(':', name.find('<'));
  if (colon != std::string::npos) name.erase(0, colon + 1);
  std::erase(name, ' ');
  return name;
}

}  // namespace smt::internal

#endif  // SMT_SHM_DESCRIBE_H_
