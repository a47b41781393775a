// Rows made ready for 16-bit products, in one pass after the mean: centred, scaled, rounded, and what that cost.
//
// Formula    h_i = fp16(clamp((x_i - shift_i) scale, +-65504)) of row x = points[order[row]],  sq_norm = sum_i h_i^2,
//            delta >= || (x - shift) scale - h ||, every rounding upward, so that with d~ = ||h_a - h_b||
//            |d - d~| <= delta_a + delta_b (triangle inequality). The rounding of the centring itself is measured by
//            an error-free difference (Knuth 1997, section 4.2.2, theorem B) and enters delta; one fma upward in each
//            direction bounds the rest, whatever the product rounded away.
// Tiling     one warp per row, four rows per block, no shared memory, no barrier.
//
//              lane        0   1   2  ...  31   0   1 ...
//              points    | x0  x1  x2 ... x31  x32 ...  x_{d-1} |
//              rows      | h0  h1  h2 ... h31  h32 ...  h_{d-1} | 0 ... 0 |   to the stride, for whole tiles
//
// Shapes     points (b, d) stored as float16, float32 or float64; order (n,) int64 into them; shift (d,) float64; rows
//            (n, stride) float16, stride >= d, the columns from d on are zero; sq_norms (n,), deltas (n,) float64.
//            Grid ceil(n / 4), block 128, no shared memory.
// Roles      storage in the caller's type; centring, norms and bounds in float64; rows float16. sq_norms are those of
//            the rounded rows: their error is that of the float64 sum alone, at most (ceil(d / 32) + 5) 2^-53 of each.
// Cost       reads n d storage-bytes once and writes 2 n stride + 16 n: bound by memory. One million rows of 768 in
//            float32 move 4.6 GB (1.1 ms at 4.3 TB/s, computed, not measured).
// Contracts  points and shift finite, x - shift in range; scale a positive power of two, best with the largest
//            coordinate near 2^12. A coordinate beyond 65504 is held there: delta says by how much, no infinity is
//            made.
// Reference  geometry.pairs.kernel_reference.prepare_rows, equal bit for bit.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "rows.cuh"

constexpr int THREADS = 128;
constexpr double LARGEST_HALF = 65504.0;

// What x - shift = centred + lost rounded away, exactly.
__device__ __forceinline__ double lost_in(double x, double shift, double centred) {
    const double taken = __dsub_rn(centred, x);
    return __dsub_rn(__dsub_rn(x, __dsub_rn(centred, taken)), __dadd_rn(shift, taken));
}

template <class Value>
__device__ __forceinline__ void prepare(const Value* __restrict__ points, const long long* __restrict__ order,
                                        const double* __restrict__ shift, double scale, long long n, int d, int stride,
                                        __half* __restrict__ rows, double* __restrict__ sq_norms,
                                        double* __restrict__ deltas) {
    const int lane = threadIdx.x % LANES;
    const long long row = static_cast<long long>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
    if (row >= n) return;  // whole warps leave, so the sums below have all their lanes
    const long long from = order[row] * d;
    double norm_sum = 0.0, gap_sum = 0.0;
    for (int column = lane; column < d; column += LANES) {
        const double x = as_double(points[from + column]);
        const double centred = __dsub_rn(x, shift[column]), lost = lost_in(x, shift[column], centred);
        const double scaled = __dmul_rn(centred, scale);
        const __half rounded = __double2half(fmin(fmax(scaled, -LARGEST_HALF), LARGEST_HALF));
        const double kept = as_double(rounded);
        double gap = fmax(__fma_ru(centred, scale, -kept), __fma_ru(-centred, scale, kept));
        gap = __fma_ru(fabs(lost), scale, gap);
        gap_sum = __fma_ru(gap, gap, gap_sum);
        norm_sum = __fma_rn(kept, kept, norm_sum);
        rows[row * stride + column] = rounded;
    }
    for (int column = d + lane; column < stride; column += LANES) rows[row * stride + column] = __double2half(0.0);
    const double sq_norm = warp_sum(norm_sum), sq_gap = warp_sum_up(gap_sum);
    if (lane == 0) {
        sq_norms[row] = sq_norm;
        deltas[row] = __dsqrt_ru(sq_gap);
    }
}

#define PREPARE_ROWS(name, Value)                                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                        \
        name(const Value* points, const long long* order, const double* shift, double scale, long long n, int d, \
             int stride, __half* rows, double* sq_norms, double* deltas) {                                       \
        prepare(points, order, shift, scale, n, d, stride, rows, sq_norms, deltas);                              \
    }

PREPARE_ROWS(prepare_rows_f16, __half)
PREPARE_ROWS(prepare_rows_f32, float)
PREPARE_ROWS(prepare_rows_f64, double)
