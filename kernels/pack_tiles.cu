// Rows of 16 bits repacked into the tiles that `pair_scan_warpgroup` copies whole: one bulk copy per tile and step.
//
// Tiling     packed[tile][step] is 16 KiB: 128 rows of 64 halves, piece p (16 bytes) of row r at p ^ (r % 8); thread t
// of
//            a block moves one piece.
// Shapes     rows (n, stride) float16, stride a multiple of 64; packed (ceil(n / 128), stride / 64, 128, 64) float16,
// rows
//            past the last one zero. Grid ceil(n / 128) stride / 64, block 1024.
// Cost       reads 2 n stride bytes and writes as much: bound by memory.
// Reference  tests of the order of pieces, and of the scan that reads them.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "rows.cuh"

constexpr int THREADS = 1024, TILE = 128, STEP = 64, PIECE = 8, PIECES = STEP / PIECE;

struct alignas(16) Piece {
    __half halves[PIECE];
};

extern "C" __global__ void __launch_bounds__(THREADS)
    pack_tiles(const __half* __restrict__ rows, long long n, int stride, __half* __restrict__ packed) {
    const int steps = stride / STEP, step = blockIdx.x % steps;
    const unsigned row = threadIdx.x / PIECES, piece = threadIdx.x % PIECES;
    const long long source = static_cast<long long>(blockIdx.x / steps) * TILE + row;
    Piece moved{};
    if (source < n) moved = *reinterpret_cast<const Piece*>(rows + source * stride + step * STEP + piece * PIECE);
    Piece* const tile = reinterpret_cast<Piece*>(packed) + static_cast<long long>(blockIdx.x) * THREADS;
    tile[row * PIECES + (piece ^ row % PIECES)] = moved;
}
