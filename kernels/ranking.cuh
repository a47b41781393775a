// Squared distances measured from the original rows, and their order: by (squared distance, index), ties cannot move.
#pragma once
#include "rows.cuh"

constexpr long long FAR = 0x7fffffffffffffffll;  // behind every d^2, infinity and NaN included, and every index

// d^2 in float64, explicit fma, in the one order of summation of rows.cuh. Called by all 32 lanes.
template <class Value>
__device__ __forceinline__ double sq_dist_of(const Value* __restrict__ query,  // (d,)
                                             const Value* __restrict__ row,    // (d,)
                                             double scale, int d, int lane) {
    double lane_sum = 0.0;
#pragma unroll 4
    for (int column = lane; column < d; column += LANES) {
        const double gap = __dmul_rn(__dsub_rn(as_double(query[column]), as_double(row[column])), scale);
        lane_sum = __fma_rn(gap, gap, lane_sum);
    }
    return warp_sum(lane_sum);
}

// Bitonic network over (key, index), slots a power of two: equal distances stand in the order of their index. The keys
// are the bits of d^2, which order like the values because d^2 >= +0, and put NaN behind every number.
__device__ __forceinline__ void sort_by_distance(long long* key, long long* index, int slots) {
    for (int run = 2; run <= slots; run *= 2) {
        for (int apart = run / 2; apart > 0; apart /= 2) {
            __syncthreads();  // the step before, or the measuring, is complete
            for (int pair = threadIdx.x; pair < slots / 2; pair += blockDim.x) {
                const int low = 2 * apart * (pair / apart) + pair % apart, high = low + apart;
                const long long low_key = key[low], high_key = key[high], low_index = index[low],
                                high_index = index[high];
                const bool inverted = high_key < low_key || (high_key == low_key && high_index < low_index);
                if (inverted == ((low & run) == 0)) {
                    key[low] = high_key, key[high] = low_key;
                    index[low] = high_index, index[high] = low_index;
                }
            }
        }
    }
    __syncthreads();  // every slot is in place before it is read
}
