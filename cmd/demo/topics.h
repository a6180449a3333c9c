// The topics of the demo. Every sample ends with a check of the bytes before it, so that it proves itself.
#ifndef SMT_CMD_DEMO_TOPICS_H_
#define SMT_CMD_DEMO_TOPICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "shm/fields.h"

namespace smt::demo {

// 64 bits of `bytes`; a size that is no multiple of 8 loses its tail.
inline uint64_t check_of(std::span<const std::byte> bytes) {
  uint64_t check = 0xcbf29ce484222325;
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    memcpy(&word, bytes.data() + i, 8);
    check = (check ^ word) * 0x100000001b3;
    check ^= check >> 29;
  }
  return check;
}

// Sets the last member of a sample.
template <class T>
void seal(T* sample) {
  static_assert(offsetof(T, check) == sizeof(T) - 8);
  sample->check = check_of(std::as_bytes(std::span(sample, 1)).first(sizeof(T) - 8));
}

inline bool proves(std::span<const std::byte> sample) {
  if (sample.size() < 8) return false;
  uint64_t check;
  memcpy(&check, sample.data() + sample.size() - 8, 8);
  return check == check_of(sample.first(sample.size() - 8));
}

// --- smtdemo_host: this machine, from /proc ---

struct Load {
  double minutes1, minutes5, minutes15;
  int64_t running, threads;
  uint64_t check;
};
SMT_FIELDS(Load, minutes1, minutes5, minutes15, running, threads, check)

struct Cpu {
  int64_t count;
  std::array<double, 128> busy;  // of the first 128 processors, since the sample before
  uint64_t check;
};
SMT_FIELDS(Cpu, count, busy, check)
SMT_UNITS(Cpu, {"busy", "%"})

struct Memory {
  int64_t total, available, free, cached, swap_free;
  uint64_t check;
};
SMT_FIELDS(Memory, total, available, free, cached, swap_free, check)
SMT_UNITS(Memory, {"total", "B"}, {"available", "B"}, {"free", "B"}, {"cached", "B"}, {"swap_free", "B"})

struct Network {  // all interfaces but the loopback
  int64_t received, sent;
  double receive_rate, send_rate;
  uint64_t check;
};
SMT_FIELDS(Network, received, sent, receive_rate, send_rate, check)
SMT_UNITS(Network, {"received", "B"}, {"sent", "B"}, {"receive_rate", "B/s"}, {"send_rate", "B/s"})

struct Uptime {
  double up, idle;
  uint64_t check;
};
SMT_FIELDS(Uptime, up, idle, check)
SMT_UNITS(Uptime, {"up", "s"}, {"idle", "s"})

// --- smtdemo_robot: a base that drives a figure eight and carries an arm ---

struct JointStates {
  std::array<double, 3> position, velocity, effort;  // base, shoulder, elbow
  uint64_t check;
};
SMT_FIELDS(JointStates, position, velocity, effort, check)
SMT_UNITS(JointStates, {"position", "rad"}, {"velocity", "rad/s"}, {"effort", "N*m"})

struct Imu {
  std::array<double, 3> acceleration, rate;  // in the frame of the base
  uint64_t check;
};
SMT_FIELDS(Imu, acceleration, rate, check)
SMT_UNITS(Imu, {"acceleration", "m/s^2"}, {"rate", "rad/s"})

struct Odometry {
  double x, y, yaw, speed, yaw_rate;
  uint64_t check;
};
SMT_FIELDS(Odometry, x, y, yaw, speed, yaw_rate, check)
SMT_UNITS(Odometry, {"x", "m"}, {"y", "m"}, {"yaw", "rad"}, {"speed", "m/s"}, {"yaw_rate", "rad/s"})

struct ToolPose {  // tip of the arm, in the frame of the world
  double x, y, z, pitch;
  uint64_t check;
};
SMT_FIELDS(ToolPose, x, y, z, pitch, check)
SMT_UNITS(ToolPose, {"x", "m"}, {"y", "m"}, {"z", "m"}, {"pitch", "rad"})

struct Battery {
  double voltage, current, charge;
  uint64_t check;
};
SMT_FIELDS(Battery, voltage, current, charge, check)
SMT_UNITS(Battery, {"voltage", "V"}, {"current", "A"}, {"charge", "%"})

struct RobotStatus {
  std::array<char, 48> text;
  double up;
  uint64_t check;
};
SMT_FIELDS(RobotStatus, text, up, check)
SMT_UNITS(RobotStatus, {"up", "s"})

struct Image {  // 1 MiB in all
  static constexpr uint32_t kWidth = 1024, kHeight = 1023;
  uint64_t frame;
  uint32_t width, height;
  std::array<char, 1000> caption;
  std::array<uint8_t, kWidth * kHeight> gray;
  uint64_t check;
};
SMT_FIELDS(Image, frame, width, height, caption, gray, check)
static_assert(sizeof(Image) == 1 << 20);

// --- smtdemo_match: samples of the mirror beside those of the source ---

struct Match {
  uint64_t equal, different;
  uint64_t unknown;  // no longer in the source's memory when they were compared
  uint64_t check;
};
SMT_FIELDS(Match, equal, different, unknown, check)

// --- Who publishes what, and how often ---

struct Plan {
  std::string_view topic;
  double hz;
  uint32_t history;
  int64_t max_age_ns;
};

inline constexpr int64_t kMs = 1'000'000;
inline constexpr Plan kHostTopics[] = {
    {"host/cpu", 10, 16, 1000 * kMs},  {"host/network", 10, 16, 1000 * kMs}, {"host/load", 1, 4, 3000 * kMs},
    {"host/memory", 1, 4, 3000 * kMs}, {"host/uptime", 1, 4, 3000 * kMs},
};
inline constexpr Plan kRobotTopics[] = {
    {"robot/joints", 500, 512, 250 * kMs},   {"robot/imu", 500, 512, 250 * kMs},
    {"robot/odometry", 100, 128, 250 * kMs}, {"robot/tool_pose", 100, 128, 250 * kMs},
    {"robot/battery", 1, 4, 3000 * kMs},     {"robot/status", 1, 4, 3000 * kMs},
    {"robot/camera", 10, 8, 1000 * kMs},
};

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_TOPICS_H_
