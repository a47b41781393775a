// The words of CUDA C++ that the kernels use, in terms of fibers and of the CPU's own IEEE arithmetic.
//
// Directed rounding switches the CPU's rounding mode around one operation, so build with -frounding-math and
// -ffp-contract=off. A word that is missing here is a compile error, never a guess.
#pragma once
#include <cfenv>
#include <cmath>
#include <cstring>

#include "fibers.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __shared__  // one block runs at a time: the array lies at file scope

#define threadIdx harness::thread_index
#define blockIdx harness::block_index
#define blockDim harness::block_size
#define gridDim harness::grid_size

using std::fmax, std::fmin, std::fabs;

inline void __syncthreads() {
    harness::wait(harness::Wait::block);
}
inline void __syncwarp(unsigned = 0xffffffffu) {
    harness::wait(harness::Wait::warp_sync);
}

template <class Value>
Value __shfl_xor_sync(unsigned, Value value, int apart) {
    static_assert(sizeof(Value) <= sizeof(unsigned long long));
    std::memcpy(&harness::lane_value[threadIdx.x], &value, sizeof value);
    harness::wait(harness::Wait::shuffle);  // all lanes have offered
    std::memcpy(&value, &harness::lane_value[threadIdx.x ^ static_cast<unsigned>(apart)], sizeof value);
    harness::wait(harness::Wait::shuffle);  // all lanes have read
    return value;
}

namespace harness {
template <class Operation>
__attribute__((noinline)) double rounded(int mode, Operation operation) {
    std::fesetround(mode);
    const volatile double result = operation();
    std::fesetround(FE_TONEAREST);
    return result;
}
}  // namespace harness

#define HARNESS_ROUNDED(suffix, mode)                                                       \
    inline double __dadd_##suffix(volatile double a, volatile double b) {                   \
        return harness::rounded(mode, [&] { return a + b; });                               \
    }                                                                                       \
    inline double __dsub_##suffix(volatile double a, volatile double b) {                   \
        return harness::rounded(mode, [&] { return a - b; });                               \
    }                                                                                       \
    inline double __dmul_##suffix(volatile double a, volatile double b) {                   \
        return harness::rounded(mode, [&] { return a * b; });                               \
    }                                                                                       \
    inline double __dsqrt_##suffix(volatile double a) {                                     \
        return harness::rounded(mode, [&] { return std::sqrt(a); });                        \
    }                                                                                       \
    inline double __fma_##suffix(volatile double a, volatile double b, volatile double c) { \
        return harness::rounded(mode, [&] { return std::fma(a, b, c); });                   \
    }

HARNESS_ROUNDED(ru, FE_UPWARD)
HARNESS_ROUNDED(rd, FE_DOWNWARD)
#undef HARNESS_ROUNDED

inline double __dadd_rn(double a, double b) {
    return a + b;
}
inline double __dsub_rn(double a, double b) {
    return a - b;
}
inline double __dmul_rn(double a, double b) {
    return a * b;
}
inline double __dsqrt_rn(double a) {
    return std::sqrt(a);
}
inline double __fma_rn(double a, double b, double c) {
    return std::fma(a, b, c);
}

inline long long __double_as_longlong(double value) {
    long long bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline double __longlong_as_double(long long bits) {
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
