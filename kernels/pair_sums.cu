// Sums over pairs that need no order: cosine moments, exponential sums and two histograms, from one product per tile.
//
// Formula    rows y_i, either x_i - mean or raw unit rows less their mean, x_i / |x_i| - c: the differences of raw unit
//            rows far from the origin are in y_i - y_j and lost in a cosine near 1. u_i = 2^8 y_i / |y_i|, split into
//            two float16 numbers, u = high + low; a row of the left side is stored as (high, low, high), of the right
//            side as (high, high, low): their product is 2^16 cos less low.low, below 2^-22. Per row of the left side,
//            over the columns j that have a direction, the row itself left out:  sum cos^2, sum cos^4, sum (exp(-t g) -
//            1) with g = 2 - 2 cos about the mean and g = |y_i - y_j|^2 of raw unit rows; every term rounded to 2^-bits
//            and added as a whole number, so no order, tile or grid changes a digit. Counted about the mean: cosines in
//            200 bins of [-1, 1], log2 of |y_i - y_j|^2 = s_i + s_j - 2 sqrt(s_i s_j) cos in 1024 bins of [-48, 16].
// Tiling     unit_rows: one warp per row. pair_sums: one block of 256 threads per 128 x 128 pairs, the engine of
//            tile_product.cuh; its products go through shared memory, eight columns of a row at a time per lane.
// Shapes     points (b, d) stored as float16, float32 or float64; row (n,) int64 into them; centre (d,) float64, the
//            mean of rows or of raw unit rows; units (n, width = 3 stride) float16, stride a multiple of 64, zero past
//            d; sq_norms (n,) float32, s; directions (n,) float32, 1 or 0 (a row that float32 rounds to zero has none).
//            sums (3, m) int64: cos^2, cos^4, exp - 1; cosine_counts (200,), log2_counts (1024,) uint64. Grid query
//            tiles x base tiles, block 256, shared memory 72,480 bytes (above 48 KiB: the opt-in). unit_rows: grid
//            ceil(n / 4), block 128.
// Roles      centring, norms and the split in float64; products float16 in float32; terms float32; sums whole numbers.
// Cost       6 stride operations per pair on the matrix unit; two special functions per pair.
// Reference  geometry.pairs.sums; means over pairs within 1e-6 of float64, relative, where directions about the mean
// are
//            not all but one: beside a row 10^6 spreads away their exponential sum, and no other, is within 5e-6.
// State      not run on a GPU; run on the CPU harness in the tests. The epilogue is not tuned: one block a
//            multiprocessor, since at two it spills.
#include "tile_product.cuh"
#include "tiles.cuh"

constexpr int COSINE_BINS = 200, LOG2_BINS = 1024, LOG2_LOW = -48, PER_OCTAVE = 16;
constexpr float UNFIX = 0x1p-16f;
constexpr float FAR = -0.7f;  // below it exp has more digits than exp - 1

using Count = unsigned long long;

// A row (x - before) scale - after; a shift that is null is none.
template <class Value>
struct ShiftedRow {
    const Value* from;
    const double* before;
    const double* after;
    double scale;

    __device__ __forceinline__ double at(int column) const {
        const double value = as_double(from[column]);
        const double scaled = __dmul_rn(before ? __dsub_rn(value, before[column]) : value, scale);
        return after ? __dsub_rn(scaled, after[column]) : scaled;
    }
};

struct Length {
    double sq_norm;
    bool some;  // a column that float32 does not round to zero
};

// The length of a row, the same for all lanes. Called by all 32 lanes.
template <class Value>
__device__ __forceinline__ Length length_of(const ShiftedRow<Value>& row, int d) {
    double lane_sum = 0.0;
    bool some = false;
    for (int column = threadIdx.x % LANES; column < d; column += LANES) {
        const double value = row.at(column);
        lane_sum = __fma_rn(value, value, lane_sum);
        some |= static_cast<float>(value) != 0.0f;
    }
    const double sq_norm = warp_sum(lane_sum);
    return {sq_norm, __any_sync(ALL_LANES, some) != 0};
}

