#include "cmd/api/builder.h"

#include <fmt/format.h>
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <set>

#include "cmd/api/emit.h"
#include "cmd/api/names.h"
#include "cmd/api/outputs.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/tool.h"
#include "shm/printable.h"

namespace smt::cmd::api {
namespace {

struct Request {
  std::string file, cpp, c, python, json, cpp_namespace;
  bool check = false;
};

std::string sha256(std::string_view text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out;
  for (const unsigned char byte : hash) out += fmt::format("{:02x}", byte);
  return out;
}

// The file's own name, as a comment can hold it.
std::string source_name(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return check_comment(name).ok() ? name : "a description";
}

// The file of a path, however that is spelled.
std::string file_of(const std::string& path) {
  std::error_code error;
  const auto file = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  return error ? path : file.string();
}

Status check_paths(const Request& request) {
  std::set<std::string> files = {file_of(request.file)};
  size_t outputs = 0;
  for (const std::string* path : {&request.cpp, &request.c, &request.python, &request.json}) {
    if (path->empty()) continue;
    ++outputs;
    const std::string replaced = replaced_file(*path);
    if (request.check && replaced.empty()) {
      return {Code::kInvalid, *path + " is no file; --check compares files with what the description gives"};
    }
    const bool shared = replaced.empty() && *path != kStandardOutput;  // /dev/null takes several outputs
    if (!shared && !files.insert(replaced.empty() ? *path : file_of(replaced)).second) {
      return {Code::kInvalid, *path + " is there twice; each output has a file of its own"};
    }
  }
  if (outputs == 0 && !request.check) {
    return {Code::kInvalid, "nothing to write; give --cpp, --c, --python or --json and a file, or --check"};
  }
  return Status();
}

int print_errors(const ConfigErrors& errors) {
  for (const std::string& line : errors.lines()) print_to_stderr(line + "\n");
  return kExitUsage;
}

int run(const Builder& builder, const Request& request) {
  if (!request.cpp_namespace.empty()) {
    if (Status s = check_namespace(request.cpp_namespace); !s.ok()) {
      return fail(Status(s.code(), "--namespace: " + s.message()));
    }
  }
  if (Status s = check_paths(request); !s.ok()) return fail(s);
  ConfigErrors errors;
  const std::optional<XmlFile> file = XmlFile::open(request.file, &errors);
  if (!file) return print_errors(errors);
  Api api = builder.parse(*file, request.cpp_namespace);
  if (!errors.empty()) return print_errors(errors);
  api.tool = builder.name;
  api.source = source_name(request.file);
  api.sha256 = sha256(file->text());

  std::vector<Output> outputs;
  const auto add = [&](const std::string& path, std::string (*emit)(const Api&)) {
    if (path == kStandardOutput) require_output();
    if (!path.empty()) outputs.push_back({path, emit(api)});
  };
  add(request.cpp, emit_cpp);
  add(request.c, emit_c);
  add(request.python, emit_python);
  add(request.json, emit_json);
  if (!request.check) {
    const Status s = write_outputs(outputs);
    return s.ok() ? kExitOk : fail(kExitFailure, s.message());
  }
  if (Status s = compare_outputs(outputs); !s.ok()) return fail(s);
  print_note(fmt::format("ok {}: {} constants, {} enums, {} structs, {} topics\n", printable(request.file),
                         api.constants.size(), api.enums.size(), api.structs.size(), api.topics.size()));
  return kExitOk;
}

}  // namespace

int run_builder(const Builder& builder, int argc, char** argv) {
  CLI::App app(builder.what, builder.name);
  const ToolOptions tool;
  Request request;
  app.add_option("FILE", request.file, "The description, in XML")->required();
  app.add_option("--cpp", request.cpp, "Write a header of C++20")->type_name("FILE");
  app.add_option("--c", request.c, "Write a header of C11")->type_name("FILE");
  app.add_option("--python", request.python, "Write a module of Python 3")->type_name("FILE");
  app.add_option("--json", request.json, "Write JSON")->type_name("FILE");
  app.add_option("--namespace", request.cpp_namespace,
                 "Of the C++ header, as a::b, and before the names of C [the description's name]");
  app.add_flag("--check", request.check,
               "Write nothing; say whether FILE is right, and the outputs are up to date");
  add_version_flag(app);
  app.footer(
      "The output - is standard output. Symbolic links are followed; devices and FIFOs are written to.\n" +
      builder.footer);
  return run_tool(app, argc, argv, tool, [&] { return run(builder, request); });
}

}  // namespace smt::cmd::api
