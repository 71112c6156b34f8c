/* PReLU with one slope over `count` values of float32 or bfloat16, and its gradients. */
#include <stddef.h>
#include "bfloat16.h"

#define VALUE float
#define GET(v) (v)
#define PUT(v) (v)
#define NAME(f) f##_float32
#include "prelu_typed.h"
#undef VALUE
#undef GET
#undef PUT
#undef NAME

#define VALUE uint16_t
#define GET(v) from_bfloat16(v)
#define PUT(v) to_bfloat16(v)
#define NAME(f) f##_bfloat16
#include "prelu_typed.h"
