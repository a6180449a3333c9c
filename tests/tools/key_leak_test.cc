// A secret key is nowhere but in its file: not in logs at their most talkative, not in a command line or an
// environment, not in what a relay prints of itself, not in shared memory, not on the wire, in no encoding.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>
#include <zmq.h>

#include <fstream>

#include "relay/keys/keys.h"
#include "tests/row.h"
#include "tests/text.h"
#include "tests/tools/chaos_proxy.h"
#include "tests/tools/keyed_relays.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;

// Who prints a part of a key prints at least so much.
constexpr size_t kPart = 12;

// What is in a file, without its holes.
std::string read_file(const std::string& path) {
  std::string out;
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  for (off_t begin = 0, end; (begin = lseek(file.get(), begin, SEEK_DATA)) >= 0; begin = end) {
    end = lseek(file.get(), begin, SEEK_HOLE);
    const size_t at = out.size();
    out.resize(at + static_cast<size_t>(end - begin));
    if (pread(file.get(), out.data() + at, out.size() - at, begin) < 0) break;
  }
  return out;
}

// The key as text and as bytes, in all ways that somebody might write it.
std::vector<std::string> encoded(const relay::KeyBytes& key) {
  std::vector<std::string> out = {std::string(key.begin(), key.end()), relay::public_key_text(key)};
  std::string url = out[1], hex, upper, spaced;
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  for (const uint8_t byte : key) {
    char digits[8];
    snprintf(digits, sizeof digits, "%02x", byte);
    hex += digits;
    spaced += std::string(digits) + " ";
    snprintf(digits, sizeof digits, "%02X", byte);
    upper += digits;
  }
  char z85[41];
  zmq_z85_encode(z85, key.data(), key.size());
  out.insert(out.end(), {url, hex, upper, spaced, z85});
  return out;
}

class KeyLeak : public KeyedTest {
 protected:
  // The secrets of these keys are looked for from now on.
  void know(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      Result<relay::KeyPair> pair = relay::parse_secret_file(contents(keys(name) + "/self.key"));
      ASSERT_TRUE(pair.ok());
      for (const std::string& text : encoded(pair->secret.bytes())) {
        for (size_t i = 0; i + kPart <= text.size(); i += kPart) parts_.push_back(text.substr(i, kPart));
      }
    }
  }
  size_t hits(const std::string& text) const {
    size_t n = 0;
    for (const std::string& part : parts_) n += text.find(part) != text.npos;
    return n;
  }
  void search(const std::string& what, const std::string& text) {
    const size_t found = hits(text);
    EXPECT_EQ(found, 0u) << "a secret key in " << what;
    found_ += found;
    ++searched_;
  }
  void search(const std::string& what, const Ended& ended) { search(what, ended.out + ended.err); }
  void search_process(const Relay& relay) {
    const std::string proc = "/proc/" + std::to_string(relay.process->pid()) + "/";
    for (const char* file : {"cmdline", "environ", "comm", "maps"})
      search(relay.ready[1] + "'s " + file, contents(proc + file));
  }

  std::vector<std::string> parts_;
  uint64_t searched_ = 0, found_ = 0;
};

