// The product of a tile of rows with a tile of columns by mma.sync, for sm_80 and up.
//
// Tiling     128 x 128 pairs, 8 warps of 64 x 32 each, 64 dimensions a step, two steps in shared memory: one is read
//            while cp.async fills the other.
//
//                 columns ->   32   32   32   32            a row of a step in shared memory: 8 pieces of 16 bytes,
//              rows    64    | w0 | w1 | w2 | w3 |          piece p of row r lies at p ^ (r % 8), so that the eight
//               |      64    | w4 | w5 | w6 | w7 |          rows of an 8 x 8 matrix come from all 32 banks
//
// Sums       A step is summed by the matrix unit from zero and then added to the tile's own float32 sums. So the unit's
//            error, 68 2^-23 of |row| |column| over the step (17 terms cut at 2^-23 of the largest, four times), does
//            not grow with the dimension; the additions add 2^-24 of it each (geometry.pairs.cuda.bound).
// Registers  64 sums, 16 of the step, 32 of the columns of a step, 4 of the rows.
#pragma once
#include <matrix.cuh>

#include "pair_filter.cuh"

constexpr int STEP = 64, STAGES = 2, TILE_THREADS = 256;
constexpr int PIECE = 8, PIECES = STEP / PIECE;  // halves of 16 bytes, and how many of them a row of a step has
constexpr int WARP_ROWS = 64, WARP_COLUMNS = 32, WARPS_ACROSS = TILE / WARP_COLUMNS;
constexpr int DEPTH = 16, DEPTHS = STEP / DEPTH;
constexpr int ROW_BYTES = STEP * 2, SIDE_BYTES = TILE * ROW_BYTES, TILE_BYTES = STAGES * 2 * SIDE_BYTES;

// Rows [first, first + count) of a matrix (n, stride) of float16, stride a multiple of STEP, 1 <= count <= TILE.
struct TileRows {
    const __half* matrix;
    unsigned first, count;
};

// Where a piece of 8 halves of a row lies in a side, in bytes.
__device__ __forceinline__ unsigned place_of(unsigned row, unsigned piece) {
    return row * ROW_BYTES + (piece ^ row % PIECES) * PIECE * 2;
}

// Begins the copy of one step of a side. Rows past the last one repeat it: their pairs are never looked at.
__device__ __forceinline__ void begin_side(unsigned side, const TileRows& rows, int stride, int column) {
    constexpr unsigned AT_ONCE = TILE_THREADS / PIECES;
    const unsigned row = threadIdx.x / PIECES, piece = threadIdx.x % PIECES;
    const unsigned to = side + place_of(row, piece);  // AT_ONCE is a multiple of 8: further rows lie straight below
    const __half* const from = rows.matrix + column + piece * PIECE;
#pragma unroll 1
    for (unsigned down = 0; down < TILE; down += AT_ONCE) {
        const unsigned source = rows.first + min(row + down, rows.count - 1);
        begin_copy(to + down * ROW_BYTES, from + static_cast<long long>(source) * stride);
    }
}

struct TileProduct {
    static constexpr int HIGH = WARP_ROWS / 16, WIDE = WARP_COLUMNS / 8, VALUES = HIGH * WIDE * 4;
    float sum[HIGH][WIDE][4];

    __device__ __forceinline__ float value(int which) const {
        return sum[which / 4 / WIDE][which / 4 % WIDE][which % 4];
    }

    // Where a value of this thread lies in the tile.
    static __device__ __forceinline__ int row(int which) {
        const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
        return warp / WARPS_ACROSS * WARP_ROWS + which / 4 / WIDE * 16 + which / 2 % 2 * 8 + lane / 4;
    }
    static __device__ __forceinline__ int column(int which) {
        const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
        return warp % WARPS_ACROSS * WARP_COLUMNS + which / 4 % WIDE * 8 + lane % 4 * 2 + which % 2;
    }

    // Adds the product of one step in shared memory.
    __device__ __forceinline__ void add(unsigned rows, unsigned columns) {
        const unsigned warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
        const unsigned row = warp / WARPS_ACROSS * WARP_ROWS + lane % 16, row_piece = lane / 16;
        const unsigned column = warp % WARPS_ACROSS * WARP_COLUMNS + lane / 16 * 8 + lane % 8;
        const unsigned column_piece = lane / 8 % 2;
        unsigned b[DEPTHS][WIDE][2];
#pragma unroll
        for (int depth = 0; depth < DEPTHS; ++depth) {
#pragma unroll
            for (int wide = 0; wide < WIDE; wide += 2) {
                unsigned four[4];
                load_matrices(four, columns + place_of(column, 2 * depth + column_piece) + wide * 8 * ROW_BYTES);
                b[depth][wide][0] = four[0], b[depth][wide][1] = four[1];
                b[depth][wide + 1][0] = four[2], b[depth][wide + 1][1] = four[3];
            }
        }
#pragma unroll
        for (int high = 0; high < HIGH; ++high) {
            float part[WIDE][4] = {};
#pragma unroll
            for (int depth = 0; depth < DEPTHS; ++depth) {
                unsigned a[4];
                load_matrices(a, rows + place_of(row, 2 * depth + row_piece) + high * 16 * ROW_BYTES);
#pragma unroll
                for (int wide = 0; wide < WIDE; ++wide) multiply_add(part[wide], a, b[depth][wide]);
            }
#pragma unroll
            for (int value = 0; value < WIDE * 4; ++value)
                sum[high][value / 4][value % 4] += part[value / 4][value % 4];
        }
    }

    // The whole product of two tiles; `stages` is the address of TILE_BYTES of shared memory, 16 bytes aligned. Called
    // by all threads of the block.
    __device__ __forceinline__ void multiply(unsigned stages, const TileRows& rows, const TileRows& columns,
                                             int stride) {
#pragma unroll
        for (int value = 0; value < VALUES; ++value) sum[value / 4 / WIDE][value / 4 % WIDE][value % 4] = 0.0f;
        begin_side(stages, rows, stride, 0);
        begin_side(stages + SIDE_BYTES, columns, stride, 0);
        end_group();
        for (int step = 0; step < stride / STEP; ++step) {
            wait_for_groups<0>();
            __syncthreads();  // this step is there for all, and nobody reads the one before any more
            const unsigned now = stages + step % STAGES * 2 * SIDE_BYTES;
            const unsigned next = stages + (step + 1) % STAGES * 2 * SIDE_BYTES;
            if (step + 1 < stride / STEP) {
                begin_side(next, rows, stride, (step + 1) * STEP);
                begin_side(next + SIDE_BYTES, columns, stride, (step + 1) * STEP);
            }
            end_group();
            add(now, now + SIDE_BYTES);
        }
    }
};
