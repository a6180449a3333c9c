// Keys and the folder that they are in.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "relay/keys/endpoint.h"
#include "tests/relay/keys/keys_fixture.h"
#include "tests/small_disk.h"

namespace smt::relay {
namespace {

using ::testing::HasSubstr;

TEST_F(KeysTest, WhatIsMadeIsReadBack) {
  write("peers/robot.pub", robot_.public_text());
  write("peers/notes.txt", "nothing of ours");
  const auto ring = Keyring::read(dir_);
  ASSERT_TRUE(ring.ok()) << ring.status().message();
  EXPECT_EQ((*ring)->self().name, "base");
  EXPECT_EQ((*ring)->self().public_key, self_.public_key);
  EXPECT_EQ((*ring)->self().secret.bytes(), self_.secret.bytes());
  EXPECT_EQ((*ring)->names(), std::vector<std::string>{"robot"});
  ASSERT_NE((*ring)->name_of(public_key_text(robot_.public_key)), nullptr);
  EXPECT_EQ(*(*ring)->name_of(public_key_text(robot_.public_key)), "robot");
  EXPECT_EQ((*ring)->name_of(public_key_text(KeyPair::make("robot").public_key)), nullptr);
  EXPECT_EQ((*ring)->keys_of("gate"), nullptr);
}

// So that a program beside the relay, with the relay's keys, may ask it.
TEST_F(KeysTest, ARelayKnowsItsOwnKeyWithoutAFileForIt) {
  write("peers/robot.pub", robot_.public_text());
  const auto ring = Keyring::read(dir_);
  ASSERT_TRUE(ring.ok()) << ring.status().message();
  ASSERT_NE((*ring)->name_of(public_key_text(self_.public_key)), nullptr);
  EXPECT_EQ(*(*ring)->name_of(public_key_text(self_.public_key)), "base");
  EXPECT_EQ(*(*ring)->keys_of("base"), std::vector<KeyBytes>{self_.public_key});
  EXPECT_EQ((*ring)->names(), std::vector<std::string>{"robot"}) << "it is no peer";
  EXPECT_EQ(*peer_at("tcp://127.0.0.1:1#base", **ring), "base");
  EXPECT_EQ(*peer_at("tcp://127.0.0.1:1", **ring), "robot");
  // A file for it says which keys it has.
  write("peers/base.pub", KeyPair::make("base").public_text());
  EXPECT_NE(*(*Keyring::read(dir_))->keys_of("base"), std::vector<KeyBytes>{self_.public_key});
}

// As kubelet mounts a secret: data in a folder of their own, and links to them.
TEST_F(KeysTest, LinksLeadToWhatIsInTheFolderAndNowhereElse) {
  namespace fs = std::filesystem;
  write("peers/robot.pub", robot_.public_text());
  fs::create_directory(dir_ + "/..2026_11_30");
  fs::rename(dir_ + "/self.key", dir_ + "/..2026_11_30/self.key");
  fs::rename(dir_ + "/peers", dir_ + "/..2026_11_30/peers");
  fs::create_symlink("..2026_11_30", dir_ + "/..data");
  fs::create_symlink("..data/self.key", dir_ + "/self.key");
  fs::create_symlink("..data/peers", dir_ + "/peers");
  EXPECT_EQ(refusal_of(), "none");
  EXPECT_EQ((*Keyring::read(dir_))->names(), std::vector<std::string>{"robot"});
  const TempFolder elsewhere;
  const auto instead = [&](const std::string& link, const std::string& target) {
    fs::remove(dir_ + link);
    fs::create_symlink(target, dir_ + link);
    const std::string refusal = refusal_of();
    fs::remove(dir_ + link);
    fs::create_symlink("..data" + link, dir_ + link);
    return refusal;
  };
  const std::string leads = " is a link that leads out of its folder, to " + elsewhere.path();
  fs::copy(dir_ + "/..data/self.key", elsewhere.path() + "/self.key");
  fs::create_directory(elsewhere.path() + "/peers");
  EXPECT_THAT(instead("/self.key", elsewhere.path() + "/self.key"), HasSubstr(dir_ + "/self.key" + leads));
  EXPECT_THAT(
      instead("/self.key", "../" + fs::path(elsewhere.path()).filename().string() + "/self.key"),
      HasSubstr("; run cp --remove-destination " + elsewhere.path() + "/self.key " + dir_ + "/self.key"));
  EXPECT_THAT(instead("/peers", elsewhere.path() + "/peers"), HasSubstr(dir_ + "/peers" + leads));
  EXPECT_EQ(refusal_of(), "none");
  // A folder whose name only begins as that of the keys.
  const std::string twin = dir_ + "-twin";
  fs::create_directory(twin);
  fs::copy(dir_ + "/..data/self.key", twin + "/self.key");
  EXPECT_THAT(instead("/self.key", twin + "/self.key"), HasSubstr("leads out of its folder"));
  fs::remove_all(twin);
  // Of a file among the peers, which lies a folder below.
  write("peers/gate.pub", KeyPair::make("gate").public_text());
  fs::rename(dir_ + "/peers/gate.pub", elsewhere.path() + "/gate.pub");
  fs::create_symlink(elsewhere.path() + "/gate.pub", dir_ + "/peers/gate.pub");
  EXPECT_THAT(refusal_of(), HasSubstr("/peers/gate.pub" + leads));
}

TEST_F(KeysTest, NoTwoAreTheSame) {
  EXPECT_NE(self_.public_key, robot_.public_key);
  EXPECT_NE(fingerprint_of(self_.public_key), fingerprint_of(robot_.public_key));
  EXPECT_EQ(fingerprint_of(self_.public_key).size(), 50u);
  EXPECT_EQ(public_key_text(self_.public_key).size(), 44u);
}

// RFC 7748, section 6.1: Alice's keys.
TEST_F(KeysTest, ThePublicKeyBelongsToTheSecretOne) {
  const auto alice =
      parse_secret_file("smtrelay-secret dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo= alice\n");
  ASSERT_TRUE(alice.ok()) << alice.status().message();
  EXPECT_EQ(public_key_text(alice->public_key), "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
}

TEST_F(KeysTest, BytesThatAreNoDigitsMakeNoKey) {
  const std::string key = public_key_text(robot_.public_key);
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool digit = isalnum(byte) != 0 || c == '+' || c == '/';
    for (const size_t at : {size_t{0}, size_t{20}}) {
      std::string text = key;
      text[at] = c;
      EXPECT_EQ(parse_public_file("smtrelay-public " + text + " robot").ok(), digit) << byte;
    }
  }
}

TEST_F(KeysTest, APeerMayHaveTwoKeysWhileOneIsChanged) {
  const KeyPair next = KeyPair::make("robot");
  write("peers/robot.pub", "# the old one\n" + robot_.public_text() + "\n" + next.public_text());
  const auto ring = Keyring::read(dir_);
  ASSERT_TRUE(ring.ok()) << ring.status().message();
  EXPECT_EQ(*(*ring)->keys_of("robot"), (std::vector<KeyBytes>{robot_.public_key, next.public_key}));
  EXPECT_EQ(*(*ring)->name_of(public_key_text(next.public_key)), "robot");
}

TEST_F(KeysTest, AByteOrderMarkOfUtf8SaysNothingAndUtf16IsNamed) {
  write("peers/robot.pub", "\xef\xbb\xbf" + robot_.public_text());
  EXPECT_EQ(refusal_of(), "none");
  write("peers/robot.pub", "\xef\xbb\xbf# with a word before it\r\n" + robot_.public_text());
  EXPECT_EQ(refusal_of(), "none");
  write("self.key", "\xef\xbb\xbf" + self_.secret_text(), 0600);
  EXPECT_EQ(refusal_of(), "none");
  std::string wide = "\xff\xfe";
  for (const char c : robot_.public_text()) wide += std::string{c, '\0'};
  write("peers/robot.pub", wide);
  EXPECT_THAT(refusal_of(), HasSubstr("/peers/robot.pub:1:1: the file is UTF-16; save it as UTF-8"));
}

TEST_F(KeysTest, WhatOthersCouldReadOrWriteIsRefusedWithTheCommandThatHelps) {
  write("peers/robot.pub", robot_.public_text());
  const auto with = [&](const std::string& path, mode_t mode) {
    struct stat st;
    stat((dir_ + path).c_str(), &st);
    chmod((dir_ + path).c_str(), mode);
    const std::string refusal = refusal_of();
    chmod((dir_ + path).c_str(), st.st_mode);
    return refusal;
  };
  EXPECT_THAT(with("/self.key", 0640), HasSubstr("run chmod 600 " + dir_ + "/self.key"));
  EXPECT_THAT(with("/self.key", 0604), HasSubstr("run chmod 600"));
  EXPECT_THAT(with("/peers/robot.pub", 0664), HasSubstr("run chmod go-w " + dir_ + "/peers/robot.pub"));
  EXPECT_THAT(with("/peers", 0777), HasSubstr("run chmod go-w " + dir_ + "/peers"));
  EXPECT_THAT(with("", 0770), HasSubstr("run chmod go-w " + dir_));
  EXPECT_EQ(refusal_of(), "none");
}

// Who may write a folder on the way of a link could put another file there.
TEST_F(KeysTest, LinksLeadThroughFoldersThatNobodyElseMayWrite) {
  namespace fs = std::filesystem;
  write("peers/robot.pub", robot_.public_text());
  fs::create_directories(dir_ + "/..2026_11_30/deep");
  fs::rename(dir_ + "/self.key", dir_ + "/..2026_11_30/deep/self.key");
  fs::create_symlink("..2026_11_30", dir_ + "/..data");
  fs::create_symlink("..data/deep/self.key", dir_ + "/self.key");
  for (const std::string& way : {dir_ + "/..2026_11_30", dir_ + "/..2026_11_30/deep"}) {
    for (const mode_t mode : {0777, 0775, 01777}) {
      chmod(way.c_str(), mode);
      EXPECT_THAT(refusal_of(), HasSubstr(way + ": other users may write there; run chmod go-w " + way));
    }
    chmod(way.c_str(), 0755);
    EXPECT_EQ(refusal_of(), "none");
  }
}

// ProtectSystem=strict shows a service all of /etc in a read-only mount; others write there outside of it.
TEST_F(KeysTest, AFolderThatOthersMayWriteIsTakenOnlyWhereItIsAVolumeItself) {
  namespace fs = std::filesystem;
  const std::string etc = dir_ + "/etc", keys = etc + "/keys";
  const SmallDisk disk(etc, "size=1m,mode=0755");
  if (!disk.ok()) GTEST_SKIP() << "only root mounts";
  fs::create_directories(keys + "/peers");
  fs::copy(dir_ + "/self.key", keys + "/self.key");
  std::ofstream(keys + "/peers/robot.pub") << robot_.public_text();
  const auto refusal = [&] {
    const auto ring = Keyring::read(keys);
    return ring.ok() ? "none" : ring.status().message();
  };
  const auto make_read_only = [](const std::string& path) {
    return mount(nullptr, path.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  };
  for (const std::string& path : {keys + "/peers", keys + "/peers/robot.pub"})
    chmod(path.c_str(), fs::is_directory(path) ? 0755 : 0644);
  chmod(keys.c_str(), 0777);
  const std::string others = ": other users may write there";
  EXPECT_THAT(refusal(), HasSubstr(keys + others));
  ASSERT_TRUE(make_read_only(etc));
  EXPECT_THAT(refusal(), HasSubstr(keys + others)) << "in a read-only mount, and none itself";
  ASSERT_EQ(mount(keys.c_str(), keys.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_TRUE(make_read_only(keys));
  EXPECT_EQ(refusal(), "none");
  ASSERT_EQ(mount(nullptr, keys.c_str(), nullptr, MS_BIND | MS_REMOUNT, nullptr), 0);
  EXPECT_THAT(refusal(), HasSubstr(keys + others)) << "a volume that may be written";
  // What lies in a volume has its own rights.
  chmod((keys + "/peers/robot.pub").c_str(), 0666);
  ASSERT_TRUE(make_read_only(keys));
  EXPECT_THAT(refusal(), HasSubstr(keys + "/peers/robot.pub" + others));
  umount2(keys.c_str(), MNT_DETACH);
}

TEST_F(KeysTest, WhatIsMissingIsTold) {
  std::filesystem::remove(dir_ + "/self.key");
  EXPECT_THAT(refusal_of(), HasSubstr("smtrelay_keygen NAME --out " + dir_));
  write("self.key", self_.secret_text(), 0600);
  std::filesystem::remove(dir_ + "/peers");
  EXPECT_THAT(refusal_of(), HasSubstr("put the peers' NAME.pub there"));
  EXPECT_THAT(Keyring::read(dir_ + "/no").status().message(), HasSubstr("cannot open the folder of keys"));
}

TEST_F(KeysTest, EachWrongFileIsRefusedWithItsPlaceAndWithoutItsSecret) {
  const std::string key = public_key_text(robot_.public_key), secret = self_.secret_text();
  const std::pair<std::string, std::string> wrong[] = {
      {"", ":1:1: no key"},
      {"# nothing\n\n", ":1:1: no key"},
      {"smtrelay-public", ":1:1: expected: smtrelay-public KEY NAME"},
      {"smtrelay-public " + key + "\n", ":1:1: expected"},
      {"smtrelay-public " + key + " robot more\n", ":1:1: expected"},
      {"ssh-ed25519 " + key + " robot\n", ":1:1: expected"},
      {"\nsmtrelay-public " + key.substr(1) + " robot\n", ":2:17: the key is not 32 bytes"},
      {"smtrelay-public " + key.substr(0, 43) + " robot\n", ":1:17: the key is not 32 bytes"},
      {"smtrelay-public " + key + key + " robot\n", ":1:17: the key is not 32 bytes"},
      {"smtrelay-public " + key + " ../robot\n", "'../robot'"},
      {"smtrelay-public " + key + " base\n", "call the file base.pub"},
      {robot_.public_text() + robot_.public_text(), ":2:1: this key is there twice"},
      {robot_.public_text() + KeyPair::make("arm").public_text(), ":2:1: a key of arm in the file of robot"},
      {secret, ":2:1: a secret key; here stands a public one"},
      {std::string(70'000, '#'), "larger than 64 KiB"},
  };
  for (const auto& [text, message] : wrong) {
    write("peers/robot.pub", text);
    EXPECT_THAT(refusal_of(), HasSubstr(message)) << text.substr(0, 80);
    EXPECT_THAT(refusal_of(), HasSubstr("robot.pub"));
    EXPECT_THAT(refusal_of(), Not(HasSubstr(public_key_text(self_.secret.bytes()))));
  }
  write("peers/robot.pub", robot_.public_text());
  write("self.key", secret + secret, 0600);
  EXPECT_THAT(refusal_of(), HasSubstr("self.key:4:1: a second key"));
  write("self.key", self_.public_text(), 0600);
  EXPECT_THAT(refusal_of(), HasSubstr("self.key:1:1: expected: smtrelay-secret KEY NAME"));
}

TEST_F(KeysTest, AKeyIsOfOnePeerOnly) {
  KeyPair twin = robot_;
  twin.name = "twin";
  write("peers/robot.pub", robot_.public_text());
  write("peers/twin.pub", twin.public_text());
  EXPECT_THAT(refusal_of(), HasSubstr("twin.pub has a key of robot too"));
}

TEST_F(KeysTest, AnythingElseInTheFilesIsRefusedOrReadAndNeverWorse) {
  std::mt19937_64 random(7);
  const std::string good = "# x\n" + robot_.public_text() + KeyPair::make("robot").public_text();
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (int n = 1 + static_cast<int>(random() % 4); n > 0; --n) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    text.resize(random() % (text.size() + 1));
    if (const auto peer = parse_public_file(text); peer.ok()) {
      EXPECT_EQ(peer->name.find_first_of("/\n"), std::string::npos);
      EXPECT_GE(peer->keys.size(), 1u);
    }
    (void)parse_secret_file(text);
  }
}

TEST_F(KeysTest, WhoseKeyIsThereTheEndpointSaysOrThereIsOnlyOne) {
  EXPECT_TRUE(check_endpoint("tcp://gate:7400#gate", false).ok());
  EXPECT_TRUE(check_endpoint("ipc:///run/x#gate", false).ok());
  EXPECT_FALSE(check_endpoint("tcp://gate:7400#", false).ok());
  EXPECT_FALSE(check_endpoint("tcp://gate:7400#a/b", false).ok());
  EXPECT_FALSE(check_endpoint("tcp://*:7400#gate", true).ok()) << "who binds takes all whom it knows";
  EXPECT_TRUE(is_loopback("tcp://127.0.0.1:7400#gate"));
  EXPECT_FALSE(is_loopback("tcp://10.0.0.1:7400#127.0.0.1"));
  const auto peer = [&](const std::string& endpoint) {
    const auto ring = Keyring::read(dir_);
    EXPECT_TRUE(ring.ok()) << ring.status().message();
    Result<std::string> name = peer_at(endpoint, **ring);
    return name.ok() ? *name : "(" + name.status().message() + ")";
  };
  EXPECT_THAT(peer("tcp://x:1"), HasSubstr("no key in peers/"));
  write("peers/robot.pub", robot_.public_text());
  write("peers/base.pub", self_.public_text());
  EXPECT_EQ(peer("tcp://x:1"), "robot") << "its own is there for others";
  EXPECT_EQ(peer("tcp://x:1#base"), "base");
  write("peers/arm.pub", KeyPair::make("arm").public_text());
  EXPECT_THAT(peer("tcp://x:1"), HasSubstr("write tcp://x:1#PEER; peers/ has arm base robot"));
  EXPECT_THAT(peer("tcp://x:1#leg"), HasSubstr("no key of leg in peers/"));
}

}  // namespace
}  // namespace smt::relay
