// What smt-api-builder generates is compiled and run: C++ publishes a value of each topic of a description
// made by chance, and C, Python and smttopic read the same from its bytes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/paths.h"
#include "tests/tools/generated.h"
#include "tests/tools/json.h"
#include "tests/tools/random_api.h"

namespace smt::tools {
namespace {

// One C program for a topic's bytes in <i>.bin.
std::string c_program(const RandomApi& api) {
  std::ostringstream out;
  out << "#include <inttypes.h>\n#include <stdio.h>\n#include <string.h>\n#include \"api_c.h\"\n"
         "static void f32(float v) { uint32_t b; memcpy(&b, &v, 4); v != v ? puts(\"nan\") : printf(\"%08\" "
         "PRIx32 "
         "\"\\n\", b); }\n"
         "static void f64(double v) { uint64_t b; memcpy(&b, &v, 8); v != v ? puts(\"nan\") : "
         "printf(\"%016\" PRIx64 "
         "\"\\n\", b); }\n"
         "static void i(int64_t v) { printf(\"%\" PRId64 \"\\n\", v); }\n"
         "static void u(uint64_t v) { printf(\"%\" PRIu64 \"\\n\", v); }\n"
         "static void text(const char* v, size_t n) { putchar('x'); for (; n > 0 && *v; ++v, --n) "
         "printf(\"%02x\", "
         "(unsigned)(unsigned char)*v); puts(\"\"); }\n";
  std::string calls;
  for (size_t t = 0; t < api.topics.size(); ++t) {
    out << "static int t" << t << "(void) {\n  by_chance_S" << t << " v;\n  FILE* in = fopen(\"" << t
        << ".bin\", \"rb\");\n  if (!in || fread(&v, sizeof v, 1, in) != 1 || getc(in) != EOF) return 1;\n  "
           "fclose(in);\n";
    for (const Leaf& leaf : api.topics[t]) {
      out << "  printf(\"" << t << " " << leaf.path << " \");\n  ";
      if (leaf.type == "char") {
        out << "text(" << (leaf.count == 0 ? "&" : "") << "v." << leaf.path << ", "
            << (leaf.count == 0 ? 1 : leaf.count) << ");\n";
      } else {
        const char kind = leaf.type[0];
        out << (kind == 'f' ? leaf.type : kind == 'i' ? "i" : "u") << "(v." << leaf.path << ");\n";
      }
    }
    out << "  return 0;\n}\n";
    calls += (t == 0 ? "" : " + ") + ("t" + std::to_string(t) + "()");
  }
  out << "int main(void) { return " << calls << "; }\n";
  return out.str();
}

// Publishes the values, reads them back and writes their bytes into <i>.bin.
std::string cpp_program(const RandomApi& api) {
  std::ostringstream out;
  out << "#include <bit>\n#include <cstdio>\n#include <cstring>\n#include \"api.h\"\n#include \"api_c.h\"\n";
  std::string calls;
  for (size_t t = 0; t < api.topics.size(); ++t) {
    out << "bool t" << t << "(smt::Node& node, const smt::Domain& domain) {\n  using Topic = by_chance::T"
        << t << "Topic;\n  static_assert(sizeof(Topic::Value) == sizeof(by_chance_S" << t
        << "));\n  Topic::Value v{};\n";
    for (const Leaf& leaf : api.topics[t]) {
      const std::string bits = std::to_string(leaf.bits) + "ull";
      if (leaf.type == "char" && leaf.count == 0) {
        if (!leaf.text.empty()) out << "  v." << leaf.path << " = " << int{leaf.text[0]} << ";\n";
      } else if (leaf.type == "char") {
        out << "  std::memcpy(v." << leaf.path << ", " << Json(leaf.text).dump() << ", " << leaf.text.size()
            << ");\n";
      } else if (leaf.type == "f32") {
        out << "  v." << leaf.path << " = std::bit_cast<float>(uint32_t{" << leaf.bits << "u});\n";
      } else if (leaf.type == "f64") {
        out << "  v." << leaf.path << " = std::bit_cast<double>(uint64_t{" << bits << "});\n";
      } else {
        out << "  v." << leaf.path << " = static_cast<std::remove_reference_t<decltype(v." << leaf.path
            << ")>>(" << bits << ");\n";
      }
    }
    out << "  auto topic = Topic::advertise(node);\n  if (!topic.ok() || !topic->publish(v).ok()) return "
           "false;\n"
        << "  auto reader = Topic::open(domain);\n  if (!reader.ok()) return false;\n  auto got = "
           "reader->latest();\n"
        << "  std::FILE* file = std::fopen(\"" << t << ".bin\", \"wb\");\n"
        << "  return got && std::fwrite(&*got, sizeof *got, 1, file) == 1 && std::fclose(file) == 0;\n}\n";
    calls += " && t" + std::to_string(t) + "(**node, *domain)";
  }
  out << "int main() {\n  auto domain = smt::Domain::open(smt::DomainOptions::from_environment());\n"
      << "  auto node = smt::Node::open(*domain, {.name = \"by-chance\"});\n  return node.ok()" << calls
      << " ? 0 : 1;\n}\n";
  return out.str();
}

// The same as the C program, by the module's own tables; and that pack() undoes unpack().
constexpr const char* kPythonProgram = R"py(
import struct
import api


def show(path, kind, value):
    if hasattr(kind, "_fields_"):
        for field in kind._fields_:
            member = getattr(value, field.name)
            if field.count is None or field.type is str:
                show(path + "." + field.name, field.type, member)
            else:
                assert len(member) == field.count
                for i, element in enumerate(member):
                    show("%s.%s[%d]" % (path, field.name, i), field.type, element)
        return
    if kind is str:
        text = "x" + value.encode().hex()
    elif kind in ("f", "d"):
        text = "nan" if value != value else struct.pack(">" + kind, value).hex()
    else:
        text = str(int(value))
    first, rest = path.split(".", 1)
    print(first, rest, text)


for i, (name, topic) in enumerate(api.TOPICS.items()):
    assert name == "t/%d" % i and topic.name == name
    data = open("%d.bin" % i, "rb").read()
    value = api.unpack(topic.type, data)
    assert repr(api.unpack(topic.type, api.pack(value))) == repr(value)
    show(str(i), topic.type, value)
    assert api.pack(topic.type()) == bytes(len(data))
)py";

std::string show_json(const Leaf& leaf, const Json& json) {
  if (leaf.type == "char") return show_text(json.get<std::string>());
  if (leaf.type == "bool") return json.get<bool>() ? "1" : "0";
  if (leaf.type[0] == 'i') return std::to_string(json.get<int64_t>());
  if (leaf.type[0] == 'u') return std::to_string(json.get<uint64_t>());
  if (json == "nan") return "nan";
  const double value = json == "inf" ? INFINITY : json == "-inf" ? -INFINITY : json.get<double>();
  const auto narrow = static_cast<float>(value);
  uint64_t bits = 0;
  leaf.type == "f32" ? memcpy(&bits, &narrow, 4) : memcpy(&bits, &value, 8);
  return show_bits(leaf.type, bits);
}

TEST_F(Generated, CCppPythonAndSmttopicReadTheSameValues) {
  const RandomApi api(20, 50);
  const std::string xml = write("by_chance.xml", api.xml);
  shell("xmllint --noout --schema " + source_path("docs/api.xsd") + " " + xml);
  build("smt-api-builder", xml);
  write("program.cc", cpp_program(api));
  compile_cpp("program");
  shell("./program");

  std::string expected;
  for (size_t t = 0; t < api.topics.size(); ++t) {
    for (const Leaf& leaf : api.topics[t])
      expected += std::to_string(t) + " " + leaf.path + " " + leaf.shown() + "\n";
  }
  EXPECT_GT(std::count(expected.begin(), expected.end(), '\n'), 500);
  write("read.c", c_program(api));
  expect_from_c("read", expected);
  write("read.py", kPythonProgram);
  EXPECT_EQ(shell("python3 -B read.py"), expected);

  std::map<std::string, Json> echoed, listed;
  for (const Json& sample : json_lines(run({"smttopic", "echo", "--once", "-f", "jsonl", "t/*"}).out))
    echoed[sample["topic"]] = sample["value"];
  for (const Json& topic : Json::parse(run({"smttopic", "list", "-f", "json"}).out))
    listed[topic["topic"]] = topic;
  const Json json = Json::parse(read("api.json"));
  size_t differences = 0;
  for (size_t t = 0; t < api.topics.size(); ++t) {
    const std::string name = "t/" + std::to_string(t);
    for (const Leaf& leaf : api.topics[t]) {
      const Json& field = echoed[name][leaf.flat];
      const std::string shown = show_json(leaf, leaf.index < 0 ? field : field[leaf.index]);
      differences += shown != leaf.shown();
      EXPECT_EQ(shown, leaf.shown()) << name << " " << leaf.path;
    }
    EXPECT_EQ(json["topics"][t]["schema_hash"], listed[name]["schema_hash"]) << name;
    EXPECT_EQ(json["topics"][t]["size"], listed[name]["size"]) << name;
  }
  EXPECT_EQ(differences, 0u);
}

// Names of many kinds: of macros, functions, types and enumerators of C, of the generated code, of nothing.
constexpr const char* kNames[] = {
    "link",         "time",     "log",       "index",     "read",     "write",      "stat",      "signal",
    "select",       "sync",     "alarm",     "gamma",     "y0",       "j1",         "exp",       "abs",
    "remove",       "round",    "errno",     "stdin",     "INT_MAX",  "EIO",        "PATH_MAX",  "EOF",
    "NULL",         "NAN",      "M_PI",      "SEEK_SET",  "CHAR_BIT", "O_RDONLY",   "R_OK",      "SIGINT",
    "st_atime",     "si_pid",   "I",         "unix",      "linux",    "minor",      "assert",    "isnan",
    "offsetof",     "FILE",     "tm",        "timespec",  "div_t",    "size_t",     "P_ALL",     "pid_t",
    "environ",      "timezone", "max_align", "pthread_t", "main",     "std",        "smt",       "array",
    "string",       "vector",   "chrono",    "Domain",    "Node",     "Topic",      "Status",    "Result",
    "TOPICS",       "pack",     "field",     "value",     "name",     "getattr",    "hasattr",   "len",
    "list",         "int",      "lambda",    "match",     "self",     "SMT_FIELDS", "SMT_UNITS", "FieldList",
    "RegisterInfo", "speed",
};

// A description of each role that a name can have; @ stands for the name.
constexpr const char* kRoles[] = {
    "<constant name='@' type='u32' value='7'/>",
    "<enum name='@' type='u8'><value name='A' value='7'/></enum>",
    "<enum name='E_@' type='u8'><value name='@' value='7'/></enum>",
    "<struct name='@'><field name='x' type='u8' min='1' max='7'/></struct>",
    "<struct name='S_@'><field name='@' type='u8' min='1' max='7'/></struct>",
};

std::string put_name(std::string text, const std::string& name) {
  for (size_t at; (at = text.find('@')) != text.npos;) text.replace(at, 1, name);
  return text;
}

TEST_F(Generated, EachNameThatIsNotRefusedCompilesBesideTheHeadersOfC) {
  std::string c =
      "#include <errno.h>\n#include <fcntl.h>\n#include <limits.h>\n#include <math.h>\n#include <pthread.h>\n"
      "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
      "#include <sys/stat.h>\n#include <time.h>\n#include <unistd.h>\n";
  std::string cpp = c, python;
  const auto add = [&](const std::string& xml, const std::string& file) {
    const std::string to = root_ + "/" + file;
    const Ended ended =
        run({"smt-api-builder", xml, "--cpp", to + ".h", "--c", to + "_c.h", "--python", to + ".py"});
    if (ended.exit_code != 0) return false;
    c += "#include \"" + file + "_c.h\"\n";
    cpp += "#include \"" + file + ".h\"\n";
    python += "import " + file + "\n";
    return true;
  };
  size_t passed = 0, refused = 0;
  for (size_t role = 0; role < std::size(kRoles); ++role) {
    for (const std::string name : kNames) {
      const std::string space = "role" + std::to_string(role) + "_" + name, file = "m" + space;
      const std::string xml =
          "<api name='" + space + "' version='1'>" + put_name(kRoles[role], name) + "</api>";
      ++(add(write("one.xml", xml), file) ? passed : refused);
    }
  }
  for (const std::string name : kNames) {
    const std::string xml = "<api name='" + name + "' version='1'>" + put_name(kRoles[3], "S") + "</api>";
    ++(add(write("one.xml", xml), "mapi_" + name) ? passed : refused);
  }
  EXPECT_GT(passed, 150u);
  EXPECT_GT(refused, 150u);
  write("all.c", c + "int main(void) { return 0; }\n");
  write("all.cc", cpp + "int main() {}\n");
  write("all.py", python);
  shell("gcc -std=gnu17 -fsyntax-only" + std::string(kWarnings) + "all.c");
  shell("g++ -std=gnu++20 -fsyntax-only" + std::string(kWarnings) + "-Wno-conversion -I" + source_path(".") +
        " all.cc");
  shell("python3 -B all.py");
}

TEST_F(Generated, ProgramsOfThePageDoWhatItSays) {
  const std::string page = read(source_path("docs/api-builder.md"));
  build("smt-api-builder", source_path("docs/examples/rover.xml"));
  write("rover.h", read("api.h"));
  write("rover_c.h", read("api_c.h"));
  write("rover.py", read("api.py"));
  write("drive.cc", block_at(page, "cpp"));
  compile_cpp("drive");
  EXPECT_EQ(shell("./drive"), "Wheel.speed is out of its range\nx = 1.5 m, wheel 2 at 31 rad/s\n");
  write("look.py", block_at(page, "python"));
  EXPECT_EQ(shell("python3 -B look.py"), "AUTO to the gate 128 bytes, Wheel.speed is out of its range\n");
  write("look.c", block_at(page, "c"));
  expect_from_c("look", "rover/state: State.battery is out of its range\n");
}

}  // namespace
}  // namespace smt::tools
