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

using std::fmax, std::fmin, std::fabs, std::min, std::max;

inline void __syncthreads() {
    harness::wait(harness::Wait::block);
}
// Warp operations: every lane offers the address of what it brings, and the operation runs once for all of them.
inline void __syncwarp(unsigned = 0xffffffffu) {
    harness::together([](void* const*) {}, nullptr);
}

namespace harness {
template <class Value>
struct Exchange {
    Value value;
    unsigned from;
};

template <class Value>
Value exchange(Value value, unsigned from) {
    Exchange<Value> mine{value, from % WARP};
    together(
        [](void* const* lanes) {
            Value before[WARP];
            for (int lane = 0; lane < WARP; ++lane) before[lane] = static_cast<Exchange<Value>*>(lanes[lane])->value;
            for (int lane = 0; lane < WARP; ++lane) {
                auto* one = static_cast<Exchange<Value>*>(lanes[lane]);
                one->value = before[one->from];
            }
        },
        &mine);
    return mine.value;
}
}  // namespace harness

template <class Value>
Value __shfl_xor_sync(unsigned, Value value, int apart) {
    return harness::exchange(value, (threadIdx.x % harness::WARP) ^ static_cast<unsigned>(apart));
}
template <class Value>
Value __shfl_sync(unsigned, Value value, int from) {
    return harness::exchange(value, static_cast<unsigned>(from));
}

inline unsigned __ballot_sync(unsigned, bool vote) {
    unsigned mine = vote;
    harness::together(
        [](void* const* lanes) {
            unsigned votes = 0;
            for (int lane = 0; lane < harness::WARP; ++lane) votes |= *static_cast<unsigned*>(lanes[lane]) << lane;
            for (int lane = 0; lane < harness::WARP; ++lane) *static_cast<unsigned*>(lanes[lane]) = votes;
        },
        &mine);
    return mine;
}
inline bool __any_sync(unsigned mask, bool vote) {
    return __ballot_sync(mask, vote) != 0;
}
inline unsigned __match_any_sync(unsigned, unsigned key) {
    unsigned mine = key;
    harness::together(
        [](void* const* lanes) {
            unsigned keys[harness::WARP];
            for (int lane = 0; lane < harness::WARP; ++lane) keys[lane] = *static_cast<unsigned*>(lanes[lane]);
            for (int lane = 0; lane < harness::WARP; ++lane) {
                unsigned same = 0;
                for (int other = 0; other < harness::WARP; ++other) same |= (keys[other] == keys[lane]) << other;
                *static_cast<unsigned*>(lanes[lane]) = same;
            }
        },
        &mine);
    return mine;
}

inline int __popc(unsigned bits) {
    return __builtin_popcount(bits);
}
inline int __ffs(unsigned bits) {
    return __builtin_ffs(static_cast<int>(bits));
}

// Fibers are switched only where they wait, so a plain read and write is one step.
template <class Value>
Value atomicAdd(Value* at, Value more) {
    const Value before = *at;
    *at = before + more;
    return before;
}
template <class Value>
Value atomicMax(Value* at, Value value) {
    const Value before = *at;
    *at = std::max(before, value);
    return before;
}
template <class Value>
Value atomicMin(Value* at, Value value) {
    const Value before = *at;
    *at = std::min(before, value);
    return before;
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

inline float __fmaf_rn(float a, float b, float c) {
    return std::fmaf(a, b, c);
}
inline float __fadd_rn(float a, float b) {
    return a + b;
}
inline float __fadd_ru(float a, float b) {  // the sum is exact in float64, or its tail is below every float32 step
    const double exact = static_cast<double>(a) + b;
    const float nearest = static_cast<float>(exact);
    const double lost = (exact - a) - b;  // negative where float64 lost something positive
    return nearest < exact || (nearest == exact && lost < 0) ? std::nextafterf(nearest, INFINITY) : nearest;
}
inline float __fmul_rn(float a, float b) {
    return a * b;
}
inline float __double2float_ru(double value) {
    const float nearest = static_cast<float>(value);
    return nearest < value ? std::nextafterf(nearest, INFINITY) : nearest;
}

inline long long __float2ll_rn(float value) {
    return std::llrintf(value);
}

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
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
