// What does it cost to record every sample, and does the recorder keep up?
//
// A writer on core 0 publishes 1,000 topics of 8 bytes at 1 kHz each. On core 1 smtlogger records them, in
// each of its formats; its baseline takes the same samples from the same rings and writes number, stamp and
// value as they are, 1 MiB at a time, on the disk each second. What the disk takes at most is told by the
// file of one such recording written again.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/baselines.h"
#include "bench/measure.h"
#include "bench/process.h"
#include "bench/report.h"
#include "shm/clock.h"
#include "shm/reader.h"
#include "shm/waiter.h"

namespace smt::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kTopics = 1000;
constexpr int64_t kPeriodNs = 1'000'000;
constexpr uint32_t kHistory = 1024;  // a second of samples
constexpr size_t kBlockBytes = 1 << 20;

std::string topic_name(int i) { return fmt::format("bench/{}", i); }

void publish(const Domain& domain) {
  const auto node = check(Node::open(domain, {.name = "bench"}));
  std::vector<Publisher> topics;
  for (int i = 0; i < kTopics; ++i) {
    TopicOptions topic;
    topic.name = topic_name(i);
    topic.schema = Schema::scalar(Type::kF64);
    topic.history = kHistory;
    topics.push_back(check(node->advertise(topic)));
  }
  double value = 0;
  for (int64_t due = boottime_ns();; due += kPeriodNs) {
    value += 0.001;
    for (Publisher& topic : topics) check(topic.publish(std::as_bytes(std::span(&value, 1))));
    sleep_until(due);
  }
}

struct Outcome {
  double samples = 0, missed = 0, seconds = 0, cpu_s = 0, file_bytes = 0;
};

std::string read_all(const Fd& from) {
  std::string text;
  char piece[65536];
  for (ssize_t n; (n = read(from.get(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<size_t>(n));
  return text;
}

// Waits until it has ended by itself; the processor time of its life.
double cpu_until_end(Process* process) {
  while (!process->ended()) usleep(1000);
  const double cpu_s = process->cpu_s();
  if (!process->finish()) fail(Status(Code::kSystem, "a recorder failed"));
  return cpu_s;
}

Outcome run_logger(const Domain& domain, const std::string& file, int seconds) {
  const fs::path folder = domain.path();
  Fd out;
  Process logger = Process::execute(
      1,
      {bin_folder() + "/smtlogger", "--root", folder.parent_path(), "--domain", folder.filename(), "--output",
       file, "--duration", fmt::format("{}s", seconds), "--log", "error", "-f", "json"},
      "/dev/stderr", &out);
  const auto summary = nlohmann::json::parse(read_all(out));
  const double missed = summary["missed"].get<double>() + summary["overflowed"].get<double>();
  return {summary["samples"], missed, summary["duration_s"], cpu_until_end(&logger), summary["file_bytes"]};
}

// Writes all of `bytes` at the end of a file.
void append(const Fd& file, const std::vector<std::byte>& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0) fail(Status::from_errno("cannot write", errno));
    done += static_cast<size_t>(n);
  }
}

void log_by_hand(const Domain& domain, const std::string& path, int seconds, Outcome* outcome) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.ok()) fail(Status::from_errno("cannot make " + path, errno));
  Waiter waiter = check(Waiter::open(domain));
  std::vector<Reader> readers;
  for (int i = 0; i < kTopics; ++i) readers.push_back(check(Reader::open(domain, topic_name(i))));
  std::vector<std::byte> open_bytes;
  const auto put = [&](const void* from, size_t bytes) {
    const auto* begin = static_cast<const std::byte*>(from);
    open_bytes.insert(open_bytes.end(), begin, begin + bytes);
  };
  const int64_t begin = boottime_ns();
  for (Reader& reader : readers) reader.latest();  // from now on
  for (int64_t flushed = begin; boottime_ns() - begin < seconds * int64_t{1'000'000'000};) {
    waiter.wait(std::chrono::milliseconds(10));
    for (int32_t i = 0; i < kTopics; ++i) {
      while (const Sample* sample = readers[static_cast<size_t>(i)].next()) {
        put(&i, sizeof i);
        put(&sample->stamp_ns, sizeof sample->stamp_ns);
        put(sample->bytes.data(), sample->bytes.size());
        outcome->samples += 1;
        outcome->missed += static_cast<double>(sample->missed);
      }
    }
    const bool second = boottime_ns() - flushed >= 1'000'000'000;
    if (open_bytes.size() < kBlockBytes && !second) continue;
    append(file, open_bytes);
    outcome->file_bytes += static_cast<double>(open_bytes.size());
    open_bytes.clear();
    if (second) {
      fdatasync(file.get());
      flushed = boottime_ns();
    }
  }
  outcome->seconds = static_cast<double>(boottime_ns() - begin) * 1e-9;
}

