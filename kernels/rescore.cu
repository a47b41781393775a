// Candidates measured again from the original rows, ranked, and the first k kept with a certificate.
//
// Formula    d^2(q, x) = sum_i ((q_i - x_i) scale)^2 in float64, one order of summation (rows.cuh), explicit fma.
//            Ranked by (d^2, index). certified = up(d^2_k (1 + m 2^-52) + d 2^-1074) <= bound, m = ceil(d / 32) + 7:
//            the left side is never below the true d^2_k (Higham 2002, section 3.1: two roundings of the squared gap,
//            ceil(d / 32) fma, 5 additions, all terms >= 0; at most half a subnormal step lost per column).
// Tiling     one block of 128 threads per query row; a warp measures a candidate, the block sorts.
//
//              candidate[row]  | 17 | 4 | -1 | 9 | 2 | ...        warp w takes slots w, w + 4, w + 8, ...
//                                 |   |    |   |
//              shared            (d^2 bits, index) x slots, slots = power of two >= c, the rest at the far end
//                                 bitonic network, one __syncthreads per step
//              out[row]        | k nearest ........ |
//
// Shapes     queries (a, d), base (b, d) stored as float16, float32 or float64; query_row (n,) int64 into queries;
//            candidate (n, c) int64 into base, negative = empty; bound (n,) float64; sq_dist (n, k) float64,
//            index (n, k) int64, certified (n,) uint8. Grid n, block 128, shared memory 16 * slots bytes.
// Roles      storage in the caller's type; differences, sums and bounds in float64; ranking on the bits of d^2, which
//            order like the values because d^2 >= +0, and put NaN behind every number.
// Cost       reads n c d storage-bytes scattered by row, writes 17 n k: a gather, bound by memory. One million rows,
//            c = 64, d = 768 in float32 read 197 GB (46 ms at 4.3 TB/s, computed, not measured).
// Contracts  1 <= k <= c; c <= 8192 in 128 KiB of shared memory, 4096 in 64 (the opt-in); the candidates of
//            a row are distinct and finite; scale is a power of two that keeps d^2 in range; every row left out of a
//            row's candidates is farther than its bound (squared, scaled; +inf where nothing was left out).
//            Missing neighbours are (+inf, -1), and such a row is never certified.
// Check      least, most (n, c) float64 are what the pass that chose the candidates says of each squared distance. One
//            that lies outside, by more than its own rounding, adds to violations (1,) uint32: that pass cannot be
//            trusted.
// Reference  geometry.pairs.kernel_reference.rescore, equal bit for bit.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "ranking.cuh"

constexpr int THREADS = 128;

// True d^2 is at most this: rounded outward, so that a certificate never rests on a rounding.
__device__ __forceinline__ double upper(double sq_dist, int d) {
    const double steps = (d + LANES - 1) / LANES + 7;
    return __fma_ru(sq_dist, __fma_ru(steps, 0x1p-52, 1.0), __dmul_ru(d, 0x1p-1074));
}

struct Lists {
    const long long* candidate;  // (c,)
    const double* least;         // (c,)
    const double* most;          // (c,)
    int c;
};

// Keys of the row's candidates into shared memory; slots without a candidate go behind all others. Returns, in lane 0,
// whether a distance lies outside the interval that its coarse value allows.
template <class Value>
__device__ __forceinline__ bool measure(const Value* __restrict__ query,  // (d,)
                                        const Value* __restrict__ base,   // (b, d)
                                        const Lists& lists, double scale, int d, int slots, long long* key,
                                        long long* index) {
    const int lane = threadIdx.x % LANES;
    bool outside = false;
    for (int slot = threadIdx.x / LANES; slot < slots; slot += THREADS / LANES) {
        const long long row = slot < lists.c ? lists.candidate[slot] : -1;
        const double sq_dist = row < 0 ? 0.0 : sq_dist_of(query, base + row * d, scale, d, lane);
        if (lane == 0) {
            key[slot] = row < 0 ? FAR : __double_as_longlong(sq_dist);
            index[slot] = row < 0 ? FAR : row;
            if (row >= 0) {
                outside |= !(upper(sq_dist, d) >= lists.least[slot]) || !(sq_dist <= upper(lists.most[slot], d));
            }
        }
    }
    return outside;
}

template <class Value>
__device__ __forceinline__ void rescore(const Value* __restrict__ queries, const Value* __restrict__ base,
                                        const long long* __restrict__ query_row, const Lists& all,
                                        const double* __restrict__ bound, double scale, int d, int k,
                                        double* __restrict__ sq_dist, long long* __restrict__ index,
                                        unsigned char* __restrict__ certified, unsigned* __restrict__ violations) {
    extern __shared__ long long shared_memory[];
    const int c = all.c;
    int slots = 1;
    while (slots < c) slots *= 2;
    long long *keys = shared_memory, *indices = shared_memory + slots;
    const long long row = blockIdx.x;
    const Lists lists{all.candidate + row * c, all.least + row * c, all.most + row * c, c};
    if (measure(queries + query_row[row] * d, base, lists, scale, d, slots, keys, indices)) atomicAdd(violations, 1u);
    sort_by_distance(keys, indices, slots);
    for (int rank = threadIdx.x; rank < k; rank += THREADS) {
        const bool found = indices[rank] != FAR;
        sq_dist[row * k + rank] = __longlong_as_double(found ? keys[rank] : 0x7ff0000000000000ll);
        index[row * k + rank] = found ? indices[rank] : -1;
    }
    if (threadIdx.x == 0) {
        const double last = __longlong_as_double(keys[k - 1]);  // empty slots read as NaN, which no bound covers
        certified[row] = upper(last, d) <= bound[row];
    }
}

#define RESCORE(name, Value)                                                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                             \
        name(const Value* queries, const Value* base, const long long* query_row, const long long* candidate,         \
             const double* least, const double* most, const double* bound, double scale, int d, int c, int k,         \
             double* sq_dist, long long* index, unsigned char* certified, unsigned* violations) {                     \
        rescore(queries, base, query_row, {candidate, least, most, c}, bound, scale, d, k, sq_dist, index, certified, \
                violations);                                                                                          \
    }

RESCORE(rescore_f16, __half)
RESCORE(rescore_f32, float)
RESCORE(rescore_f64, double)
