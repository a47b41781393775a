// How many rows lie in closed balls around other rows: two certain answers from coarse values, a list for the rest.
//
// Formula    query i is certainly outside the ball of base row j if  coarse_ij > outer_j,  certainly inside if
//            up(coarse_ij + extra_i) <= inner_j  (geometry.pairs.cuda.counts has the three bounds); else the pair is
//            listed and measured in float64 as rescore.cu does, inside if d^2 <= the ball's squared radius. So ties are
//            counted the same way everywhere. A pair inside adds the weight of its ball to the query and the weight of
//            the query to the ball; whole numbers, so no order of additions shows.
// Tiling     pair_counts: as pair_scan_two, 128 x 128 pairs a block. A warp with a pair that may be inside lays its
// products
//            into shared memory and goes through them; sums of a tile gather in shared memory.
//            measure_pairs: one warp per listed pair, four to a block.
// Shapes     rows (m, stride), base rows (n, stride) float16; lower, extra (m,), lower, inner, outer (n,) float32;
//            weights and counts (m,), (n,) uint64; pairs (capacity,) uint64, query above base row; listed (1,) uint64
//            counts also the pairs beyond the capacity: then the launch is repeated with room. Grid query tiles x base
//            tiles, block 256, shared memory 70,656 bytes (above 48 KiB: the opt-in). measure_pairs: order (m,) int64
//            into queries, base (n, d) as stored, sq_radii (n,) float64 in the frame's scale; grid ceil(pairs / 4),
//            block 128.
// Cost       the product as pair_scan.cu; about 1.001^(d/2) - 1 of the pairs inside are listed.
// Reference  geometry.pairs.reference.radius_counts.
// State      not run on a GPU; run on the CPU harness in the tests. Dense balls are not tuned: one atomic in shared
//            memory per pair inside and side.
#include "ranking.cuh"
#include "tile_product.cuh"
#include "tiles.cuh"

using Count = unsigned long long;

// Numbers of one tile in shared memory, behind the operands.
struct TileNumbers {
    Thresholds rows;     // lower, extra
    Thresholds columns;  // lower, outer
    float* inner;        // (TILE,)
    Count* row_count;    // (TILE,)
    Count* column_count;
};

__device__ __forceinline__ TileNumbers tile_numbers(long long* shared) {
    float* const floats = reinterpret_cast<float*>(reinterpret_cast<char*>(shared) + TILE_BYTES);
    Count* const counts = reinterpret_cast<Count*>(floats + 6 * TILE);
    return {{floats, floats + TILE}, {floats + 2 * TILE, floats + 3 * TILE}, floats + 4 * TILE, counts, counts + TILE};
}

struct PairList {
    Count* pairs;
    Count* listed;
    Count capacity;
};

__device__ __forceinline__ void list(bool hit, Count pair, const PairList& to) {
    const unsigned hits = __ballot_sync(ALL_LANES, hit);
    if (hits == 0) return;
    const int lane = threadIdx.x % LANES, leader = __ffs(hits) - 1;
    Count place = 0;
    if (lane == leader) place = atomicAdd(to.listed, static_cast<Count>(__popc(hits)));
    place = __shfl_sync(ALL_LANES, place, leader) + __popc(hits & ((1u << lane) - 1));
    if (hit && place < to.capacity) to.pairs[place] = pair;
}

