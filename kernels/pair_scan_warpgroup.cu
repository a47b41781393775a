// One phase of the pass over all pairs by the matrix unit of sm_90a; the same pairs and the same filter as
// pair_scan.cu.
//
// Formula    as pair_scan.cu: pairs with lower_i + lower_j - 2 h_i.h_j <= cut_i are pushed to the queue of i, and with
// one
//            set to that of j by its own cut.
// Tiling     128 x 128 pairs; a block of three warpgroups takes one row tile and up to `span` column tiles in turn. The
//            first warpgroup copies, the other two multiply 64 rows each and filter what they multiplied; nothing holds
//            them together, so one filters while the other multiplies.
//
//              stage         0     1     2     3     4     5          16 KiB of columns each, 64 dimensions a step
//              columns     [ s0 ][ s1 ][ s0 ][ s1 ][ s0 ][ s1 ]       two steps (d = 128): three tiles ahead
//              rows        [ s0 ][ s1 ]                               up to six steps they stay; else one per stage
//              thresholds  with the last step of a tile, its stage is given back after the filter
//
// Sums       A step is summed by the matrix unit from zero and then added to the thread's own float32 sums, as in
//            tile_product.cuh, and so under the same bound (geometry.pairs.cuda.bound).
// Shapes     packed (tiles, stride / 64, 128, 64) float16 by `pack_tiles`; lower, cut (128 tiles,) float32, lower +inf
// past
//            the last row; entries (n, capacity) uint64, filled (n,) uint32. Grid row tiles x ceil(diagonals / span)
//            (query tiles x ceil(panel / span)), block 384, shared memory 205,952 bytes.
// Cost       as pair_scan.cu; a column tile is read once per block, a row tile once per block up to 384 dimensions.
// Reference  as pair_scan.cu: the same candidates, whatever made the products.
// State      not run on a GPU: the tests execute it on the CPU harness, whose stand-in for these instructions follows
// the
//            PTX manual and has not been held against a device either.
#include <warpgroup.cuh>

#include "pair_filter.cuh"

constexpr int STEP_BYTES = TILE * 128, DEPTHS = 4, DEPTH_BYTES = 32, STAGES = 6;
constexpr int THREADS = 3 * GROUP_THREADS, CONSUMER_WARPS = 8, TOGETHER = 16, THRESHOLD_BYTES = TILE * 4;
constexpr int ROWS_AT = STAGES * STEP_BYTES, THRESHOLDS_AT = 2 * STAGES * STEP_BYTES;
constexpr int SCRATCH_AT = THRESHOLDS_AT + (STAGES + 1) * 2 * THRESHOLD_BYTES, CHUNK = 16;
constexpr int BARRIERS_AT = SCRATCH_AT + CONSUMER_WARPS * LANES * CHUNK * 4;

struct Side {
    const __half* packed;
    const float* lower;
    const float* cut;  // null: these rows look for nobody
};

// The column tiles of one block: first, first + 1, ... modulo `modulus`, `count` of them.
struct Span {
    int row_tile, first, count, modulus, steps;
    __device__ __forceinline__ int column(int which) const { return (first + which) % modulus; }
    __device__ __forceinline__ bool rows_stay() const { return steps <= STAGES; }
};

// Shared memory from a multiple of 1024 on, by address.
struct Stages {
    unsigned base;
    __device__ __forceinline__ unsigned columns(int stage) const { return base + stage * STEP_BYTES; }
    __device__ __forceinline__ unsigned rows(int slot) const { return base + ROWS_AT + slot * STEP_BYTES; }
    __device__ __forceinline__ unsigned thresholds(int slot) const {
        return base + THRESHOLDS_AT + slot * 2 * THRESHOLD_BYTES;
    }
    __device__ __forceinline__ unsigned full(int stage) const { return base + BARRIERS_AT + stage * 16; }
    __device__ __forceinline__ unsigned empty(int stage) const { return full(stage) + 8; }
};

// Where the walk through the stages stands: stage and how often the ring has been gone round, which gives the parity.
struct Turn {
    int stage = 0;
    unsigned round = 0;
    __device__ __forceinline__ void next() {
        if (++stage == STAGES) stage = 0, ++round;
    }
};

