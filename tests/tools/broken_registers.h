// Descriptions for smt-register-builder, each with one thing wrong.
#ifndef SMT_TESTS_TOOLS_BROKEN_REGISTERS_H_
#define SMT_TESTS_TOOLS_BROKEN_REGISTERS_H_

#include <string>
#include <vector>

#include "tests/tools/broken_apis.h"

namespace smt {

// From line 2 on.
inline std::string in_registers(const std::string& body) {
  return "<registers name='r' version='1'>\n" + body + "\n</registers>\n";
}
// A map M with these registers from line 3 on.
inline std::string in_map(const std::string& body) {
  return in_registers("<map name='M'>\n" + body + "\n</map>");
}
// A register R of 8 bits with this on line 4, from column 1 on.
inline std::string in_register(const std::string& bits) {
  return in_map("<register name='R' address='0' width='8' access='rw'>\n" + bits + "\n</register>");
}
inline const std::string kR = "<register name='R' address='0x10' width='32' access='rw'/>\n";
inline const std::string kEnum8 = "<enum name='E' type='u8'><value name='A' value='8'/></enum>\n";

inline const std::vector<BrokenXml> kBrokenRegisters = {
    {"<api name='r' version='1'/>", "1:2", "the outermost element is <registers>"},
    {in_registers(""), "1:2", "has no register"},
    {in_map(""), "2:2", "a map without a register"},
    {in_map("<register name='R' address='0' width='12' access='rw'/>"), "3:38",
     "12 is none of 8, 16, 32, 64"},
    {in_map("<register name='R' address='-1' width='8' access='rw'/>"), "3:28", "out of the range of u64"},
    {in_map("<register name='R' address='0' width='8' access='rx'/>"), "3:49",
     "\"rx\" is none of ro, rw, wo"},
    {in_map("<register name='R' address='0' width='8' access='rw' reset='256'/>"), "3:60",
     "256 is out of the range of u8"},
    {in_map("<register name='R' width='8' access='rw'/>"), "3:2", "needs the attribute address"},
    // one beside the other
    {in_map(kR + "<register name='Q' address='0x13' width='8' access='rw'/>"), "4:2",
     "Q at 0x13 overlaps with R in line 3"},
    {in_map(kR + "<register name='Q' address='0xc' width='64' access='rw'/>"), "4:2",
     "Q at 0xc overlaps with R"},
    {in_map(kR + "<register name='Q' address='0x18' width='8' access='rw'/>"), "4:2",
     "nothing is at 0x14 to 0x17, before Q; if that is meant, write <reserved address=\"0x14\" "
     "bytes=\"4\"/>"},
    {in_map(kR + "<reserved address='0x12' bytes='4'/>"), "4:2", "what is reserved at 0x12 overlaps with R"},
    {in_map(kR + "<reserved address='0x14' bytes='0'/>"), "4:32", "is 0; leave the element out"},
    {in_map(kR + "<register name='R' address='0x14' width='8' access='rw'/>"), "4:16",
     "there already in this map"},
    // bits
    {in_register("<bits name='b' bits='8'/>"), "4:21", "bit 8 is out of range; R has bits 0 to 7"},
    {in_register("<bits name='b' bits='9:4'/>"), "4:21", "bit 9 is out of range"},
    {in_register("<bits name='b' bits='4:7'/>"), "4:21", "4 is lower than 7"},
    {in_register("<bits name='b' bits='4-7'/>"), "4:21", "neither a bit (\"3\") nor bits"},
    {in_register("<bits name='b' bits='99999999999'/>"), "4:21", "neither a bit"},
    {in_register("<bits name='b' bits='3:0'/>\n<bits name='c' bits='3'/>"), "5:21",
     "overlaps with bits of R above"},
    {in_register("<bits name='b' bits='1'/>\n<bits name='b' bits='2'/>"), "5:12",
     "there already in this register"},
    {in_register("<bits name='if' bits='1'/>"), "4:12", "C and C++ reserve it"},
    {in_register("<bits name='b' bits='1' scale='0'/>"), "4:31", "every value would be the same"},
    {in_register("<bits name='b' bits='1' signed='yes'/>"), "4:32", "neither true nor false"},
    {in_register("<bits name='b' bits='1' enum='E'/>"), "4:30", "\"E\" is no enum of this file"},
    {in_registers(kEnum8 + "<map name='M'><register name='R' address='0' width='8' access='rw'>\n"
                           "<bits name='b' bits='2:0' enum='E'/>\n</register></map>"),
     "4:32", "A = 8 of E does not fit into 3 bits"},
    {in_registers(
         kEnum8 +
         "<map name='M'>\n<register name='R' address='0' width='8' access='rw' enum='E' scale='2'/></map>"),
     "4:59", "a name is no number"},
    {in_map("<register name='R' address='0' width='8' access='rw' signed='true'>\n<bits name='b' "
            "bits='1'/></register>"),
     "4:2", "means one value as a whole"},
    // topics and names
    {in_registers("<map name='M'>\n" + kR + "</map>\n<topic name='a' type='N'/>"), "5:22", "\"N\" is no map"},
    {in_registers("<map name='M'>\n" + kR + "</map>\n<map name='M'>\n" + kR + "</map>"), "5:11",
     "there already, in line 2"},
    {in_map("<register name='M' address='0' width='8' access='rw'/>"), "3:2",
     "a type or constant has this name"},
};

}  // namespace smt

#endif  // SMT_TESTS_TOOLS_BROKEN_REGISTERS_H_
