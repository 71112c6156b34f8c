/* Includes TYPED once for float32 and once for bfloat16 values in memory: VALUE is their type, GET reads one, PUT writes one, NAME adds the
 * suffix to a routine's name. */
#define VALUE float
#define GET(v) (v)
#define PUT(v) (v)
#define NAME(f) f##_float32
#include TYPED
#undef VALUE
#undef GET
#undef PUT
#undef NAME

#define VALUE uint16_t
#define GET(v) from_bfloat16(v)
#define PUT(v) to_bfloat16(v)
#define NAME(f) f##_bfloat16
#include TYPED