__device__ __forceinline__ void begin_thresholds(unsigned to, const Side& side, bool cuts, int tile, unsigned barrier) {
    begin_bulk_copy(to, side.lower + tile * TILE, THRESHOLD_BYTES, barrier);
    if (cuts) begin_bulk_copy(to + THRESHOLD_BYTES, side.cut + tile * TILE, THRESHOLD_BYTES, barrier);
}

// One thread begins every copy of the block, each into a stage that both consumers have given back.
template <bool MIRRORED>
__device__ __forceinline__ void copy_span(const Side& left, const Side& right, const Span& span, const Stages& at) {
    constexpr long long STEP_HALVES = STEP_BYTES / 2;
    Turn turn;
    for (int which = 0; which < span.count; ++which) {
        const int column = span.column(which);
        for (int step = 0; step < span.steps; ++step, turn.next()) {
            const unsigned full = at.full(turn.stage);
            const bool rows = which == 0 || !span.rows_stay(), last = step + 1 == span.steps;
            const bool first = which == 0 && step == 0, cuts = MIRRORED && column != span.row_tile;
            if (turn.round > 0) wait_for(at.empty(turn.stage), (turn.round - 1) & 1);
            arrive_with_bytes(full, STEP_BYTES * (1 + rows) + THRESHOLD_BYTES * (last * (1 + cuts) + first * 2));
            const long long steps = span.steps;
            begin_bulk_copy(at.columns(turn.stage), right.packed + (column * steps + step) * STEP_HALVES, STEP_BYTES,
                            full);
            if (rows)
                begin_bulk_copy(at.rows(turn.stage), left.packed + (span.row_tile * steps + step) * STEP_HALVES,
                                STEP_BYTES, full);
            if (last) begin_thresholds(at.thresholds(turn.stage), right, cuts, column, full);
            if (first) begin_thresholds(at.thresholds(STAGES), left, true, span.row_tile, full);
        }
    }
}

// 64 x 128 products of one warpgroup; the first warpgroup of the block copies, so that of `threadIdx.x` 128 is the
// first.
struct GroupProduct {
    static constexpr int WIDE = GROUP_COLUMNS / 8, VALUES = WIDE * 4;
    float sum[WIDE][4];

    __device__ __forceinline__ float value(int which) const { return sum[which / 4][which % 4]; }

    // Where a value of this thread lies in the tile.
    static __device__ __forceinline__ int row(int which) {
        return (threadIdx.x - GROUP_THREADS) / LANES * 16 + which / 2 % 2 * 8 + threadIdx.x % LANES / 4;
    }
    static __device__ __forceinline__ int column(int which) { return which / 4 * 8 + threadIdx.x % 4 * 2 + which % 2; }

    // Adds the product of one step.
    __device__ __forceinline__ void add(unsigned rows, unsigned columns) {
        float part[WIDE][4];
        begin_products();
#pragma unroll
        for (int depth = 0; depth < DEPTHS; ++depth) {
            multiply_add(part, operand_of(rows + depth * DEPTH_BYTES), operand_of(columns + depth * DEPTH_BYTES),
                         depth);
        }
        end_products();
#pragma unroll
        for (int value = 0; value < VALUES; ++value) sum[value / 4][value % 4] += part[value / 4][value % 4];
    }
};

// Where the numbers of the block lie, by pointer: thresholds of the stages and then of the rows, a warp's scratch.
struct Numbers {
    float* base;
    __device__ __forceinline__ Thresholds thresholds(int slot) const {
        float* const lower = base + THRESHOLDS_AT / 4 + slot * 2 * TILE;
        return {lower, lower + TILE};
    }
    __device__ __forceinline__ float* scratch() const {
        const unsigned warp = (threadIdx.x - GROUP_THREADS) / LANES;
        return base + SCRATCH_AT / 4 + warp * LANES * CHUNK + threadIdx.x % LANES;
    }
};

// Every lane's part with the stage is done before the warp says so.
__device__ __forceinline__ void give_back(unsigned empty) {
    __syncwarp();
    if (threadIdx.x % LANES == 0) arrive(empty);
}

