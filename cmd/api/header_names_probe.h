// Headers whose names no description may use: header_names.sh preprocesses this file, and nothing includes
// it.
#ifndef SMT_CMD_API_HEADER_NAMES_PROBE_H_
#define SMT_CMD_API_HEADER_NAMES_PROBE_H_

// The headers that generated code includes.
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "shm/topic.h"
#endif

// Headers of C11 and POSIX that programs include beside it. complex.h is left out: its macro I is what others
// call a current. So is tgmath.h: its macros have the names of functions.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#endif  // SMT_CMD_API_HEADER_NAMES_PROBE_H_
