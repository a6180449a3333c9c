// smtrelay_keygen: the keys by which relays know each other.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/tool.h"
#include "cmd/config/relay_config.h"
#include "relay/keys/keyring.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

// The file is there whole or not at all, and never in place of another one.
Status WriteNew(const std::string& path, const std::string& text, mode_t mode) {
  const std::string temporary = fmt::format("{}.{}", path, getpid());
  Status failed;
  {
    const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file.ok()) return Status::FromErrno("cannot write " + path, errno);
    const bool written = write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!written || fchmod(file.get(), mode) != 0 || fsync(file.get()) != 0 ||
        link(temporary.c_str(), path.c_str()) != 0) {
      failed = errno == EEXIST ? Status(Code::kInUse, path + " is there already; move it away first")
                               : Status::FromErrno("cannot write " + path, errno);
    }
  }
  unlink(temporary.c_str());
  return failed;
}

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Status();
  return Status::FromErrno("cannot make the folder " + path, errno);
}

int Make(const std::string& name, const std::string& dir) {
  if (Status s = CheckRelayName(name); !s.ok()) return Fail(s);
  const relay::KeyPair pair = relay::KeyPair::Make(name);
  const std::string secret = dir + "/self.key", published = dir + "/" + name + ".pub";
  for (const std::string& folder : {dir, dir + "/peers"}) {
    if (Status s = MakeFolder(folder); !s.ok()) return Fail(s);
  }
  if (Status s = WriteNew(secret, pair.secret_text(), 0600); !s.ok()) return Fail(s);
  if (Status s = WriteNew(published, pair.public_text(), 0644); !s.ok()) {
    unlink(secret.c_str());
    return Fail(s);
  }
  Print(
      fmt::format("{:<{}}  the secret key of {}; keep it to yourself\n"
                  "{:<{}}  hand this one out: whoever is to speak with {} keeps it in peers/\n"
                  "{:<{}}  put here the NAME.pub of each peer\n"
                  "fingerprint {}\n",
                  secret, published.size(), name, published, published.size(), name, dir + "/peers",
                  published.size(), relay::Fingerprint(pair.public_key)));
  return kExitOk;
}

// Of a file or a folder: "FINGERPRINT NAME (FILE)" a line.
int Show(const std::string& path) {
  if (std::error_code none; std::filesystem::is_directory(path, none)) {
    Result<std::shared_ptr<const relay::Keyring>> keys = relay::Keyring::read(path);
    if (!keys.ok()) return Fail(keys.status());
    const relay::KeyPair& self = (*keys)->self();
    Print(fmt::format("{} {} ({}/self.key)\n", relay::Fingerprint(self.public_key), self.name, path));
    for (const std::string& name : (*keys)->names()) {
      for (const relay::KeyBytes& key : *(*keys)->keys_of(name)) {
        Print(fmt::format("{} {} ({}/peers/{}.pub)\n", relay::Fingerprint(key), name, path, name));
      }
    }
    return kExitOk;
  }
  Result<std::string> text = relay::ReadKeyFile(path);
  if (!text.ok()) return Fail(text.status());
  if (Result<relay::KeyPair> pair = relay::ParseSecretFile(*text); pair.ok()) {
    Print(fmt::format("{} {} ({})\n", relay::Fingerprint(pair->public_key), pair->name, path));
    return kExitOk;
  }
  Result<relay::PeerKeys> peer = relay::ParsePublicFile(*text);
  if (!peer.ok()) return Fail(Status(peer.status().code(), path + ":" + peer.status().message()));
  for (const relay::KeyBytes& key : peer->keys)
    Print(fmt::format("{} {} ({})\n", relay::Fingerprint(key), peer->name, path));
  return kExitOk;
}

// The line of NAME.pub, from the secret key.
int ShowPublic(const std::string& dir) {
  Result<std::string> text = relay::ReadKeyFile(dir + "/self.key");
  if (!text.ok()) return Fail(text.status());
  Result<relay::KeyPair> pair = relay::ParseSecretFile(*text);
  if (!pair.ok()) return Fail(Status(pair.status().code(), dir + "/self.key:" + pair.status().message()));
  Print(pair->public_text());
  return kExitOk;
}

}  // namespace
}  // namespace smt::cmd

int main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Make the keys by which relays know each other", "smtrelay_keygen");
  std::string name, out, show, of;
  app.add_option("NAME", name, "Whom the keys are of: what peers call this relay, and what their rules name");
  CLI::Option* to = app.add_option("--out", out, "Folder for self.key and NAME.pub; made if it is not there")
                        ->type_name("DIR");
  app.add_option("--fingerprint", show, "Print the fingerprints of a key file, or of all keys of a folder")
      ->type_name("PATH")
      ->excludes(to);
  app.add_option("--public", of, "Print the public key that belongs to DIR/self.key, as NAME.pub has it")
      ->type_name("DIR")
      ->excludes(to);
  AddVersionFlag(app);
  app.footer(
      "smtrelay_keygen robot --out keys     on the robot, then keys/robot.pub to the base's keys/peers/\n"
      "smtrelay_keygen base --out keys      on the base, then keys/base.pub to the robot's keys/peers/\n"
      "and --keys keys on both. Compare fingerprints as with ssh.");
  return RunTool(app, argc, argv, ToolOptions(), [&] {
    if (!show.empty()) return Show(show);
    if (!of.empty()) return ShowPublic(of);
    if (name.empty() || out.empty())
      return Fail(kExitUsage, "whose keys, and where to? smtrelay_keygen NAME --out DIR; see --help");
    return Make(name, out);
  });
}