__device__ __forceinline__ void count_tile(const TileProduct& product, const TilePair& at, const TileNumbers& numbers,
                                           const Count* query_weight, const Count* ball_weight, const PairList& to,
                                           float* scratch) {
    bool any = false;
#pragma unroll
    for (int value = 0; value < TileProduct::VALUES; ++value) {
        const int row = TileProduct::row(value), column = TileProduct::column(value);
        any |= !(coarse_value(product.value(value), numbers.rows.lower[row], numbers.columns.lower[column]) >
                 numbers.columns.cut[column]);
    }
    __syncthreads();  // nobody reads the operands any more
    if (!__any_sync(ALL_LANES, any)) return;
    float* const mine = scratch + threadIdx.x / LANES * LANES * TileProduct::VALUES + threadIdx.x % LANES;
#pragma unroll
    for (int value = 0; value < TileProduct::VALUES; ++value) mine[value * LANES] = product.value(value);
#pragma unroll 1
    for (int value = 0; value < TileProduct::VALUES; ++value) {
        const int row = TileProduct::row(value), column = TileProduct::column(value);
        const float coarse = coarse_value(mine[value * LANES], numbers.rows.lower[row], numbers.columns.lower[column]);
        const bool pair = numbers.rows.lower[row] < infinity() && numbers.columns.lower[column] < infinity();
        const bool possible = pair && !(coarse > numbers.columns.cut[column]);
        const bool certain = possible && __fadd_ru(coarse, numbers.rows.cut[row]) <= numbers.inner[column];
        if (certain) {
            atomicAdd(numbers.row_count + row, ball_weight[at.column + column]);
            atomicAdd(numbers.column_count + column, query_weight[at.row + row]);
        }
        list(possible && !certain, static_cast<Count>(at.row + row) << 32 | (at.column + column), to);
    }
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS, 2)
    pair_counts(const __half* queries, const float* query_lower, const float* extra, const Count* query_weight,
                long long m, int query_tiles, const __half* base, const float* base_lower, const float* outer,
                const float* inner, const Count* ball_weight, long long n, int base_tiles, int stride,
                Count* query_count, Count* ball_count, Count* pairs, Count* listed, long long capacity) {
    extern __shared__ long long shared_memory[];
    const Place place = place_of_block(query_tiles, base_tiles);
    const TileSpan rows = span_of(place.row_tile, m, query_tiles), columns = span_of(place.step, n, base_tiles);
    const TileNumbers numbers = tile_numbers(shared_memory);
    numbers.rows.fetch(query_lower, extra, rows.first, rows.count);
    numbers.columns.fetch(base_lower, outer, columns.first, columns.count);
    const unsigned thread = threadIdx.x;
    if (thread < TILE) {
        numbers.inner[thread] = thread < columns.count ? inner[columns.first + thread] : -infinity();
        numbers.row_count[thread] = 0, numbers.column_count[thread] = 0;
    }
    TileProduct product;
    product.multiply(shared_address(shared_memory), {queries, rows.first, rows.count},
                     {base, columns.first, columns.count}, stride);
    count_tile(product, {rows.first, columns.first, 0}, numbers, query_weight, ball_weight,
               {pairs, listed, static_cast<Count>(capacity)}, reinterpret_cast<float*>(shared_memory));
    __syncthreads();  // the tile's sums are complete
    if (thread < rows.count && numbers.row_count[thread]) {
        atomicAdd(query_count + rows.first + thread, numbers.row_count[thread]);
    }
    if (thread < columns.count && numbers.column_count[thread]) {
        atomicAdd(ball_count + columns.first + thread, numbers.column_count[thread]);
    }
}

template <class Value>
__device__ __forceinline__ void measure_pairs(const Value* __restrict__ queries, const long long* __restrict__ order,
                                              const Value* __restrict__ base, const Count* __restrict__ pairs,
                                              long long number, const double* __restrict__ sq_radii, double scale,
                                              int d, const Count* query_weight, const Count* ball_weight,
                                              Count* query_count, Count* ball_count) {
    const int lane = threadIdx.x % LANES;
    const long long item = static_cast<long long>(blockIdx.x) * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (item >= number) return;  // whole warps leave
    const long long query = pairs[item] >> 32, ball = pairs[item] & 0xffffffffu;
    const double sq_dist = sq_dist_of(queries + order[query] * d, base + ball * d, scale, d, lane);
    if (lane == 0 && sq_dist <= sq_radii[ball]) {
        atomicAdd(query_count + query, ball_weight[ball]);
        atomicAdd(ball_count + ball, query_weight[query]);
    }
}

#define MEASURE_PAIRS(name, Value)                                                                                     \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        name(const Value* queries, const long long* order, const Value* base, const Count* pairs, long long number,    \
             const double* sq_radii, double scale, int d, const Count* query_weight, const Count* ball_weight,         \
             Count* query_count, Count* ball_count) {                                                                  \
        measure_pairs(queries, order, base, pairs, number, sq_radii, scale, d, query_weight, ball_weight, query_count, \
                      ball_count);                                                                                     \
    }

MEASURE_PAIRS(measure_pairs_f16, __half)
MEASURE_PAIRS(measure_pairs_f32, float)
MEASURE_PAIRS(measure_pairs_f64, double)
