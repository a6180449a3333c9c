// smtrelay_keygen: the keys by which relays know each other.
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/tool.h"
#include "cmd/config/relay_config.h"
#include "cmd/text/file_status.h"
#include "relay/keys/keyring.h"
#include "shm/fd.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// Who is to have what is made. Whoever runs this, unless it is told.
struct Owner {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
};

// A name or a number. kInvalid: there is no such user.
Result<Owner> owner_called(const std::string& user) {
  if (user.empty()) return Owner();
  if (const passwd* named = getpwnam(user.c_str()); named != nullptr)
    return Owner{named->pw_uid, named->pw_gid};
  uid_t number = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), number);
  if (error == std::errc() && end == user.data() + user.size() && number != static_cast<uid_t>(-1)) {
    const passwd* const known = getpwuid(number);
    return Owner{number, known != nullptr ? known->pw_gid : static_cast<gid_t>(-1)};
  }
  return Status(Code::kInvalid,
                "--owner: no such user '" + user + "'; make it with useradd, or give a number");
}

Status cannot_give(const std::string& path) {
  return file_status("cannot give " + path + " away, which takes root (sudo smtrelay_keygen ...)", errno);
}

// The file is there whole or not at all, and never in place of another one.
Status write_new(const std::string& path, const std::string& text, mode_t mode, const Owner& owner) {
  const std::string temporary = fmt::format("{}.{}", path, getpid());
  Status failed;
  {
    const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file.ok()) return file_status("cannot write " + path, errno);
    const ssize_t n = write(file.get(), text.data(), text.size());
    const bool written = n == static_cast<ssize_t>(text.size());
    // As on a full disk: what follows the last byte that fits is not tried.
    if (!written && n >= 0) errno = ENOSPC;
    if (written && fchown(file.get(), owner.user, owner.group) != 0) {
      failed = cannot_give(path);
    } else if (!written || fchmod(file.get(), mode) != 0 || fsync(file.get()) != 0 ||
               link(temporary.c_str(), path.c_str()) != 0) {
      failed = errno == EEXIST ? Status(Code::kInUse, path + " is there already; move it away first")
                               : Status::from_errno("cannot write " + path, errno);
    }
  }
  unlink(temporary.c_str());
  return failed;
}

