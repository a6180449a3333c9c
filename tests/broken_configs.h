// Configuration files written by hand, each with one thing wrong.
#ifndef SMT_TESTS_BROKEN_CONFIGS_H_
#define SMT_TESTS_BROKEN_CONFIGS_H_

#include <string>
#include <vector>

namespace smt {

struct BrokenConfig {
  const char* role;     // "pub" "sub" "proxy" "client"
  std::string text;     // without the first line, which is `version = 1`
  const char* place;    // "LINE:COLUMN"
  const char* message;  // a part of it
};

// A peer that is allowed, on two lines.
inline const std::string kGoodPeer = "[[peer]]\nbind = 'tcp://127.0.0.1:7400'\n";

inline const std::vector<BrokenConfig> kBrokenConfigs = {
    // no TOML
    {"pub", "name = \"a\n", "2:10", "string"},
    {"pub", "name = \"a\"\nname = \"b\"\n", "3:8", "cannot redefine"},
    {"pub", "name\n", "2:5", "expected '='"},
    {"pub", "name = \n", "2:8", "expected value"},
    {"pub", "[[send]\n", "2:8", "expected ']'"},
    {"pub", "[[send]]\ntopic = [\"a\", \"b\"\n", "3:19", "array"},
    {"pub", "name = \"\xff\"\n", "2:8", "utf-8"},
    {"pub", "# \x01\n", "2:3", "control characters"},
    {"pub", "spin = yes\n", "2:8", "value type"},
    {"pub", "name = \"a\" log = \"info\"\n", "2:12", "expected a comment or whitespace"},
    {"pub", "one_of = 99999999999999999999\n", "2:30", "not representable"},
    {"pub", "a = " + std::string(300, '[') + "\n", "2:261", "depth"},
    {"pub", "a" + std::string(20'000, ' ') + "= 1\n", "2:1", "the line has more than 16384 bytes"},
    // keys
    {"pub", "nmae = \"a\"\n", "2:1", "unknown key \"nmae\" in the top of the file; did you mean \"name\"?"},
    {"pub", "segmentsize = \"1M\"\n", "2:1", "did you mean \"segment_size\"?"},
    {"pub", "[[peers]]\nbind = 'tcp://127.0.0.1:7400'\n", "2:3", "did you mean \"peer\"?"},
    {"pub", "[[recieve]]\n", "2:3", "did you mean \"receive\"?"},
    {"pub", "[[send]]\ntopics = \"a\"\n", "3:1",
     "unknown key \"topics\" in [[send]]; did you mean \"topic\"?"},
    {"pub", "[[send]]\nonchange = true\n", "3:1", "did you mean \"on_change\"?"},
    {"sub", "[[receive]]\nmaxage = \"1s\"\n", "3:1", "did you mean \"max_age\"?"},
    {"sub", "[[receive]]\nto = \"a\"\n", "3:1", "it belongs in [[send]]"},
    {"pub", "rate = 5\n", "2:1", "it belongs in [[send]] or [[receive]]"},
    {"pub", "[[send]]\nname = \"a\"\n", "3:1", "it belongs in the top of the file"},
    {"pub", "cache = [\"a\"]\n", "2:1", "unknown key \"cache\": smtrelay_pub has no use for it"},
    {"proxy", "domain = \"d\"\n", "2:1", "smtrelay_proxy has no use for it"},
    {"client", "name = \"a\"\n", "2:1", "smtrelay_client has no use for it"},
    {"client", "[[send]]\n", "2:3", "unknown key \"send\""},
    {"client", "[[peer]]\nbind = 'tcp://127.0.0.1:1'\n", "3:1", "smtrelay_client has no use for it"},
    {"pub", "xyzzyxyzzy = 1\n", "2:1", "it has version, name, domain"},
    {"pub", "name.first = \"a\"\n", "2:1", "name: is a table, and must be a string"},
    {"pub", "[name]\n", "2:1", "name: is a table"},
    // tables
    {"pub", "[send]\ntopic = \"a\"\n", "2:2", "below a line [[send]]"},
    {"pub", "send = \"**\"\n", "2:1", "below a line [[send]]"},
    {"pub", "receive = [1]\n", "2:12", "below a line [[receive]]"},
    {"pub", "peer = 'tcp://127.0.0.1:1'\n", "2:1", "below a line [[peer]]"},
    // types
    {"pub", "name = 7\n", "2:8", "name: is an integer, and must be a string"},
    {"pub", "spin = \"true\"\n", "2:8", "spin: is a string, and must be true or false"},
    {"pub", "insecure = 1\n", "2:12", "insecure: is an integer"},
    {"pub", "name = 1979-05-27\n", "2:8", "is a date or a time"},
    {"pub", "[[send]]\nrate = \"100\"\n", "3:8", "rate: is a string, and must be a number"},
    {"pub", "[[send]]\ntopic = 5\n", "3:9", "topic: is an integer, and must be a string or a list"},
    {"pub", "[[send]]\ntopic = [\"a\",\n 5]\n", "4:2", "topic: is an integer, and must be a string"},
    {"pub", "[[send]]\none_of = 1.5\n", "3:10", "one_of: is a number, and must be an integer"},
    {"pub", "[[send]]\ntick = 1\n", "3:8", "tick: is an integer"},
    {"sub", "[[receive]]\nmax_age = 5\n", "3:11", "max_age: is an integer, and must be a duration"},
    {"pub", "segment_size = true\n", "2:16", "segment_size: is true or false"},
    {"sub", "[[receive]]\non_stale = 0\n", "3:12", "must be one of hold, zero, tombstone, bytes"},
    {"sub", "[[receive]]\nfail_safe = [1, 2]\n", "3:13", "base64"},
    // values
    {"pub", "log = \"loud\"\n", "2:7", "log: \"loud\" is none of trace, debug"},
    {"pub", "name = \"a/b\"\n", "2:8", "name: relay name 'a/b'"},
    {"pub", "name = \"\"\n", "2:8", "relay name ''"},
    {"pub", "domain = \"../x\"\n", "2:10", "domain name '../x'"},
    {"pub", "root = \"\"\n", "2:8", "the path is empty"},
    {"pub", "root = \"/a\\u0000b\"\n", "2:8", "zero byte"},
    {"pub", "segment_size = \"64Q\"\n", "2:16", "\"64Q\" is no number of bytes"},
    {"pub", "segment_size = 10\n", "2:16", "out of range"},
    {"pub", "segment_size = \"17T\"\n", "2:16", "out of range"},
    {"client", "timeout = \"5x\"\n", "2:11", "\"5x\" is no duration"},
    {"client", "format = \"xml\"\n", "2:10", "\"xml\" is none of table"},
    {"pub", "[[send]]\nrate = 0\n", "3:8", "rate: 0 is out of range"},
    {"pub", "[[send]]\nrate = -5\n", "3:8", "out of range"},
    {"pub", "[[send]]\nrate = 1e7\n", "3:8", "out of range"},
    {"pub", "[[send]]\nrate = nan\n", "3:8", "out of range"},
    {"pub", "[[send]]\none_of = 0\n", "3:10", "out of range: from 1"},
    {"pub", "[[send]]\non_change = true\ndeadband = -1.0\n", "4:12", "out of range"},
    {"pub", "[[send]]\ntopic = \"a//b\"\n", "3:9", "empty segment"},
    {"pub", "[[send]]\ntopic = []\n", "3:9", "the list is empty"},
    {"pub", "[[send]]\ntopic = [\"a\", \"re:[\"]\n", "3:15", "missing ]"},
    {"pub", "[[send]]\ntopic = [\"a\", \"a\"]\n", "3:15", "\"a\" is there twice"},
    {"pub", "[[send]]\nexclude = \"a**\"\n", "3:11", "whole segments"},
    {"pub", "[[send]]\nto = \"\"\n", "3:6", "pattern"},
    {"pub", "[[send]]\nmode = \"all\"\n", "3:8", "\"all\" is none of latest, every"},
    {"pub", "[[send]]\npriority = \"top\"\n", "3:12", "\"top\" is none of low"},
    {"pub", "[[send]]\ndrop_older = \"-1s\"\n", "3:14", "no duration"},
    {"pub", "[[send]]\nbytes_per_s = \"5 M\"\n", "3:15", "no number of bytes"},
    {"pub", "[[send]]\nmax_size = 0\n", "3:12", "out of range"},
    {"sub", "[[receive]]\nprefix = \"a//b\"\n", "3:10", "topic name 'a//b'"},
    {"sub", "[[receive]]\nprefix = \"{pear}\"\n", "3:10", "only {peer} has a meaning"},
    {"sub", "[[receive]]\nfail_safe = \"a\"\non_stale = \"bytes\"\n", "3:13", "no base64"},
    {"sub", "[[receive]]\nfail_safe = \"\"\non_stale = \"bytes\"\n", "3:13", "no bytes"},
    {"proxy", "cache = [\"a\", \"\"]\n", "2:15", "pattern"},
    // endpoints
    {"pub", "[[peer]]\nbind = \"udp://127.0.0.1:1\"\n", "3:8", "'udp://127.0.0.1:1'"},
    {"pub", "[[peer]]\nconnect = [\"tcp://127.0.0.1:1\", \"tcp://127.0.0.1:x\"]\n", "3:33", "port 'x'"},
    {"pub", "[[peer]]\nconnect = []\n", "3:11", "the list is empty"},
    {"pub", "[[peer]]\nbind = \"tcp://*:7400\"\n", "3:8", "tcp://*:7400 reaches other machines"},
    {"sub", "[[peer]]\nconnect = \"tcp://robot:7400\"\n", "3:11", "insecure = true"},
    {"client", "[[peer]]\nconnect = \"tcp://robot:7400\"\n", "3:11", "reaches other machines"},
    {"pub", "[[peer]]\n", "2:1", "a peer without an endpoint"},
    {"client", "[[peer]]\n", "2:1", "a peer without connect"},
    {"pub", "[[peer]]\nbind = 'ipc:///a'\nconnect = 'ipc:///b'\n", "3:8", "connect and bind"},
    {"pub", kGoodPeer + kGoodPeer, "5:8", "is at"},
    {"client", "[[peer]]\nconnect = 'ipc:///a'\n[[peer]]\nconnect = 'ipc:///b'\n", "4:1", "has one peer"},
    {"pub", "", "1:1", "no endpoint"},
    {"client", "", "1:1", "no endpoint; give --connect"},
    {"pub", "send = []\n" + kGoodPeer, "1:1", "nothing to do"},
    // what makes no sense together
    {"sub", "[[receive]]\nmode = \"every\"\nrate = 5\n", "4:8", "leave rate out"},
    {"sub", "[[receive]]\none_of = 2\nmode = \"every\"\n", "3:10", "leave one_of out"},
    {"sub", "[[receive]]\nmode = \"every\"\non_change = true\n", "4:13", "leave on_change out"},
    {"sub", "[[receive]]\nmode = \"every\"\ntick = true\n", "4:8", "leave tick out"},
    {"sub", "[[receive]]\ntick = true\n", "3:8", "tick needs a rate"},
    {"pub", "[[send]]\ndeadband = 0.5\n", "3:12", "deadband needs on_change"},
    {"pub", "[[send]]\nheartbeat = \"1s\"\n", "3:13", "heartbeat needs on_change"},
    {"pub", "[[send]]\non_change = true\nrate = 0.5\nheartbeat = \"1s\"\n", "5:13", "more often than rate"},
    {"pub", "[[send]]\non_change = true\nheartbeat = \"2600h\"\n", "4:13", "104 days"},
    {"sub", "[[receive]]\ntopic = \"a\"\nprefix = \"p\"\nas = \"b\"\n", "5:6", "stands beside prefix"},
    {"sub", "[[receive]]\nas = \"b\"\n", "3:6", "wildcard"},
    {"sub", "[[receive]]\ntopic = [\"a\", \"b\"]\nas = \"c\"\n", "4:6", "one pattern"},
    {"sub", "[[receive]]\ntopic = \"a/*/**\"\nas = \"b/**/*\"\n", "4:6", "wildcard"},
    {"sub", "[[receive]]\ntopic = \"re:a\"\nas = 'b\\1'\n", "4:6", "group"},
    {"sub", "[[receive]]\non_stale = \"bytes\"\n", "3:12", "needs fail_safe"},
    {"sub", "[[receive]]\nfail_safe = \"AA==\"\n", "3:13", "needs on_stale"},
    {"sub", "[[receive]]\nmax_age = \"0\"\non_stale = \"zero\"\n", "4:12", "nothing becomes stale"},
    {"pub", "[[send]]\n[[send]]\ntopic = \"a\"\n", "3:1", "never decides: the one at"},
    {"sub", "[[receive]]\ntopic = \"a\"\nrate = 5\n[[receive]]\ntopic = \"a\"\n", "5:1", "never decides"},
    {"sub", "[[receive]]\ntopic = \"a\"\n[[receive]]\ntopic = \"b\"\nas = \"a\"\n", "6:6",
     "a would be topic a of the rule at"},
    {"sub", "[[receive]]\ntopic = \"a/b\"\n[[receive]]\ntopic = \"b\"\nprefix = \"a\"\n", "5:9",
     "a/b would be topic a/b of the rule at"},
    {"sub", "[[receive]]\nprefix = \"p\"\nfrom = \"r1\"\n[[receive]]\nprefix = \"p\"\nfrom = \"r2\"\n", "5:1",
     "p/x would be topic x of the rule at"},
};

}  // namespace smt

#endif  // SMT_TESTS_BROKEN_CONFIGS_H_
