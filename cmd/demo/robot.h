// A simulated robot: a base drives a lemniscate of Gerono, an arm of three joints swings on it.
// Positions are closed formulas of time, velocities and accelerations their derivatives, so all topics agree.
#ifndef SMT_CMD_DEMO_ROBOT_H_
#define SMT_CMD_DEMO_ROBOT_H_

#include <cstdint>
#include <span>

#include "cmd/demo/topics.h"

namespace smt::demo {

class Robot {
 public:
  // Moves to `seconds` since the start and drains the battery accordingly. Time goes forward only.
  void move(double seconds);

  JointStates joints() const { return joints_; }
  Imu imu() const;
  Odometry odometry() const { return odometry_; }
  ToolPose tool_pose() const;
  Battery battery() const { return battery_; }
  RobotStatus status() const;

 private:
  double seconds_ = 0;
  double ax_ = 0, ay_ = 0;  // of the base, in the frame of the world
  Odometry odometry_{};
  JointStates joints_{};
  Battery battery_{.voltage = 25.2, .current = 0, .charge = 100, .check = 0};
};

// Draws picture `frame` (a test card with a bar that moves) into `image`, which may be a loan: every byte of
// it is written, none is read but for the check at the end.
void draw(uint64_t frame, Image* image);

}  // namespace smt::demo

#endif  // SMT_CMD_DEMO_ROBOT_H_
