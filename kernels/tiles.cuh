// Which tiles a block takes, and which rows a tile has.
#pragma once

constexpr int TOGETHER = 16;  // row tiles that neighbouring blocks share

// First row of a tile when n rows are dealt to `tiles` tiles evenly.
__device__ __forceinline__ unsigned tile_start(long long tile, long long n, int tiles) {
    return static_cast<unsigned>(tile * n / tiles);
}

struct TileSpan {
    unsigned first, count;
};

__device__ __forceinline__ TileSpan span_of(int tile, long long n, int tiles) {
    const unsigned first = tile_start(tile, n, tiles);
    return {first, tile_start(tile + 1ll, n, tiles) - first};
}

struct Place {
    int row_tile, step;
};

// Blocks in groups of TOGETHER row tiles that go through all steps side by side, so that what they share stays in L2.
__device__ __forceinline__ Place place_of_block(int row_tiles, int steps) {
    const long long block = blockIdx.x, group = block / (static_cast<long long>(TOGETHER) * steps);
    const int first = static_cast<int>(group) * TOGETHER, width = min(TOGETHER, row_tiles - first);
    const int rest = static_cast<int>(block - group * TOGETHER * steps);
    return {first + rest % width, rest / width};
}
