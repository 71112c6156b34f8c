/* PReLU with one slope over `count` values of float32 or bfloat16, and its gradients. */
#include <stddef.h>
#include "bfloat16.h"

#define TYPED "prelu_typed.h"
#include "each_type.h"