template <bool MIRRORED>
__device__ __forceinline__ void multiply_span(const Span& span, const Stages& at, const Numbers& numbers,
                                              long long self_shift, const Queues& queues) {
    const unsigned half_tile = (threadIdx.x / GROUP_THREADS - 1) * GROUP_ROWS * STEP_BYTES / TILE;
    const Thresholds rows = numbers.thresholds(STAGES);
    Turn turn;
    for (int which = 0; which < span.count; ++which) {
        GroupProduct product{};
        for (int step = 0; step < span.steps; ++step, turn.next()) {
            wait_for(at.full(turn.stage), turn.round & 1);
            const int slot = span.rows_stay() ? step : turn.stage;
            product.add(at.rows(slot) + half_tile, at.columns(turn.stage));
            if (step + 1 == span.steps) {
                const Thresholds columns = numbers.thresholds(turn.stage);
                const TilePair place{static_cast<unsigned>(span.row_tile) * TILE,
                                     static_cast<unsigned>(span.column(which)) * TILE, self_shift};
                if (__any_sync(ALL_LANES, any_passes(product, rows, columns))) {
                    push_products<MIRRORED, CHUNK>(product, place, rows, columns, queues, numbers.scratch());
                }
            }
            give_back(at.empty(turn.stage));
        }
    }
}

// The block's part in three roles; `shared` is the block's memory from a multiple of 1024 on.
template <bool MIRRORED>
__device__ __forceinline__ void scan_span(const Side& left, const Side& right, const Span& span, long long self_shift,
                                          const Queues& queues) {
    extern __shared__ long long shared_memory[];
    const unsigned start = shared_address(shared_memory), base = (start + 1023) & ~1023u;
    const Stages at{base};
    const Numbers numbers{reinterpret_cast<float*>(shared_memory) + (base - start) / 4};
    float* const first_threshold = numbers.base + THRESHOLDS_AT / 4;
    for (int slot = threadIdx.x; slot < (STAGES + 1) * 2 * TILE; slot += THREADS) first_threshold[slot] = -infinity();
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < STAGES; ++stage) {
            make_barrier(at.full(stage), 1);
            make_barrier(at.empty(stage), CONSUMER_WARPS);
        }
    }
    publish_shared();
    __syncthreads();  // barriers are made, and columns without cuts want no candidates
    if (threadIdx.x < GROUP_THREADS) {
        keep_registers<40>();
        if (threadIdx.x == 0) copy_span<MIRRORED>(left, right, span, at);
    } else {
        take_registers<232>();
        multiply_span<MIRRORED>(span, at, numbers, self_shift, queues);
    }
}

// Blocks in groups of TOGETHER row tiles that go through all spans of the phase side by side.
__device__ __forceinline__ Span span_of_block(int row_tiles, int first, int count, int span) {
    const int spans = (count + span - 1) / span;
    const long long block = blockIdx.x, group = block / (static_cast<long long>(TOGETHER) * spans);
    const int row = static_cast<int>(group) * TOGETHER, width = min(TOGETHER, row_tiles - row);
    const int rest = static_cast<int>(block - group * TOGETHER * spans), which = rest / width;
    return {row + rest % width, first + which * span, min(span, count - which * span), row_tiles, 0};
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    pair_scan_warpgroup_one(const __half* packed, const float* lower, const float* cut, int stride, int tiles,
                            int first_diagonal, int diagonals, int span, Entry* entries, unsigned* filled,
                            int capacity) {
    Span mine = span_of_block(tiles, first_diagonal, diagonals, span);
    const int last = mine.first + mine.count - 1;
    if (2 * last == tiles && mine.row_tile >= last) --mine.count;  // the other half of the middle diagonal
    mine.first += mine.row_tile, mine.steps = stride / 64;
    scan_span<true>({packed, lower, cut}, {packed, lower, cut}, mine, 0, {entries, filled, capacity});
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    pair_scan_warpgroup_two(const __half* queries, const float* query_lower, const float* cut, int query_tiles,
                            const __half* base, const float* base_lower, int base_tiles, int stride, int first_tile,
                            int panel, int span, long long self_shift, Entry* entries, unsigned* filled, int capacity) {
    Span mine = span_of_block(query_tiles, first_tile, panel, span);
    mine.modulus = base_tiles, mine.steps = stride / 64;
    scan_span<false>({queries, query_lower, cut}, {base, base_lower, nullptr}, mine, self_shift,
                     {entries, filled, capacity});
}