// With those on the way to it. Only the owner has what is made.
Status make_folder(const std::filesystem::path& path, const Owner& owner) {
  std::error_code none;
  if (path.empty() || std::filesystem::is_directory(path, none)) return Status();
  if (Status s = make_folder(path.parent_path(), owner); !s.ok()) return s;
  if (mkdir(path.c_str(), 0700) == 0) {
    // What was made, and not what somebody has put in its place.
    const Fd made(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (made.ok() && fchown(made.get(), owner.user, owner.group) == 0) return Status();
    const Status failed = cannot_give(path.string());
    rmdir(path.c_str());
    return failed;
  }
  if (std::filesystem::is_directory(path, none)) return Status();
  return file_status("cannot make the folder " + path.string(), errno);
}

// A file or folder that an argument names.
int fail_at(const Status& status) {
  return status.code() == Code::kNotFound ? fail(kExitUsage, status.message()) : fail(status);
}

int make(const std::string& name, const std::string& dir, const std::string& user) {
  if (Status s = check_relay_name(name); !s.ok()) return fail(s);
  const Result<Owner> owner = owner_called(user);
  if (!owner.ok()) return fail(owner.status());
  const relay::KeyPair pair = relay::KeyPair::make(name);
  const std::string secret = dir + "/self.key", published = dir + "/" + name + ".pub";
  if (Status s = make_folder(dir + "/peers", *owner); !s.ok()) return fail(s);
  if (Status s = write_new(secret, pair.secret_text(), 0600, *owner); !s.ok()) return fail(s);
  if (Status s = write_new(published, pair.public_text(), 0644, *owner); !s.ok()) {
    unlink(secret.c_str());
    return fail(s);
  }
  print_note(
      printable(fmt::format("{:<{}}  the secret key of {}; keep it to yourself\n"
                            "{:<{}}  hand this one out: whoever is to speak with {} keeps it in peers/\n"
                            "{:<{}}  put here the NAME.pub of each peer\n"
                            "fingerprint {}\n",
                            secret, published.size(), name, published, published.size(), name, dir + "/peers",
                            published.size(), relay::fingerprint_of(pair.public_key)),
                LineBreaks::kAll));
  return kExitOk;
}

void print_line(const std::string& line) { print_text(printable(line) + "\n"); }

// Of a file or a folder: "FINGERPRINT NAME (FILE)" a line.
int show_fingerprints(const std::string& path) {
  if (std::error_code none; std::filesystem::is_directory(path, none)) {
    Result<std::shared_ptr<const relay::Keyring>> keys = relay::Keyring::read(path);
    if (!keys.ok()) return fail_at(keys.status());
    const relay::KeyPair& self = (*keys)->self();
    print_line(fmt::format("{} {} ({}/self.key)", relay::fingerprint_of(self.public_key), self.name, path));
    for (const std::string& name : (*keys)->names()) {
      for (const relay::KeyBytes& key : *(*keys)->keys_of(name)) {
        print_line(fmt::format("{} {} ({}/peers/{}.pub)", relay::fingerprint_of(key), name, path, name));
      }
    }
    return kExitOk;
  }
  Result<std::string> text = relay::read_key_file(path);
  if (!text.ok()) return fail_at(text.status());
  if (Result<relay::KeyPair> pair = relay::parse_secret_file(*text); pair.ok()) {
    print_line(fmt::format("{} {} ({})", relay::fingerprint_of(pair->public_key), pair->name, path));
    return kExitOk;
  }
  Result<relay::PeerKeys> peer = relay::parse_public_file(*text);
  if (!peer.ok()) return fail(Status(peer.status().code(), path + ":" + peer.status().message()));
  for (const relay::KeyBytes& key : peer->keys)
    print_line(fmt::format("{} {} ({})", relay::fingerprint_of(key), peer->name, path));
  return kExitOk;
}

// The line of NAME.pub, from the secret key.
int show_public(const std::string& dir) {
  Result<std::string> text = relay::read_key_file(dir + "/self.key");
  if (!text.ok()) return fail_at(text.status());
  Result<relay::KeyPair> pair = relay::parse_secret_file(*text);
  if (!pair.ok()) return fail(Status(pair.status().code(), dir + "/self.key:" + pair.status().message()));
  print_text(pair->public_text());
  return kExitOk;
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtrelay_keygen_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Make the keys by which relays know each other", "smtrelay_keygen");
  std::string name, out, owner, show, of;
  app.add_option("NAME", name, "Whom the keys are of: what peers call this relay, and what their rules name");
  CLI::Option* to = app.add_option("--out", out, "Folder for self.key and NAME.pub; made if it is not there")
                        ->type_name("DIR");
  app.add_option("--owner", owner, "Who is to have the files, as the user of a service; for root")
      ->type_name("USER")
      ->needs(to);
  app.add_option("--fingerprint", show, "Print the fingerprints of a key file, or of all keys of a folder")
      ->type_name("PATH")
      ->excludes(to);
  app.add_option("--public", of, "Print the public key that belongs to DIR/self.key, as NAME.pub has it")
      ->type_name("DIR")
      ->excludes(to);
  add_version_flag(app);
  app.footer(
      "smtrelay_keygen robot --out keys     on the robot, then keys/robot.pub to the base's keys/peers/\n"
      "smtrelay_keygen base --out keys      on the base, then keys/base.pub to the robot's keys/peers/\n"
      "and --keys keys on both. Compare fingerprints as with ssh.");
  return run_tool(app, argc, argv, ToolOptions(), [&] {
    if (!show.empty()) return show_fingerprints(show);
    if (!of.empty()) return show_public(of);
    if (name.empty() || out.empty())
      return fail(kExitUsage, "whose keys, and where to? smtrelay_keygen NAME --out DIR; see --help");
    return make(name, out, owner);
  });
}
