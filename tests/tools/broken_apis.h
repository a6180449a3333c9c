// Descriptions for smt-api-builder, each with one thing wrong.
#ifndef SMT_TESTS_TOOLS_BROKEN_APIS_H_
#define SMT_TESTS_TOOLS_BROKEN_APIS_H_

#include <string>
#include <vector>

namespace smt {

struct BrokenXml {
  std::string text;
  const char* place;    // "LINE:COLUMN"
  const char* message;  // a part of it
};

// From line 2 on.
inline std::string InApi(const std::string& body) {
  return "<api name='a' version='1'>\n" + body + "\n</api>\n";
}
// A struct S with this on line 3, from column 1 on.
inline std::string InStruct(const std::string& field) {
  return InApi("<struct name='S'>\n" + field + "\n</struct>");
}
inline std::string InEnum(const std::string& value) {
  return InApi("<enum name='E' type='u8'>\n" + value + "\n</enum>");
}
// On line 3, after a struct S that is right.
inline std::string AfterStruct(const std::string& body) {
  return InApi("<struct name='S'><field name='x' type='f64'/></struct>\n" + body);
}
// Structs A0, A1, ... each an array of the one before, from line 2 on; `more` on the line after them.
inline std::string Tower(int levels, const std::string& count, const std::string& more = "") {
  std::string body = "<struct name='A0'><field name='x' type='f64'/></struct>";
  for (int i = 1; i < levels; ++i) {
    body += "\n<struct name='A" + std::to_string(i) + "'><field name='x' type='A" + std::to_string(i - 1) +
            "'" + (count.empty() ? "" : " count='" + count + "'") + "/></struct>";
  }
  return InApi(body + "\n" + more);
}
inline std::string ManyFields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "<field name='x" + std::to_string(i) + "' type='u8'/>";
  return InStruct(fields);
}