TEST_F(KeyLeak, NoSecretKeyIsAnywhereButInItsFile) {
  const std::vector<std::string> names = {"robot", "gate", "base", "eve"};
  std::vector<Ended> made;
  fs::create_directories(root_ + "/keys");
  for (const std::string& name : names) made.push_back(run({"smtrelay_keygen", name, "--out", keys(name)}));
  know(names);
  ASSERT_GE(hits(contents(keys("robot") + "/self.key")), 3u) << "it is found where it is";
  for (const Ended& m : made) search("keygen", m);
  for (const std::string& name : names) {
    search("a fingerprint", run({"smtrelay_keygen", "--fingerprint", keys(name)}));
    search("a public key", run({"smtrelay_keygen", "--public", keys(name)}));
    search("keygen again", run({"smtrelay_keygen", name, "--out", keys(name)}));
    search("NAME.pub", contents(keys(name) + "/" + name + ".pub"));
  }
  acquaint_both("robot", "gate");
  acquaint_both("base", "gate");
  acquaint_both("base", "robot");
  acquaint("eve", "gate");

  const std::vector<std::string> talk = {"--log", "trace", "--segment-size", "16M"};
  const auto with = [](std::vector<std::string> args, const std::vector<std::string>& more) {
    args.insert(args.end(), more.begin(), more.end());
    return args;
  };
  const std::vector<std::string> listen = {"smtrelay_proxy", "--keys", keys("gate"),       "--log",
                                           "trace",          "--bind", "tcp://127.0.0.1:*"};
  Relay gate = start(listen);
  const std::string endpoint = gate.endpoint();
  ChaosProxy wire(port_of(endpoint), 1);
  wire.set(ChaosProxy::kUp, {.record = true});
  wire.set(ChaosProxy::kDown, {.record = true});
  const std::string dial = "tcp://127.0.0.1:" + std::to_string(wire.port()) + "#gate";
  publish("pose", "string", "\"here\"");
  const std::vector<std::string> pub_args =
      with({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"), "--connect", dial}, talk);
  const std::vector<std::string> sub_args =
      with({"smtrelay_sub", "--domain", "base", "--keys", keys("base"), "--connect", dial}, talk);
  Relay pub = start(pub_args), base = start(sub_args);
  ASSERT_TRUE(eventually([&] { return text("base", "pose") == "here"; }));
  for (const char* flag : {"--print-config", "--check-config"}) {
    for (const auto& args : {listen, pub_args, sub_args}) search(flag, run(with(args, {flag})));
  }
  for (const char* who : {"base", "eve"}) {
    for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{
             {"list"}, {"get", "**", "smt/**"}, {"why", "pose"}, {"set", "pose", "\"x\""}}) {
      search("the client", run(with({"smtrelay_client", "--connect", endpoint + "#gate", "--keys", keys(who),
                                     "--log", "trace", "--timeout", "700ms"},
                                    verb)));
    }
  }
  for (const char* domain : {"robot", "base"}) {
    search("info", run({"smttopic", "--domain", domain, "list", "smt/**", "-f", "json"}));
  }
  // Rotation, and files that are refused: their errors quote nothing.
  const std::string self = keys("robot") + "/self.key", secret = contents(self);
  for (const std::string& wrong :
       {secret + secret, secret.substr(0, secret.size() / 2), "x" + secret, secret + " more"}) {
    std::ofstream(self) << wrong;
    search("a refusal", run(with(pub_args, {"--check-config"})));
    pub.process->send(SIGHUP);
  }
  pub.process->wait_for_error("everything stays as it was");
  std::ofstream(self) << secret;
  fs::permissions(self, fs::perms(0644));
  search("a refusal", run(with(pub_args, {"--check-config"})));
  fs::permissions(self, fs::perms(0600));
  std::ofstream(keys("base") + "/peers/robot.pub") << secret;  // the wrong one of the two handed out
  search("a refusal", run(with(sub_args, {"--check-config"})));

  for (const Relay* relay : {&gate, &pub, &base}) search_process(*relay);
  for (const char* domain : {"robot", "base"}) {
    for (const auto& entry : fs::directory_iterator(root_ + "/" + domain)) {
      if (entry.is_regular_file()) search("shared memory", read_file(entry.path()));
    }
  }
  search("what goes up the wire", wire.recorded(ChaosProxy::kUp));
  search("what goes down the wire", wire.recorded(ChaosProxy::kDown));
  for (Relay* relay : {&gate, &pub, &base}) {
    relay->process->send(SIGTERM);
    search(relay->ready[1] + "'s log", relay->process->wait());
  }
  smt::print_row(
      smt::Row{.id = "S11", .what = "texts searched for secret keys", .n = searched_, .violations = found_});
}

}  // namespace
}  // namespace smt::tools
