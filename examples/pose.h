// The value of the examples.
#ifndef SMT_EXAMPLES_POSE_H_
#define SMT_EXAMPLES_POSE_H_

#include "shm/topic.h"

struct Pose {
  double x, y, yaw;
};
SMT_FIELDS(Pose, x, y, yaw)

#endif  // SMT_EXAMPLES_POSE_H_
