// Sums of columns over blocks of 256 consecutive rows: applied to its own result until one row is left, a column's sum.
//
// Formula    sums[b, j] = sum_{i = 256 b}^{min(256 (b + 1), n) - 1} x_ij, one addition after the other from +0,
// float64.
//            The mean is the last row over n. The order of every addition follows from n alone: no grid, block or
//            device changes a digit of it. |error| <= 256 L 2^-53 sum_i |x_ij|, L = ceil(log_256 n) launches (Higham
//            2002, equation 4.4, on sums of sums).
// Tiling     one thread per column of a block of rows; neighbouring threads read neighbouring columns.
//
//              blockIdx        0 .. g-1     g .. 2g-1          g = ceil(d / 128) groups of columns
//              points        | rows 0..255 | rows 256..511 | ...
//              sums          | row 0       | row 1         | ...          then the same on (ceil(n / 256), d) float64
//
// Shapes     points (n, d) stored as float16, float32 or float64; sums (ceil(n / 256), d) float64.
//            Grid ceil(n / 256) ceil(d / 128), block 128, no shared memory.
// Roles      storage in the caller's type; sums in float64.
// Cost       reads n d storage-bytes once, writes d n / 32 bytes: bound by memory. One million rows of 768 in float32
//            read 3.1 GB (.71 ms at 4.3 TB/s, computed, not measured).
// Contracts  points finite, their sums in the range of float64.
// Reference  geometry.pairs.kernel_reference.column_sums, equal bit for bit.
// State      has run on the CPU harness alone.
#include "rows.cuh"

constexpr int THREADS = 128;
constexpr int BLOCK_ROWS = 256;

template <class Value>
__device__ __forceinline__ void sum_columns(const Value* __restrict__ points, long long n, int d,
                                            double* __restrict__ sums) {
    const int groups = (d + THREADS - 1) / THREADS;
    const long long block = blockIdx.x / groups, first = block * BLOCK_ROWS;
    const long long last = first + BLOCK_ROWS < n ? first + BLOCK_ROWS : n;
    const int column = static_cast<int>(blockIdx.x % groups) * THREADS + static_cast<int>(threadIdx.x);
    if (column >= d) return;
    double sum = 0.0;
#pragma unroll 8
    for (long long row = first; row < last; ++row) sum = __dadd_rn(sum, as_double(points[row * d + column]));
    sums[block * d + column] = sum;
}

#define COLUMN_SUMS(name, Value)                                      \
    extern "C" __global__ void __launch_bounds__(THREADS)             \
        name(const Value* points, long long n, int d, double* sums) { \
        sum_columns(points, n, d, sums);                              \
    }

COLUMN_SUMS(column_sums_f16, __half)
COLUMN_SUMS(column_sums_f32, float)
COLUMN_SUMS(column_sums_f64, double)
