// smt-register-builder: what it refuses, and that C, C++ and Python set and get the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>

#include "tests/paths.h"
#include "tests/tools/broken_registers.h"
#include "tests/tools/generated.h"
#include "tests/tools/json.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;

const std::string kExample = source_path("docs/examples/motor.xml");
using SmtRegisterBuilder = Generated;

TEST_F(SmtRegisterBuilder, RefusesEachBrokenFileAtTheRightPlace) {
  for (const BrokenXml& broken : kBrokenRegisters) {
    const std::string path = write("broken.xml", broken.text);
    const Ended ended = run({"smt-register-builder", path, "--cpp", root_ + "/out.h"});
    EXPECT_EQ(ended.exit_code, 2) << broken.text;
    EXPECT_THAT(ended.err, HasSubstr(path + ":" + broken.place + ": ")) << broken.text;
    EXPECT_THAT(ended.err, HasSubstr(broken.message)) << broken.text;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << broken.text << ended.err;
    EXPECT_FALSE(std::filesystem::exists(root_ + "/out.h")) << broken.text;
  }
}

TEST_F(SmtRegisterBuilder, ExampleObeysTheSchemaAndABrokenOneDoesNot) {
  const std::string validate = "xmllint --noout --schema " + source_path("docs/registers.xsd") + " ";
  shell(validate + kExample);
  const std::string broken = write("broken.xml", in_register("<bits name='b' bits='4-7'/>"));
  EXPECT_NE(std::system((validate + broken + " 2>" + root_ + "/err").c_str()), 0);
}

TEST_F(SmtRegisterBuilder, TellsAllOfTheMapAsJson) {
  build("smt-register-builder", kExample);
  const Json map = Json::parse(read("api.json"))["maps"][0];
  EXPECT_EQ(map["registers"].size(), 6u);
  EXPECT_EQ(map["registers"][2],
            Json::parse(R"({"name":"Status","address":4,"width":32,"access":"ro","reset":0,"bits":[
      {"name":"Status_state","low":0,"high":3,"enum":"State"},
      {"name":"Status_current","low":4,"high":15,"signed":true,"scale":0.01,"offset":0.0,"unit":"A"},
      {"name":"Status_temperature","low":16,"high":23,"scale":0.5,"offset":-40.0,"unit":"C"}]})"));
}

// What motor.xml says, once more.
struct Bits {
  const char *name, *in;
  unsigned low, count;
  bool is_signed;
  double scale, offset;  // scale 0: an integer
};
constexpr Bits kBits[] = {
    {"Command_enable", "Command", 0, 1, false, 0, 0},
    {"Command_clear_faults", "Command", 1, 1, false, 0, 0},
    {"Command_gain", "Command", 8, 4, true, 0, 0},
    {"Faults_over_current", "Faults", 0, 1, false, 0, 0},
    {"Faults_encoder", "Faults", 7, 1, false, 0, 0},
    {"Status_state", "Status", 0, 4, false, 0, 0},
    {"Status_current", "Status", 4, 12, true, 0.01, 0},
    {"Status_temperature", "Status", 16, 8, false, 0.5, -40},
    {"Torque", "Torque", 0, 16, true, 0.125, 0},
    {"Ticks", "Ticks", 0, 64, true, 0, 0},
};

// Sets bits and tells what came of it: name, whether it fitted, the register, what is got.
struct Step {
  const Bits* bits;
  double value;
};

std::vector<Step> make_steps() {
  std::vector<Step> steps;
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    const Bits& b = kBits[random() % std::size(kBits)];
    const double max = std::ldexp(1.0, static_cast<int>(std::min(b.count, 62u)));
    double value = static_cast<double>(random() % 256);
    if (b.is_signed) value -= 128;
    if (b.count == 64) value = std::ldexp(value, 54);
    if (b.count == 1) value = random() % 2;
    // Half a step beyond both ends and between, as far as ends may be off.
    if (b.scale != 0) value = b.offset + b.scale * (static_cast<double>(random() % 3000) / 1000 - 1.5) * max;
    steps.push_back({&b, value});
  }
  return steps;
}