// MB/s of writing `bytes` bytes 1 MiB at a time, until they are on the disk.
double disk_rate(const std::string& path, double bytes) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const std::vector<std::byte> block(kBlockBytes, std::byte{0x5A});
  const int64_t begin = now_ns();
  double written = 0;
  for (; written < bytes; written += static_cast<double>(block.size())) append(file, block);
  fdatasync(file.get());
  return written * 1e3 / static_cast<double>(now_ns() - begin);
}

Report run(const Options& options, const Domain& domain) {
  const int rounds = options.choose(5, 3, 1), seconds = options.choose(5, 1, 1);
  Report report(fmt::format("logger: {} topics of 8 bytes at 1 kHz, recorded for {} s, {} rounds", kTopics,
                            seconds, rounds),
                {"by hand"});
  std::string folder = fs::temp_directory_path() / "smt-bench-logger-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) fail(Status::from_errno("cannot make " + folder, errno));
  const Process writer = Process::fork(0, [&] { publish(domain); });
  while (!Reader::open(domain, topic_name(kTopics - 1)).ok()) usleep(1000);

  auto* by_hand = new (shared_memory(sizeof(Outcome))) Outcome;
  std::map<std::string, std::vector<Outcome>> outcomes;
  std::vector<double> disk;
  for (int round = 0; round < rounds; ++round) {
    for (const std::string format : {"mcap", "h5"}) {
      const std::string file = folder + "/a." + format;
      outcomes[format].push_back(run_logger(domain, file, seconds));
      fs::remove(file);
    }
    *by_hand = {};
    Process logger = Process::fork(1, [&] { log_by_hand(domain, folder + "/a.raw", seconds, by_hand); });
    const double cpu_s = cpu_until_end(&logger);
    by_hand->cpu_s = cpu_s;
    outcomes["by hand"].push_back(*by_hand);
    disk.push_back(disk_rate(folder + "/a.raw", by_hand->file_bytes));
  }
  fs::remove_all(folder);

  const auto add = [&](const std::string& group, const std::string& unit, const auto& figure) {
    for (const auto& [name, rounds_of] : outcomes) {
      std::vector<double> values;
      for (const Outcome& o : rounds_of) values.push_back(figure(o));
      report.add(group, name, values, unit);
    }
  };
  add("processor time for a sample, ns", "", [](const Outcome& o) { return o.cpu_s * 1e9 / o.samples; });
  add("processor", "%", [](const Outcome& o) { return o.cpu_s * 100 / o.seconds; });
  add("samples a second", "/s", [](const Outcome& o) { return o.samples / o.seconds; });
  add("missed", "%", [](const Outcome& o) { return o.missed * 100 / (o.samples + o.missed); });
  add("values", "MB/s", [](const Outcome& o) { return o.samples * 8e-6 / o.seconds; });
  add("file", "MB/s", [](const Outcome& o) { return o.file_bytes * 1e-6 / o.seconds; });
  report.add("the disk takes", "1 MiB at a time", disk, "MB/s");
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
