// Rows of any stored type read as float64, and sums over a warp in one fixed order.
//
// Order of summation, the same on every device and in the NumPy reference (geometry/pairs/kernel_reference.py):
// lane l adds the terms of columns l, l + 32, l + 64, ... in turn, starting from +0; the 32 lane sums then fold in
// halves, s[l] += s[l + 16], s[l] += s[l + 8], ... s[l] += s[l + 1]. Addition commutes, so every lane ends with the
// same bits. The intrinsics round each step on its own: no flag can contract or reorder them.
#pragma once
#include <cuda_fp16.h>

constexpr int LANES = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

// float64 holds every float16 and float32, subnormals included: nothing is rounded here.
__device__ __forceinline__ double as_double(__half value) {
    return static_cast<double>(__half2float(value));
}
__device__ __forceinline__ double as_double(float value) {
    return static_cast<double>(value);
}
__device__ __forceinline__ double as_double(double value) {
    return value;
}

// Sum over the lanes, each addition to nearest. Called by all 32 lanes.
__device__ __forceinline__ double warp_sum(double lane_sum) {
    for (int apart = LANES / 2; apart > 0; apart /= 2) {
        lane_sum = __dadd_rn(lane_sum, __shfl_xor_sync(ALL_LANES, lane_sum, apart));
    }
    return lane_sum;
}

// Sum over the lanes, each addition upward: never below the true sum. Called by all 32 lanes.
__device__ __forceinline__ double warp_sum_up(double lane_sum) {
    for (int apart = LANES / 2; apart > 0; apart /= 2) {
        lane_sum = __dadd_ru(lane_sum, __shfl_xor_sync(ALL_LANES, lane_sum, apart));
    }
    return lane_sum;
}
