// What happens to a tile of products, whichever engine made it: a threshold test, and a push where it passes.
//
// Formula    coarse_ij = lower_i + lower_j - 2 p_ij in float32. lower_i is the squared norm less all that the product,
//            the roundings of float32 and of the rows may have moved (geometry.pairs.cuda.bound), so a pair within
//            the distance that the row's cut stands for has coarse_ij <= cut_i, whatever p_ij lost.
// Test       not (coarse > cut): a NaN passes, and is caught when the pair is measured again.
// Marks      lower = +inf: the row takes no part (past the end, or of extreme norm); cut = -inf: it wants no
// candidates.
#pragma once
#include "queues.cuh"

constexpr int TILE = 128;  // rows and columns of a tile, whichever engine multiplies it

__device__ __forceinline__ float infinity() {
    return __uint_as_float(0x7f800000u);
}

// The thresholds of the rows of one side of a tile, in shared memory.
struct Thresholds {
    float* lower;  // (TILE,)
    float* cut;    // (TILE,)

    // Thread t fetches row t of [first, first + count).
    __device__ __forceinline__ void fetch(const float* from_lower, const float* from_cut, unsigned first,
                                          unsigned count) const {
        const unsigned row = threadIdx.x;
        if (row >= TILE) return;
        lower[row] = row < count ? from_lower[first + row] : infinity();
        cut[row] = row < count && from_cut != nullptr ? from_cut[first + row] : -infinity();
    }
};

__device__ __forceinline__ float coarse_value(float product, float row_lower, float column_lower) {
    return __fmaf_rn(-2.0f, product, row_lower + column_lower);
}

struct TilePair {
    unsigned row, column;  // position of the first row and of the first column
    long long self_shift;  // position of a row among the columns is its own plus this; out of range: nobody is
};

// Whether any product of this thread is below the threshold of its row or of its column.
template <class Product>
__device__ __forceinline__ bool any_passes(const Product& product, const Thresholds& rows, const Thresholds& columns) {
    bool any = false;
#pragma unroll
    for (int value = 0; value < Product::VALUES; ++value) {
        const int row = Product::row(value), column = Product::column(value);
        const float coarse = coarse_value(product.value(value), rows.lower[row], columns.lower[column]);
        any |= !(coarse > rows.cut[row]) || !(coarse > columns.cut[column]);
    }
    return any;
}

// Pushes one product to the queues that want it. Called by all threads of whole warps.
template <bool MIRRORED>
__device__ __forceinline__ void push_product(float product, int row, int column, const TilePair& at,
                                             const Thresholds& rows, const Thresholds& columns, const Queues& queues) {
    const unsigned row_position = at.row + row, column_position = at.column + column;
    const float coarse = coarse_value(product, rows.lower[row], columns.lower[column]);
    const bool pair = rows.lower[row] < infinity() && columns.lower[column] < infinity() &&
                      row_position + at.self_shift != column_position;
    push(pair && !(coarse > rows.cut[row]), row_position, entry_of(coarse, column_position), queues);
    if (MIRRORED) {
        push(pair && !(coarse > columns.cut[column]), column_position, entry_of(coarse, row_position), queues);
    }
}

// Pushes what passes of a warp's products. A warp with a hit lays CHUNK products of each thread at a time into `mine`,
// its shared memory for them, and goes through them one by one, so that the rare case costs the common one no
// registers.
template <bool MIRRORED, int CHUNK, class Product>
__device__ __forceinline__ void push_products(const Product& product, const TilePair& at, const Thresholds& rows,
                                              const Thresholds& columns, const Queues& queues, float* mine) {
#pragma unroll
    for (int first = 0; first < Product::VALUES; first += CHUNK) {
#pragma unroll
        for (int value = 0; value < CHUNK; ++value) mine[value * LANES] = product.value(first + value);
#pragma unroll 1
        for (int value = 0; value < CHUNK; ++value) {
            push_product<MIRRORED>(mine[value * LANES], Product::row(first + value), Product::column(first + value), at,
                                   rows, columns, queues);
        }
    }
}

// Tests every product of the tile and pushes what passes. Called by all threads of the block; `scratch` is shared
// memory for all products of the block, which takes over from the operands.
template <bool MIRRORED, class Product>
__device__ __forceinline__ void filter(const Product& product, const TilePair& at, const Thresholds& rows,
                                       const Thresholds& columns, const Queues& queues, float* scratch) {
    const bool any = any_passes(product, rows, columns);
    __syncthreads();  // nobody reads the operands any more
    if (!__any_sync(ALL_LANES, any)) return;
    float* const mine = scratch + threadIdx.x / LANES * LANES * Product::VALUES + threadIdx.x % LANES;
    push_products<MIRRORED, Product::VALUES>(product, at, rows, columns, queues, mine);
}
