// smtdemo_robot: publishes what a simulated robot feels, does and sees, until SIGINT.
#include <CLI/CLI.hpp>

#include "cmd/cli/tool.h"
#include "cmd/demo/publish.h"
#include "cmd/demo/robot.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

// Drawn where it will be read: one copy less than publish().
void PublishImage(smt::Topic<Image>& camera, uint64_t frame) {
  smt::Loan loan = Must(camera.publisher().loan(sizeof(Image)));
  Draw(frame, reinterpret_cast<Image*>(loan.bytes().data()));
  loan.commit();
}

int PublishAll(const smt::DomainOptions& options) {
  Pace pace(2 * kMs);  // first, so that a signal ends this cleanly from here on
  const smt::Domain domain = Must(smt::Domain::open(options));
  const auto node = Must(smt::Node::open(domain, {.name = "robot"}));
  auto joints = Advertise<JointStates>(*node, kRobotTopics, "robot/joints");
  auto imu = Advertise<Imu>(*node, kRobotTopics, "robot/imu");
  auto odometry = Advertise<Odometry>(*node, kRobotTopics, "robot/odometry");
  auto tool_pose = Advertise<ToolPose>(*node, kRobotTopics, "robot/tool_pose");
  auto camera = Advertise<Image>(*node, kRobotTopics, "robot/camera");
  auto battery = Advertise<Battery>(*node, kRobotTopics, "robot/battery");
  auto status = Advertise<RobotStatus>(*node, kRobotTopics, "robot/status");

  Robot robot;
  for (int64_t tick = 0; pace.tick(); ++tick) {
    robot.move(tick * 0.002);
    Publish(joints, robot.joints());
    Publish(imu, robot.imu());
    if (tick % 5 == 0) {
      Publish(odometry, robot.odometry());
      Publish(tool_pose, robot.tool_pose());
    }
    if (tick % 50 == 0) PublishImage(camera, camera.publisher().position() + 1);
    if (tick % 500 == 0) {
      Publish(battery, robot.battery());
      Publish(status, robot.status());
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Publishes a simulated robot under robot/, until SIGINT.", "smtdemo_robot");
  smt::cmd::ToolOptions options;
  smt::cmd::AddCommonFlags(app, &options);
  return smt::cmd::RunTool(app, argc, argv, options, [&] { return PublishAll(options.domain); });
}