template <class Value>
__device__ __forceinline__ void unit_row(const Value* __restrict__ points, const long long* __restrict__ rows,
                                         const double* __restrict__ centre, double scale, int raw, long long n, int d,
                                         int stride, int right, __half* __restrict__ units,
                                         float* __restrict__ sq_norms, float* __restrict__ directions) {
    const int lane = threadIdx.x % LANES;
    const long long item = static_cast<long long>(blockIdx.x) * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (item >= n) return;  // whole warps leave
    ShiftedRow<Value> row{points + rows[item] * d, raw ? nullptr : centre, nullptr, scale};
    Length length = length_of(row, d);
    const bool direction = length.some;
    if (raw) {  // the same row over its length, less the mean of such rows
        row.after = centre;
        row.scale = direction ? scale / __dsqrt_rn(length.sq_norm) : 0.0;
        length = length_of(row, d);
    }
    const double factor = direction && length.sq_norm > 0.0 ? 256.0 / __dsqrt_rn(length.sq_norm) : 0.0;
    __half* const to = units + item * 3 * stride;
    for (int column = lane; column < stride; column += LANES) {
        const double unit = column < d ? __dmul_rn(row.at(column), factor) : 0.0;
        const __half high = __double2half(unit), low = __double2half(__dsub_rn(unit, as_double(high)));
        to[column] = high;
        to[stride + column] = right ? high : low;
        to[2 * stride + column] = right ? low : high;
    }
    if (lane == 0) sq_norms[item] = static_cast<float>(length.sq_norm), directions[item] = direction;
}

// What to add up: raw unit rows have the exponential sum alone.
struct Terms {
    float t, fixed;  // fixed: 2^bits
    bool raw;
};

struct Sums {
    long long* row_sums;  // (3, m)
    long long m;
    unsigned* cosine;  // shared, (COSINE_BINS,)
    unsigned* log2;    // shared, (LOG2_BINS,)
};

// exp(-t gap) - 1 as a whole number of 1 / fixed.
__device__ __forceinline__ long long less_than_one(float gap, const Terms& terms) {
    const float exponent = -terms.t * gap;
    if (exponent > FAR) return __float2ll_rn(expm1f(exponent) * terms.fixed);
    return __float2ll_rn(expf(exponent) * terms.fixed) - __float2ll_rn(terms.fixed);
}

__device__ __forceinline__ long long sum_of_four(long long value) {
    value += __shfl_xor_sync(ALL_LANES, value, 1);
    return value + __shfl_xor_sync(ALL_LANES, value, 2);
}

__device__ __forceinline__ void count_log2(float sq_dist, unsigned* bins) {
    if (!(sq_dist > 0.0f)) return;
    const float place = (log2f(sq_dist) - LOG2_LOW) * PER_OCTAVE;
    if (place >= 0.0f && place <= LOG2_BINS) atomicAdd(bins + min(static_cast<int>(place), LOG2_BINS - 1), 1u);
}