std::string expected_after(const std::vector<Step>& steps) {
  std::map<std::string, uint64_t> registers = {{"Command", 0x100}};
  std::string out;
  for (const Step& step : steps) {
    const Bits& b = *step.bits;
    const uint64_t mask = ~uint64_t{0} >> (64 - b.count);
    const double raw = b.scale == 0 ? step.value : std::floor((step.value - b.offset) / b.scale + 0.5);
    const double end = std::ldexp(1.0, static_cast<int>(b.count) - (b.is_signed ? 1 : 0));
    const bool fits = raw >= (b.is_signed ? -end : 0) && raw < end;
    uint64_t& r = registers[b.in];
    if (fits)
      r = (r & ~(mask << b.low)) | ((static_cast<uint64_t>(static_cast<int64_t>(raw)) & mask) << b.low);
    const uint64_t bits = (r >> b.low) & mask;
    double got = static_cast<double>(bits);
    if (b.is_signed)
      got = static_cast<double>(static_cast<int64_t>(bits << (64 - b.count)) >> (64 - b.count));
    if (b.scale != 0) got = got * b.scale + b.offset;
    char line[128];
    snprintf(line, sizeof line, "%s %d %llx %.17g\n", b.name, fits, static_cast<unsigned long long>(r), got);
    out += line;
  }
  return out;
}

// A program of C ("motor_", "&") or C++.
std::string program(const std::vector<Step>& steps, bool cpp) {
  const std::string prefix = cpp ? "motor::" : "motor_", all = cpp ? "registers" : "&registers";
  std::ostringstream out;
  out.precision(17);
  out << "#include <stdio.h>\n#include \"" << (cpp ? "api.h" : "api_c.h") << "\"\nint main("
      << (cpp ? "" : "void") << ") {\n  " << prefix << "Controller registers = " << prefix
      << "reset_Controller();\n  int ok;\n";
  for (const Step& step : steps) {
    const Bits& b = *step.bits;
    const bool state = std::string_view(b.name) == "Status_state";
    out << "  ok = " << prefix << "set_Controller_" << b.name << "(" << all << ", ";
    if (state) {
      out << (cpp ? "static_cast<motor::State>(" : "(motor_State)(") << step.value << ")";
    } else if (b.count == 1) {
      out << (step.value != 0 ? "true" : "false");
    } else if (b.count == 64) {
      out << static_cast<int64_t>(step.value) << "ll";
    } else {
      out << step.value;
    }
    out << ");\n  printf(\"%s %d %llx %.17g\\n\", \"" << b.name << "\", ok, (unsigned long long)registers."
        << b.in << ", (double)" << prefix << "get_Controller_" << b.name << "(" << all << "));\n";
  }
  out << "  return 0;\n}\n";
  return out.str();
}

std::string python_program(const std::vector<Step>& steps) {
  std::ostringstream out;
  out.precision(17);
  out << "import api\n\nregisters = api.reset_Controller()\n\n\ndef step(name, register, value):\n    ok = "
         "1\n    try:\n"
         "        getattr(api, 'set_Controller_' + name)(registers, value)\n    except ValueError:\n        "
         "ok = 0\n"
         "    got = getattr(api, 'get_Controller_' + name)(registers)\n"
         "    print('%s %d %x %.17g' % (name, ok, getattr(registers, register), got))\n\n\n";
  for (const Step& step : steps) {
    out << "step('" << step.bits->name << "', '" << step.bits->in << "', ";
    step.bits->scale == 0 ? out << static_cast<int64_t>(step.value) : out << "float(" << step.value << ")";
    out << ")\n";
  }
  return out.str();
}

TEST_F(SmtRegisterBuilder, CCppAndPythonSetAndGetTheSameBits) {
  build("smt-register-builder", kExample);
  const std::vector<Step> steps = make_steps();
  const std::string expected = expected_after(steps);
  EXPECT_THAT(expected, HasSubstr("Torque 0 "));
  EXPECT_THAT(expected, HasSubstr("Torque 1 "));
  write("set.cc", program(steps, true));
  compile_cpp("set");
  EXPECT_EQ(shell("./set"), expected);
  write("get.c", program(steps, false));
  expect_from_c("get", expected);
  write("get.py", python_program(steps));
  EXPECT_EQ(shell("python3 -B get.py"), expected);
}

TEST_F(SmtRegisterBuilder, ProgramOfThePageDoesWhatItSays) {
  build("smt-register-builder", kExample);
  write("motor.h", read("api.h"));
  write("set.cc", block_at(read(source_path("docs/register-builder.md")), "cpp"));
  compile_cpp("set");
  EXPECT_EQ(shell("./set"), "90 C does not fit\n0xf832: -1.25 A\n");
}

}  // namespace
}  // namespace smt::tools