inline const std::vector<BrokenXml> kBrokenApis = {
    // no XML
    {"", "1:1", "no well-formed XML"},
    {"<api name='a' version='1'>\n<struct name='S'>\n</api>\n", "3:3", "no well-formed XML"},
    {"<api name='a' version=1/>\n", "1:23", "no well-formed XML"},
    {"<api name='a' version='1'>\n", "1:27", "no well-formed XML"},
    {"<api/>\n<api/>\n", "2:2", "a second outermost element"},
    {"<?xml version='1.0' encoding='latin1'?>\n<api/>\n", "1:3", "save the file as UTF-8"},
    {"<!DOCTYPE api [<!ENTITY x 'y'>]>\n<api/>\n", "1:11", "a document type"},
    {InApi("<?php echo 1 ?>"), "2:3", "processing instruction"},
    {"<api name='\xff'/>\n", "1:12", "no UTF-8"},
    {"<api>\n<!-- h\xc3\xb6\x01 -->\n</api>\n", "2:8", "a control character"},
    {InStruct("<field name='x' type='u8' comment='&boom;'/>"), "3:36",
     "write &lt; for '<' and &amp; for '&'"},
    {InStruct("<field name='x' type='u8' comment='a<b'/>"), "3:37", "write &lt; for '<'"},
    // elements and attributes
    {"<apo name='a' version='1'/>\n", "1:2", "the outermost element is <api>"},
    {"<api version='1'><struct name='S'><field name='x' type='u8'/></struct></api>", "1:2",
     "needs the attribute name"},
    {"<api name='a' version='2'/>\n", "1:23", "version: \"2\" is unknown"},
    {InApi(""), "1:2", "describes nothing"},
    {InApi("<strukt name='S'/>"), "2:2", "<strukt> is unknown in <api>; did you mean <struct>?"},
    {InApi("hello"), "2:1", "text in <api>"},
    {InStruct("<field name='x' type='u8'>m/s</field>"), "3:27", "text in <field>"},
    {InStruct("<field name='x' type='f64' unot='m'/>"), "3:28",
     "unot is unknown in <field>; did you mean unit?"},
    {InStruct("<field name='x' name='y' type='f64'/>"), "3:17", "name is there twice"},
    {InStruct("<field name='x'/>"), "3:2", "<field> needs the attribute type"},
    // names
    {InStruct("<field name='1x' type='f64'/>"), "3:13", "\"1x\" is no name"},
    {InStruct("<field name='' type='f64'/>"), "3:13", "the name is empty"},
    {InStruct("<field name='h\xc3\xb6he' type='f64'/>"), "3:13", "is no name"},
    {InStruct("<field name='class' type='f64'/>"), "3:13", "C and C++ reserve it"},
    {InStruct("<field name='lambda' type='f64'/>"), "3:13", "Python reserves it"},
    {InStruct("<field name='EOF' type='f64'/>"), "3:13", "headers of C define it"},
    {InStruct("<field name='x__y' type='f64'/>"), "3:13", "compilers keep names"},
    {InStruct("<field name='" + std::string(65, 'x') + "' type='f64'/>"), "3:13", "65 bytes; at most 64"},
    {InStruct("<field name='x' type='u8'/>\n<field name='x' type='u8'/>"), "4:13",
     "there already in this struct"},
    {InStruct("<field name='S' type='u8'/>"), "3:2", "a type or constant has this name"},
    {AfterStruct("<enum name='S' type='u8'><value name='A' value='1'/></enum>"), "2:14",
     "is there already, in line 3"},
    {AfterStruct("<constant name='pack' type='u8' value='1'/>"), "3:16", "has it already"},
    // types
    {InStruct("<field name='x' type='f65'/>"), "3:22", "\"f65\" is no type; did you mean f64?"},
    {InStruct("<field name='x' type='f64' count='0'/>"), "3:34", "out of range: 1 to"},
    {InStruct("<field name='x' type='f64' count='N'/>"), "3:34", "neither a number nor a constant"},
    {InStruct("<field name='x' type='f64' count='99999999999'/>"), "3:34", "out of range"},
    {InStruct("<field name='x' type='u8' min='-1'/>"), "3:31", "-1 is out of the range of u8: 0 to 255"},
    {InStruct("<field name='x' type='i8' max='0x80'/>"), "3:31", "out of the range of i8: -128 to 127"},
    {InStruct("<field name='x' type='f64' max='nan'/>"), "3:32", "no finite number"},
    {InStruct("<field name='x' type='i8' min='2' max='1'/>"), "3:39", "is less than min"},
    {InStruct("<field name='x' type='bool' max='1'/>"), "3:33", "bool has no range"},
    {InStruct("<field name='x' type='f64' unit='m s'/>"), "3:33", "a unit has no space"},
    {InStruct("<field name='x' type='f64' comment='a\\'/>"), "3:36", "a backslash"},
    {InStruct("<field name='x' type='f64' comment='a&#10;b'/>"), "3:36", "a control character"},
    {InStruct("<field name='x' type='f64' comment='a\u202e'/>"), "3:36", "turns the direction"},
    {InEnum("<value name='A' value='256'/>"), "3:23", "256 is out of the range of u8"},
    {InEnum("<value name='A' value='1'/>\n<value name='A' value='2'/>"), "4:13",
     "there already in this enum"},
    {InEnum("<value name='A' value='1'/>\n<value name='B' value='0x1'/>"), "4:23", "1 has a name already"},
    {InEnum("<value name='mro' value='1'/>"), "3:13", "each enum of Python has that"},
    {InApi("<enum name='E' type='u8'/>"), "2:2", "an enum without a value"},
    {InApi("<enum name='E' type='f32'><value name='A' value='1'/></enum>"), "2:21", "no integer type"},
    {InApi("<constant name='C' type='f32' value='1e39'/>"), "2:37", "no finite number of type f32"},
    {InApi("<constant name='C' type='bool' value='1'/>"), "2:38", "neither true nor false"},
    {InApi("<constant name='C' type='i32' value='1.5'/>"), "2:37", "is no integer"},
    // structs
    {InApi("<struct name='S'/>"), "2:2", "a struct without a field"},
    {InStruct("<field name='x' type='S'/>"), "3:2", "S would hold itself"},
    {InApi("<struct name='A'><field name='x' type='B'/></struct>\n<struct name='B'>\n<field name='x' "
           "type='A'/></struct>"),
     "4:2", "A would hold itself, by B"},
    {ManyFields(257), "2:2", "257 fields; a struct has at most 256"},
    {Tower(17, ""), "18:2", "structs nest more than 16 deep"},
    {Tower(4, "200"), "4:20", "gets more than 16384 fields"},
    {InStruct("<field name='x' type='f64' count='2097153'/>"), "3:2", "larger than 16777216 bytes"},
    // topics
    {AfterStruct("<topic name='a//b' type='S'/>"), "3:13", "an empty segment"},
    {AfterStruct("<topic name='a/*' type='S'/>"), "3:13", "'*' is for patterns only"},
    {AfterStruct("<topic name='a' type='T'/>"), "3:22", "\"T\" is no struct of this file"},
    {AfterStruct("<topic name='a' type='S'/>\n<topic name='a' type='S'/>"), "4:13",
     "is there already, in line 3"},
    {AfterStruct("<topic name='a/b' type='S'/>\n<topic name='a_b' type='S'/>"), "4:13",
     "\"ABTopic\" is there already"},
    {AfterStruct("<topic name='9' type='S'/>"), "3:13", "name it in C++ with id"},
    {AfterStruct("<topic name='a' type='S' max_age='5x'/>"), "3:34", "no duration"},
    {AfterStruct("<topic name='a' type='S' history='0'/>"), "3:34", "out of range: 1 to"},
};

}  // namespace smt

#endif  // SMT_TESTS_TOOLS_BROKEN_APIS_H_