// Numbers of a side of the tile in shared memory: squared norm in `lower`, direction (0 past the end) in `cut`.
__device__ __forceinline__ void add_up(const float* mine, const Thresholds& rows, const Thresholds& columns,
                                       const long long* self, const TileSpan& row_span, const TileSpan& column_span,
                                       const Terms& terms, const Sums& sums) {
    constexpr int ACROSS = TileProduct::WIDE * 2;
#pragma unroll 1
    for (int slot = 0; slot < TileProduct::VALUES / ACROSS; ++slot) {  // one row of this lane at a time
        const int row = TileProduct::row(slot / 2 * ACROSS * 2 + slot % 2 * 2);
        const bool there = row < row_span.count;
        const long long own = there ? self[row_span.first + row] : -1;
        long long cos2 = 0, cos4 = 0, exps = 0;
#pragma unroll 1
        for (int item = 0; item < ACROSS; ++item) {
            const int value = slot / 2 * ACROSS * 2 + item / 2 * 4 + slot % 2 * 2 + item % 2;
            const int column = TileProduct::column(value);
            if (!there || column >= column_span.count || own == column_span.first + column) continue;
            const float cosine = fminf(fmaxf(mine[value * LANES] * UNFIX, -1.0f), 1.0f);
            const float across = sqrtf(rows.lower[row]) * sqrtf(columns.lower[column]);
            const float sq_dist = __fmaf_rn(-2.0f * across, cosine, rows.lower[row] + columns.lower[column]);
            if (!terms.raw) count_log2(sq_dist, sums.log2);
            if (!(columns.cut[column] > 0.0f)) continue;
            exps += less_than_one(terms.raw ? fmaxf(sq_dist, 0.0f) : 2.0f - 2.0f * cosine, terms);
            if (terms.raw) continue;
            const float square = cosine * cosine;
            cos2 += __float2ll_rn(square * terms.fixed);
            cos4 += __float2ll_rn(square * square * terms.fixed);
            const int bin = min(static_cast<int>((cosine + 1.0f) * (COSINE_BINS / 2)), COSINE_BINS - 1);
            atomicAdd(sums.cosine + bin, 1u);
        }
        const long long of_row[3] = {sum_of_four(cos2), sum_of_four(cos4), sum_of_four(exps)};
        if (threadIdx.x % 4 != 0 || !there) continue;
        for (int which = 0; which < 3; ++which) {
            Count* const to = reinterpret_cast<Count*>(sums.row_sums + which * sums.m + row_span.first + row);
            atomicAdd(to, static_cast<Count>(of_row[which]));
        }
    }
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS, 1)
    pair_sums(const __half* queries, const float* query_norms, const float* query_directions, const long long* self,
              long long m, int query_tiles, const __half* base, const float* norms, const float* directions,
              long long n, int base_tiles, int width, float t, int bits, int raw, long long* row_sums,
              Count* cosine_counts, Count* log2_counts) {
    extern __shared__ long long shared_memory[];
    float* const scratch = reinterpret_cast<float*>(shared_memory);
    float* const numbers = scratch + TILE_BYTES / 4;
    unsigned* const bins = reinterpret_cast<unsigned*>(numbers + 4 * TILE);
    const Thresholds rows{numbers, numbers + TILE}, columns{numbers + 2 * TILE, numbers + 3 * TILE};
    const Place place = place_of_block(query_tiles, base_tiles);
    const TileSpan high = span_of(place.row_tile, m, query_tiles), wide = span_of(place.step, n, base_tiles);
    TileProduct product;
    product.multiply(shared_address(shared_memory), {queries, high.first, high.count}, {base, wide.first, wide.count},
                     width);
    rows.fetch(query_norms, query_directions, high.first, high.count);
    columns.fetch(norms, directions, wide.first, wide.count);
    for (int bin = threadIdx.x; bin < COSINE_BINS + LOG2_BINS; bin += TILE_THREADS) bins[bin] = 0;
    __syncthreads();  // nobody reads the operands any more
    float* const mine = scratch + threadIdx.x / LANES * LANES * TileProduct::VALUES + threadIdx.x % LANES;
#pragma unroll
    for (int value = 0; value < TileProduct::VALUES; ++value) mine[value * LANES] = product.value(value);
    add_up(mine, rows, columns, self, high, wide, {t, ldexpf(1.0f, bits), raw != 0},
           {row_sums, m, bins, bins + COSINE_BINS});
    __syncthreads();  // the tile's histograms are complete
    for (int bin = threadIdx.x; bin < COSINE_BINS + LOG2_BINS; bin += TILE_THREADS) {
        Count* const to = bin < COSINE_BINS ? cosine_counts + bin : log2_counts + (bin - COSINE_BINS);
        if (bins[bin]) atomicAdd(to, static_cast<Count>(bins[bin]));
    }
}

#define UNIT_ROWS(name, Value)                                                                                     \
    extern "C" __global__ void __launch_bounds__(128, 8)                                                           \
        name(const Value* points, const long long* rows, const double* centre, double scale, int raw, long long n, \
             int d, int stride, int right, __half* units, float* sq_norms, float* directions) {                    \
        unit_row(points, rows, centre, scale, raw, n, d, stride, right, units, sq_norms, directions);              \
    }

UNIT_ROWS(unit_rows_f16, __half)
UNIT_ROWS(unit_rows_f32, float)
UNIT_ROWS(unit_rows_f64, double)
