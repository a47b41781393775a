// The last resort: the k nearest rows by measuring every row in float64. It always ends, whatever the rows are.
//
// Formula    d^2(q, x) as in rescore.cu, bit for bit; the first k by (d^2, index) among those that come after
//            (after_sq_dist, after_index) in that order, so that any k is reached by repeated launches.
// Tiling     one block of 128 threads per query row; rows are measured 128 at a time, a warp each in turn. What comes
//            before the k-th found so far enters a heap in shared memory, which is sorted and cut when it may run over.
//
//              base rows    | 128 | 128 | 128 | ...          warp w measures rows w, w + 4, ... of each
//              shared       | k kept | new ones ... |        (d^2 bits, index) x slots, slots >= k + 128
//
// Shapes     queries (a, d), base (b, d) stored as float16, float32 or float64; query_row (n,) int64 into queries;
//            self_row (n,) int64 into base, negative = none; after_sq_dist (n,) float64 and after_index (n,) int64,
//            (-1, -1) = from the first; sq_dist (n, k) float64, index (n, k) int64. Grid n, block 128, shared memory
//            16 slots + 16 bytes, slots a power of two.
// Roles      as rescore.cu: everything in float64.
// Cost       b d storage-bytes per query row, from L2 where blocks run side by side; b d fma in float64.
// Contracts  k <= slots - 128: 8,064 in 128 KiB of shared memory, 3,968 in 64 KiB where a block has no more than 99
//            (more than 48 KiB asks for the opt-in); coordinates finite. Missing neighbours are (+inf, -1).
// Reference  geometry.pairs.kernel_reference.rescore with every row a candidate, equal bit for bit.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "ranking.cuh"

constexpr int THREADS = 128, ROUND = 128;

struct Kept {
    long long* key;
    long long* index;
    int* filled;
    int slots, k;

    // Whether (key, index) comes before the k-th of the last sorting; everything does before there are k.
    __device__ __forceinline__ bool wants(long long limit_key, long long limit_index, long long new_key,
                                          long long new_index) const {
        return new_key < limit_key || (new_key == limit_key && new_index < limit_index);
    }
    __device__ __forceinline__ void add(long long new_key, long long new_index) const {
        const int slot = atomicAdd(filled, 1);
        key[slot] = new_key, index[slot] = new_index;
    }
    // Sorts and leaves the first k. Called by all threads of the block, after a barrier.
    __device__ __forceinline__ void cut_down() const {
        const int count = *filled;
        for (int slot = count + threadIdx.x; slot < slots; slot += THREADS) key[slot] = FAR, index[slot] = FAR;
        sort_by_distance(key, index, slots);
        if (threadIdx.x == 0) *filled = min(count, k);
        __syncthreads();  // the new number is there for all
    }
};

template <class Value>
__device__ __forceinline__ void stream(const Value* __restrict__ query, const Value* __restrict__ base, double scale,
                                       int d, long long rows, long long self, long long after_key,
                                       long long after_index, const Kept& kept) {
    const int lane = threadIdx.x % LANES;
    long long limit_key = FAR, limit_index = FAR;
    for (long long first = 0; first < rows; first += ROUND) {
        for (int item = threadIdx.x / LANES; item < ROUND && first + item < rows; item += THREADS / LANES) {
            const long long row = first + item;
            const long long key = __double_as_longlong(sq_dist_of(query, base + row * d, scale, d, lane));
            const bool after = key > after_key || (key == after_key && row > after_index);
            if (lane == 0 && row != self && after && kept.wants(limit_key, limit_index, key, row)) kept.add(key, row);
        }
        __syncthreads();  // the round is in the heap
        if (*kept.filled + ROUND > kept.slots) {
            kept.cut_down();
            limit_key = kept.key[kept.k - 1], limit_index = kept.index[kept.k - 1];
        }
        __syncthreads();  // the number was read by all before the next round adds to it
    }
    kept.cut_down();
}

template <class Value>
__device__ __forceinline__ void nearest(const Value* __restrict__ queries, const Value* __restrict__ base,
                                        const long long* __restrict__ query_row, const long long* __restrict__ self_row,
                                        const double* __restrict__ after_sq_dist,
                                        const long long* __restrict__ after_index, double scale, int d, long long rows,
                                        int k, int slots, double* __restrict__ sq_dist, long long* __restrict__ index) {
    extern __shared__ long long shared_memory[];
    const long long row = blockIdx.x;
    const Kept kept{shared_memory, shared_memory + slots, reinterpret_cast<int*>(shared_memory + 2 * slots), slots, k};
    if (threadIdx.x == 0) *kept.filled = 0;
    __syncthreads();  // the heap is empty for all
    const double after = after_sq_dist[row];
    stream(queries + query_row[row] * d, base, scale, d, rows, self_row[row],
           after < 0.0 ? -1 : __double_as_longlong(after), after_index[row], kept);
    for (int rank = threadIdx.x; rank < k; rank += THREADS) {
        const bool found = kept.index[rank] != FAR;
        sq_dist[row * k + rank] = __longlong_as_double(found ? kept.key[rank] : 0x7ff0000000000000ll);
        index[row * k + rank] = found ? kept.index[rank] : -1;
    }
}

#define STREAM_NEAREST(name, Value)                                                                                 \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                           \
        name(const Value* queries, const Value* base, const long long* query_row, const long long* self_row,        \
             const double* after_sq_dist, const long long* after_index, double scale, int d, long long rows, int k, \
             int slots, double* sq_dist, long long* index) {                                                        \
        nearest(queries, base, query_row, self_row, after_sq_dist, after_index, scale, d, rows, k, slots, sq_dist,  \
                index);                                                                                             \
    }

STREAM_NEAREST(stream_nearest_f16, __half)
STREAM_NEAREST(stream_nearest_f32, float)
STREAM_NEAREST(stream_nearest_f64, double)
