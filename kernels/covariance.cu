// Sums of products of centred columns, in float64: n times the covariance.
//
// Formula    out_ij = sum_r (x_ri - mean_i) (x_rj - mean_j), each step of 32 rows summed on its own by fma, the steps'
//            sums added in turn. The order follows from n alone, so the digits are the same on every device.
// Tiling     one block of 256 threads per tile of 32 x 32 columns on or above the diagonal, 2 x 2 sums per thread;
//            32 rows of both column groups at a time in shared memory.
//
//              columns     0..31   32..63   64..95
//               0..31    |  b0   |  b1    |  b3    |       block b -> tile (row, column), row <= column;
//              32..63    |       |  b2    |  b4    |       the mirror image is written with it
//              64..95    |       |        |  b5    |
//
// Shapes     points (n, d) stored as float16, float32 or float64; mean (d,) float64; out (d, d) float64. Grid
//            T (T + 1) / 2 with T = ceil(d / 32), block 256, shared memory 16,896 bytes.
// Roles      storage in the caller's type, everything else float64.
// Cost       n d^2 / 2 fma in float64: 1M x 768 in about 20 ms at 33 TFLOP/s of float64 (computed, not measured).
// Contracts  x - mean in range.
// Reference  geometry.pairs.kernel_reference.covariance_sums, equal bit for bit.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "rows.cuh"

constexpr int SIDE = 32, THREADS = 256, WIDE = SIDE + 1, EACH = 2;

template <class Value>
__device__ __forceinline__ void fetch(double* into, const Value* points, const double* mean, long long first,
                                      long long n, int d, int column) {
    for (int item = threadIdx.x; item < SIDE * SIDE; item += THREADS) {
        const int row = item / SIDE, at = column + item % SIDE;
        const bool there = first + row < n && at < d;
        into[row * WIDE + item % SIDE] = there ? __dsub_rn(as_double(points[(first + row) * d + at]), mean[at]) : 0.0;
    }
}

template <class Value>
__device__ __forceinline__ void covariance(const Value* __restrict__ points, const double* __restrict__ mean,
                                           long long n, int d, double* __restrict__ out) {
    extern __shared__ long long shared_memory[];
    double* const left = reinterpret_cast<double*>(shared_memory);
    double* const right = left + SIDE * WIDE;
    int column_tile = 0, before = 0;
    while (before + column_tile + 1 <= static_cast<int>(blockIdx.x)) before += ++column_tile;
    const int row_start = (static_cast<int>(blockIdx.x) - before) * SIDE, column_start = column_tile * SIDE;
    const int high = threadIdx.x / (SIDE / EACH) * EACH, wide = threadIdx.x % (SIDE / EACH) * EACH;
    double sum[EACH][EACH] = {};
    for (long long first = 0; first < n; first += SIDE) {
        fetch(left, points, mean, first, n, d, row_start);
        fetch(right, points, mean, first, n, d, column_start);
        __syncthreads();  // both groups of columns are there
        double part[EACH][EACH] = {};
        for (int row = 0; row < SIDE; ++row) {
            for (int item = 0; item < EACH * EACH; ++item) {
                const int i = item / EACH, j = item % EACH;
                part[i][j] = __fma_rn(left[row * WIDE + high + i], right[row * WIDE + wide + j], part[i][j]);
            }
        }
        for (int item = 0; item < EACH * EACH; ++item) {
            double& total = sum[item / EACH][item % EACH];
            total = __dadd_rn(total, part[item / EACH][item % EACH]);
        }
        __syncthreads();  // read by all before the next rows come
    }
    for (int item = 0; item < EACH * EACH; ++item) {
        const int i = row_start + high + item / EACH, j = column_start + wide + item % EACH;
        if (i >= d || j >= d) continue;
        out[static_cast<long long>(i) * d + j] = sum[item / EACH][item % EACH];
        out[static_cast<long long>(j) * d + i] = sum[item / EACH][item % EACH];
    }
}

#define COVARIANCE(name, Value)                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS)                                \
        name(const Value* points, const double* mean, long long n, int d, double* out) { \
        covariance(points, mean, n, d, out);                                             \
    }

COVARIANCE(covariance_f16, __half)
COVARIANCE(covariance_f32, float)
COVARIANCE(covariance_f64, double)
