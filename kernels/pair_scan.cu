// One phase of the pass over all pairs: every pair of the phase's tiles, multiplied in 16 bits and filtered.
//
// Formula    pairs (i, j) with lower_i + lower_j - 2 h_i.h_j <= cut_i are pushed to the queue of i (pair_filter.cuh),
//            and with one set to that of j by its own cut. Thresholds stand still during a launch, so the sets of
//            candidates depend neither on the race nor on the schedule.
// Tiling     one block of 256 threads per pair of tiles of at most 128 rows; rows are dealt to the tiles evenly.
//
//              one set: tile diagonals                    two sets: panels of column tiles
//                J ->  0  1  2  3  4                        J ->  0 | 1 | 2  3 | 4  5  6  7 | ...
//              I 0     0  1  2  .  .     pair (I, I + t mod T)
//              | 1     .  0  1  2  .     on diagonal t, each     every query tile with the tiles of the panel
//              v 2     .  .  0  1  2     once; an even T has
//                3     2  .  .  0  1     half of diagonal T / 2
//                4     1  2  .  .  0
//
//            Blocks go through 16 row tiles at a time, so that what they share stays in L2.
// Shapes     rows (n, stride) float16, stride a multiple of 64, zero past d; lower, cut (n,) float32; entries
//            (n, capacity) uint64, filled (n,) uint32. Positions below 2^31. Grid tiles x diagonals (query tiles x
//            panel tiles), block 256, shared memory 67,584 bytes (above 48 KiB: the opt-in).
// Roles      float16 products in float32 sums; coarse values and thresholds float32; everything here errs on the side
//            of one candidate more.
// Cost       2 stride operations per pair on the matrix unit. A tile pair reads 512 stride bytes through L2. The bound
//            is the matrix unit's rate; the filter adds about four instructions per pair of its 2 stride / 1024 cycles.
// Reference  geometry.pairs.cuda.bound and tests of the whole engine: no pair within its row's threshold is missing.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "pair_filter.cuh"
#include "tile_product.cuh"
#include "tiles.cuh"

struct Side {
    const __half* rows;
    const float* lower;
    const float* cut;  // null: these rows look for nobody
    long long n;
    int tiles;
};

// MIRRORED: columns are rows of the same set, and look for neighbours among the rows where the right side has cuts.
template <bool MIRRORED>
__device__ __forceinline__ void scan_tiles(const Side& left, const Side& right, int row_tile, int column_tile,
                                           int stride, long long self_shift, const Queues& queues) {
    extern __shared__ long long shared_memory[];
    float* const numbers = reinterpret_cast<float*>(reinterpret_cast<char*>(shared_memory) + TILE_BYTES);
    const unsigned row = tile_start(row_tile, left.n, left.tiles);
    const unsigned column = tile_start(column_tile, right.n, right.tiles);
    const unsigned high = tile_start(row_tile + 1, left.n, left.tiles) - row;
    const unsigned wide = tile_start(column_tile + 1, right.n, right.tiles) - column;
    const Thresholds rows{numbers, numbers + TILE}, columns{numbers + 2 * TILE, numbers + 3 * TILE};
    rows.fetch(left.lower, left.cut, row, high);
    columns.fetch(right.lower, right.cut, column, wide);
    TileProduct product;
    product.multiply(shared_address(shared_memory), {left.rows, row, high}, {right.rows, column, wide}, stride);
    filter<MIRRORED>(product, {row, column, self_shift}, rows, columns, queues,
                     reinterpret_cast<float*>(shared_memory));
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS, 2)
    pair_scan_one(const __half* rows, const float* lower, const float* cut, long long n, int stride, int tiles,
                  int first_diagonal, int diagonals, Entry* entries, unsigned* filled, int capacity) {
    const Place place = place_of_block(tiles, diagonals);
    const int diagonal = first_diagonal + place.step;
    if (2 * diagonal == tiles && place.row_tile >= diagonal) return;  // the other half of the middle diagonal
    const float* const column_cut = diagonal == 0 ? nullptr : cut;    // there the mirror image is in the tile itself
    scan_tiles<true>({rows, lower, cut, n, tiles}, {rows, lower, column_cut, n, tiles}, place.row_tile,
                     (place.row_tile + diagonal) % tiles, stride, 0, {entries, filled, capacity});
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS, 2)
    pair_scan_two(const __half* queries, const float* query_lower, const float* cut, long long m, int query_tiles,
                  const __half* base, const float* base_lower, long long n, int base_tiles, int stride, int first_tile,
                  int panel, long long self_shift, Entry* entries, unsigned* filled, int capacity) {
    const Place place = place_of_block(query_tiles, panel);
    scan_tiles<false>({queries, query_lower, cut, m, query_tiles}, {base, base_lower, nullptr, n, base_tiles},
                      place.row_tile, first_tile + place.step, stride, self_shift, {entries, filled, capacity});
}
