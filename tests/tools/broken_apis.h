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
inline std::string in_api(const std::string& body) {
  return "<api name='a' version='1'>\n" + body + "\n</api>\n";
}
// A struct S with this on line 3, from column 1 on.
inline std::string in_struct(const std::string& field) {
  return in_api("<struct name='S'>\n" + field + "\n</struct>");
}
inline std::string in_enum(const std::string& value) {
  return in_api("<enum name='E' type='u8'>\n" + value + "\n</enum>");
}
// On line 3, after a struct S that is right.
inline std::string after_struct(const std::string& body) {
  return in_api("<struct name='S'><field name='x' type='f64'/></struct>\n" + body);
}
// Structs A0, A1, ... each an array of the one before, from line 2 on; `more` on the line after them.
inline std::string tower(int levels, const std::string& count, const std::string& more = "") {
  std::string body = "<struct name='A0'><field name='x' type='f64'/></struct>";
  for (int i = 1; i < levels; ++i) {
    body += "\n<struct name='A" + std::to_string(i) + "'><field name='x' type='A" + std::to_string(i - 1) +
            "'" + (count.empty() ? "" : " count='" + count + "'") + "/></struct>";
  }
  return in_api(body + "\n" + more);
}
inline std::string many_fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "<field name='x" + std::to_string(i) + "' type='u8'/>";
  return in_struct(fields);
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
    {in_api("<?php echo 1 ?>"), "2:3", "processing instruction"},
    {"<api name='\xff'/>\n", "1:12", "no UTF-8"},
    {"<api>\n<!-- h\xc3\xb6\x01 -->\n</api>\n", "2:8", "a control character"},
    {in_struct("<field name='x' type='u8' comment='&boom;'/>"), "3:36",
     "write &lt; for '<' and &amp; for '&'"},
    {in_struct("<field name='x' type='u8' comment='a<b'/>"), "3:37", "write &lt; for '<'"},
    // elements and attributes
    {"<apo name='a' version='1'/>\n", "1:2", "the outermost element is <api>"},
    {"<api version='1'><struct name='S'><field name='x' type='u8'/></struct></api>", "1:2",
     "needs the attribute name"},
    {"<api name='a' version='2'/>\n", "1:23", "version: \"2\" is unknown"},
    {in_api(""), "1:2", "describes nothing"},
    {in_api("<strukt name='S'/>"), "2:2", "<strukt> is unknown in <api>; did you mean <struct>?"},
    {in_api("hello"), "2:1", "text in <api>"},
    {in_struct("<field name='x' type='u8'>m/s</field>"), "3:27", "text in <field>"},
    {in_struct("<field name='x' type='f64' unot='m'/>"), "3:28",
     "unot is unknown in <field>; did you mean unit?"},
    {in_struct("<field name='x' name='y' type='f64'/>"), "3:17", "name is there twice"},
    {in_struct("<field name='x'/>"), "3:2", "<field> needs the attribute type"},
    // names
    {in_struct("<field name='1x' type='f64'/>"), "3:13", "\"1x\" is no name"},
    {in_struct("<field name='' type='f64'/>"), "3:13", "the name is empty"},
    {in_struct("<field name='h\xc3\xb6he' type='f64'/>"), "3:13", "is no name"},
    {in_struct("<field name='class' type='f64'/>"), "3:13", "C and C++ reserve it"},
    {in_struct("<field name='lambda' type='f64'/>"), "3:13", "Python reserves it"},
    {in_struct("<field name='EOF' type='f64'/>"), "3:13", "headers of C define it"},
    {in_struct("<field name='PATH_MAX' type='f64'/>"), "3:13", "headers of C define it"},
    {in_struct("<field name='minor' type='u8'/>"), "3:13", "headers of C define it"},
    {in_enum("<value name='EIO' value='1'/>"), "3:13", "headers of C define it"},
    {in_api("<constant name='INT_MAX' type='u32' value='4'/>"), "2:16", "headers of C define it"},
    {in_api("<struct name='linux'><field name='x' type='f64'/></struct>"), "2:14", "headers of C define it"},
    {"<api name='link' version='1'><struct name='S'><field name='x' type='u8'/></struct></api>", "1:11",
     "headers of C declare it"},
    {"<api name='main' version='1'><struct name='S'><field name='x' type='u8'/></struct></api>", "1:11",
     "each program has a function of this name"},
    {"<api name='INT' version='1'>\n<constant name='MAX' type='u32' value='4'/>\n</api>", "2:16",
     "\"INT_MAX\": in C it has this name, which headers of C define"},
    {"<api name='pthread' version='1'>\n<enum name='cond' type='u8'><value name='init' value='4'/></enum>\n"
     "</api>",
     "2:41", "\"pthread_cond_init\": in C it has this name, which headers of C declare"},
    {in_struct("<field name='x__y' type='f64'/>"), "3:13", "compilers keep names"},
    {in_struct("<field name='" + std::string(65, 'x') + "' type='f64'/>"), "3:13", "65 bytes; at most 64"},
    {in_struct("<field name='x' type='u8'/>\n<field name='x' type='u8'/>"), "4:13",
     "there already in this struct"},
    {in_struct("<field name='S' type='u8'/>"), "3:2", "a type or constant has this name"},
    {after_struct("<enum name='S' type='u8'><value name='A' value='1'/></enum>"), "2:14",
     "is there already, in line 3"},
    {after_struct("<constant name='pack' type='u8' value='1'/>"), "3:16", "has it already"},
    // types
    {in_struct("<field name='x' type='f65'/>"), "3:22", "\"f65\" is no type; did you mean f64?"},
    {in_struct("<field name='x' type='f64' count='0'/>"), "3:34", "out of range: 1 to"},
    {in_struct("<field name='x' type='f64' count='N'/>"), "3:34", "neither a number nor a constant"},
    {in_struct("<field name='x' type='f64' count='99999999999'/>"), "3:34", "out of range"},
    {in_struct("<field name='x' type='u8' min='-1'/>"), "3:31", "-1 is out of the range of u8: 0 to 255"},
    {in_struct("<field name='x' type='i8' max='0x80'/>"), "3:31", "out of the range of i8: -128 to 127"},
    {in_struct("<field name='x' type='f64' max='nan'/>"), "3:32", "no finite number"},
    {in_struct("<field name='x' type='i8' min='2' max='1'/>"), "3:39", "is less than min"},
    {in_struct("<field name='x' type='bool' max='1'/>"), "3:33", "bool has no range"},
    {in_struct("<field name='x' type='f64' unit='m s'/>"), "3:33", "a unit has no space"},
    {in_struct("<field name='x' type='f64' comment='a\\'/>"), "3:36", "a backslash"},
    {in_struct("<field name='x' type='f64' comment='a&#10;b'/>"), "3:36", "a control character"},
    {in_struct("<field name='x' type='f64' comment='a\u202e'/>"), "3:36", "turns the direction"},
    {in_struct("<field name='x' type='f64' comment='a\xc2\x9b'/>"), "3:36", "a control character"},
    {in_enum("<value name='A' value='256'/>"), "3:23", "256 is out of the range of u8"},
    {in_enum("<value name='A' value='1'/>\n<value name='A' value='2'/>"), "4:13",
     "there already in this enum"},
    {in_enum("<value name='A' value='1'/>\n<value name='B' value='0x1'/>"), "4:23", "1 has a name already"},
    {in_enum("<value name='mro' value='1'/>"), "3:13", "each enum of Python has that"},
    {in_api("<enum name='E' type='u8'/>"), "2:2", "an enum without a value"},
    {in_api("<enum name='E' type='f32'><value name='A' value='1'/></enum>"), "2:21", "no integer type"},
    {in_api("<constant name='C' type='f32' value='1e39'/>"), "2:37", "no finite number of type f32"},
    {in_api("<constant name='C' type='bool' value='1'/>"), "2:38", "neither true nor false"},
    {in_api("<constant name='C' type='i32' value='1.5'/>"), "2:37", "is no integer"},
    // structs
    {in_api("<struct name='S'/>"), "2:2", "a struct without a field"},
    {in_struct("<field name='x' type='S'/>"), "3:2", "S would hold itself"},
    {in_api("<struct name='A'><field name='x' type='B'/></struct>\n<struct name='B'>\n<field name='x' "
            "type='A'/></struct>"),
     "4:2", "A would hold itself, by B"},
    {many_fields(257), "2:2", "257 fields; a struct has at most 256"},
    {tower(17, ""), "18:2", "structs nest more than 16 deep"},
    {tower(4, "200"), "4:20", "gets more than 16384 fields"},
    {in_struct("<field name='x' type='f64' count='2097153'/>"), "3:2", "larger than 16777216 bytes"},
    // topics
    {after_struct("<topic name='a//b' type='S'/>"), "3:13", "an empty segment"},
    {after_struct("<topic name='a/*' type='S'/>"), "3:13", "'*' is for patterns only"},
    {after_struct("<topic name='a' type='T'/>"), "3:22", "\"T\" is no struct of this file"},
    {after_struct("<topic name='a' type='S'/>\n<topic name='a' type='S'/>"), "4:13",
     "is there already, in line 3"},
    {after_struct("<topic name='a/b' type='S'/>\n<topic name='a_b' type='S'/>"), "4:13",
     "\"ABTopic\" is there already"},
    {after_struct("<topic name='9' type='S'/>"), "3:13", "name it in C++ with id"},
    {after_struct("<topic name='a' type='S' max_age='5x'/>"), "3:34", "no duration"},
    {after_struct("<topic name='a' type='S' history='0'/>"), "3:34", "out of range: 1 to"},
};

}  // namespace smt

#endif  // SMT_TESTS_TOOLS_BROKEN_APIS_H_
