// smtdemo_robot: publishes what a simulated robot feels, does and sees, until SIGINT.
#include <CLI/CLI.hpp>

#include "cmd/cli/tool.h"
#include "cmd/demo/publish.h"
#include "cmd/demo/robot.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

// Drawn where it will be read: one copy less than publish().
void publish_image(smt::Topic<Image>& camera, uint64_t frame) {
  smt::Loan loan = must(camera.publisher().loan(sizeof(Image)));
  draw(frame, reinterpret_cast<Image*>(loan.bytes().data()));
  loan.commit();
}

int publish_all(const smt::DomainOptions& options) {
  Pace pace(2 * kMs);  // first, so that a signal ends this cleanly from here on
  const smt::Domain domain = must(smt::Domain::open(options));
  const auto node = must(smt::Node::open(domain, {.name = "robot"}));
  auto joints = advertise<JointStates>(*node, kRobotTopics, "robot/joints");
  auto imu = advertise<Imu>(*node, kRobotTopics, "robot/imu");
  auto odometry = advertise<Odometry>(*node, kRobotTopics, "robot/odometry");
  auto tool_pose = advertise<ToolPose>(*node, kRobotTopics, "robot/tool_pose");
  auto camera = advertise<Image>(*node, kRobotTopics, "robot/camera");
  auto battery = advertise<Battery>(*node, kRobotTopics, "robot/battery");
  auto status = advertise<RobotStatus>(*node, kRobotTopics, "robot/status");

  Robot robot;
  for (int64_t tick = 0; pace.tick(); ++tick) {
    robot.move(tick * 0.002);
    publish(joints, robot.joints());
    publish(imu, robot.imu());
    if (tick % 5 == 0) {
      publish(odometry, robot.odometry());
      publish(tool_pose, robot.tool_pose());
    }
    if (tick % 50 == 0) publish_image(camera, camera.publisher().position() + 1);
    if (tick % 500 == 0) {
      publish(battery, robot.battery());
      publish(status, robot.status());
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Publishes a simulated robot under robot/, until SIGINT.", "smtdemo_robot");
  smt::cmd::ToolOptions options;
  smt::cmd::add_common_flags(app, &options);
  return smt::cmd::run_tool(app, argc, argv, options, [&] { return publish_all(options.domain); });
}
