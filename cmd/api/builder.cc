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

namespace smt::cmd::api {
namespace {

struct Request {
  std::string file, cpp, c, python, json, cpp_namespace;
  bool check = false;
};

std::string Sha256(std::string_view text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out;
  for (const unsigned char byte : hash) out += fmt::format("{:02x}", byte);
  return out;
}

// The file's own name, as a comment can hold it.
std::string SourceName(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return CheckComment(name).ok() ? name : "a description";
}

Status CheckPaths(const Request& request) {
  std::set<std::filesystem::path> paths = {std::filesystem::weakly_canonical(request.file)};
  size_t outputs = 0;
  for (const std::string* path : {&request.cpp, &request.c, &request.python, &request.json}) {
    if (path->empty()) continue;
    ++outputs;
    if (!paths.insert(std::filesystem::weakly_canonical(*path)).second) {
      return {Code::kInvalid, *path + " is there twice; each output has a file of its own"};
    }
  }
  if (outputs == 0 && !request.check) {
    return {Code::kInvalid, "nothing to write; give --cpp, --c, --python or --json and a file, or --check"};
  }
  return Status();
}

int Told(const ConfigErrors& errors) {
  for (const std::string& line : errors.lines()) fmt::print(stderr, "{}\n", line);
  return kExitUsage;
}

int Run(const Builder& builder, const Request& request) {
  if (!request.cpp_namespace.empty()) {
    if (Status s = CheckNamespace(request.cpp_namespace); !s.ok()) {
      return Fail(Status(s.code(), "--namespace: " + s.message()));
    }
  }
  if (Status s = CheckPaths(request); !s.ok()) return Fail(s);
  ConfigErrors errors;
  const std::optional<XmlFile> file = XmlFile::open(request.file, &errors);
  if (!file) return Told(errors);
  Api api = builder.parse(*file, request.cpp_namespace);
  if (!errors.empty()) return Told(errors);
  api.tool = builder.name;
  api.source = SourceName(request.file);
  api.sha256 = Sha256(file->text());

  std::vector<Output> outputs;
  const auto add = [&](const std::string& path, std::string (*emit)(const Api&)) {
    if (!path.empty()) outputs.push_back({path, emit(api)});
  };
  add(request.cpp, EmitCpp);
  add(request.c, EmitC);
  add(request.python, EmitPython);
  add(request.json, EmitJson);
  if (!request.check) {
    const Status s = WriteOutputs(outputs);
    return s.ok() ? kExitOk : Fail(kExitFailure, s.message());
  }
  if (Status s = CompareOutputs(outputs); !s.ok()) return Fail(s);
  Print(fmt::format("ok {}: {} constants, {} enums, {} structs, {} topics\n", request.file,
                    api.constants.size(), api.enums.size(), api.structs.size(), api.topics.size()));
  return kExitOk;
}

}  // namespace

int RunBuilder(const Builder& builder, int argc, char** argv) {
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
  AddVersionFlag(app);
  app.footer(builder.footer);
  return RunTool(app, argc, argv, tool, [&] { return Run(builder, request); });
}

}  // namespace smt::cmd::api
