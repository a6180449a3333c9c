#include "cmd/demo/robot.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace smt::demo {

namespace {

constexpr double kGravity = 9.81;
constexpr double kRadius = 2;        // m, half the length of the figure
constexpr double kTurn = 0.4;        // rad/s along the figure
constexpr double kUpperArm = 0.4;    // m
constexpr double kForearm = 0.3;     // m
constexpr double kShoulderAt = 0.5;  // m above the ground
constexpr double kArmKg = 3;         // as a point at the elbow
constexpr double kBaseKg = 40;
constexpr double kAmpereHours = 10;

struct Swing {
  double middle, amplitude, frequency;  // rad, rad, rad/s
};
constexpr Swing kSwing[] = {{0, 1.2, 0.9}, {0.6, 0.5, 1.3}, {-0.9, 0.7, 2.1}};

}  // namespace

void Robot::move(double seconds) {
  const double step = seconds - seconds_;
  seconds_ = seconds;

  const double p = kTurn * seconds;
  const double vx = kRadius * kTurn * std::cos(p), vy = kRadius * kTurn * std::cos(2 * p);
  ax_ = -kRadius * kTurn * kTurn * std::sin(p);
  ay_ = -2 * kRadius * kTurn * kTurn * std::sin(2 * p);
  odometry_.x = kRadius * std::sin(p);
  odometry_.y = kRadius * std::sin(p) * std::cos(p);
  odometry_.yaw = std::atan2(vy, vx);
  odometry_.speed = std::hypot(vx, vy);
  odometry_.yaw_rate = (vx * ay_ - vy * ax_) / (vx * vx + vy * vy);

  double power = 30 + kBaseKg * std::abs(vx * ax_ + vy * ay_);  // W: computer and drive
  for (size_t i = 0; i < 3; ++i) {
    const auto [middle, amplitude, frequency] = kSwing[i];
    joints_.position[i] = middle + amplitude * std::sin(frequency * seconds);
    joints_.velocity[i] = amplitude * frequency * std::cos(frequency * seconds);
    const double acceleration = -amplitude * frequency * frequency * std::sin(frequency * seconds);
    const double weight = i == 0 ? 0 : kArmKg * kGravity * kUpperArm * std::cos(joints_.position[i]);
    joints_.effort[i] = kArmKg * kUpperArm * kUpperArm * acceleration + weight;
    power += std::abs(joints_.effort[i] * joints_.velocity[i]);
  }
  battery_.current = power / battery_.voltage;
  battery_.charge -= battery_.current * step / 3600 / kAmpereHours * 100;
  battery_.voltage = 21 + 4.2 * battery_.charge / 100 - 0.05 * battery_.current;
}

Imu Robot::imu() const {
  const double c = std::cos(odometry_.yaw), s = std::sin(odometry_.yaw);
  return {.acceleration = {c * ax_ + s * ay_, c * ay_ - s * ax_, kGravity},
          .rate = {0, 0, odometry_.yaw_rate},
          .check = 0};
}

ToolPose Robot::tool_pose() const {
  const auto& q = joints_.position;
  const double reach = kUpperArm * std::cos(q[1]) + kForearm * std::cos(q[1] + q[2]);
  const double yaw = odometry_.yaw + q[0];
  return {.x = odometry_.x + reach * std::cos(yaw),
          .y = odometry_.y + reach * std::sin(yaw),
          .z = kShoulderAt + kUpperArm * std::sin(q[1]) + kForearm * std::sin(q[1] + q[2]),
          .pitch = q[1] + q[2],
          .check = 0};
}

RobotStatus Robot::status() const {
  RobotStatus status{};
  snprintf(status.text.data(), status.text.size(), "drives its figure, battery %.1f %%", battery_.charge);
  status.up = seconds_;
  return status;
}

void draw(uint64_t frame, Image* image) {
  image->frame = frame;
  image->width = Image::kWidth;
  image->height = Image::kHeight;
  image->caption.fill('\0');
  snprintf(image->caption.data(), image->caption.size(), "frame %llu",
           static_cast<unsigned long long>(frame));
  uint8_t row[Image::kWidth];
  for (uint32_t y = 0; y < Image::kHeight; ++y) {
    for (uint32_t x = 0; x < Image::kWidth; ++x) {
      row[x] = static_cast<uint8_t>((x + 8 * frame) % Image::kWidth < 64 ? 255 : x ^ (y + frame));
    }
    memcpy(&image->gray[size_t{y} * Image::kWidth], row, sizeof row);
  }
  seal(image);
}

}  // namespace smt::demo
