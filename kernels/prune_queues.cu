// Between two phases of a scan: every row's next threshold from its own candidates, and its queue cut down to it.
//
// Formula    A candidate's true distance lies within [sqrt(max(w, 0)) - g, sqrt(max(w + 2 s, 0)) + g], with w its
//            coarse value, s = slack_i + slack_j, g = delta_i + delta_j (geometry.pairs.cuda.bound). The k-th smallest
//            upper end of a row is a distance t that its k nearest rows do not exceed, and
//              cut_i = min(cut_i, up(t^2 keep))                    keep = 1 + 2^-6, paid for by what slack holds
//            keeps every row that may be among them. Every rounding is outward. A row with fewer than k candidates
//            keeps its threshold; a row that lost candidates (filled > capacity) gets -inf and collects no more.
// Tiling     one warp per row. The upper ends lie in shared memory; the k-th is found by bisection over the bits of
//            float32, which order like the values because they are not negative.
//
//              entries[row]   | e0 e1 ... e31 | e32 ... |          32 at a time, lane by lane
//              shared         | upper ends, one float each |       31 counts of "upper <= middle"
//              entries[row]   | kept ..... |                       in place, by ballot
//
// Shapes     entries (n, capacity) uint64, filled (n,) uint32, cut (n,) float32; slack and delta (n,) float64 of the
//            rows, and (m,) of the columns. Grid ceil(n / warps), block 32 warps, shared memory 4 warps capacity bytes.
//            list_candidates: rows [first, first + count), width slots each, by grid ceil(count width / 128), block
//            128: candidate (count, width) int64 = order[column] or -1, least and most (count, width) float64: what
//            the squared distance must lie between.
// Roles      bounds in float64 with directed rounding, thresholds float32 rounded up.
// Cost       reads each queue once from memory and 16 bytes per entry scattered; counts from shared memory. Small
// beside
//            the scan: about 500 instructions per row and phase at k = 15.
// Contracts  the set of kept entries does not depend on the order in which they were pushed.
// Reference  geometry.pairs.kernel_reference.next_cut, equal bit for bit.
// State      not run on a GPU; run on the CPU harness in the tests.
#include "queues.cuh"

struct Bounds {
    const double* slack;
    const double* delta;
};

// Squares of the ends of the interval that a candidate's true distance lies in; most is negative where there is none.
struct Interval {
    double least, most;
};

__device__ __forceinline__ double most_dist(double coarse, double slack, double delta) {
    return __dadd_ru(__dsqrt_ru(fmax(__fma_ru(2.0, slack, coarse), 0.0)), delta);
}

__device__ __forceinline__ Interval interval_of(double coarse, double slack, double delta) {
    const double low = __dsub_rd(__dsqrt_rd(fmax(coarse, 0.0)), delta), high = most_dist(coarse, slack, delta);
    const bool possible = __fma_ru(2.0, slack, coarse) >= 0.0;
    return {low > 0.0 ? __dmul_rd(low, low) : 0.0, possible ? __dmul_ru(high, high) : -1.0};
}

// Every lane counts the entries that it laid down itself.
__device__ __forceinline__ int count_up_to(const float* upper, int entries, unsigned bits) {
    int count = 0;
    for (int slot = threadIdx.x % LANES; slot < entries; slot += LANES) count += __float_as_uint(upper[slot]) <= bits;
    for (int apart = LANES / 2; apart > 0; apart /= 2) count += __shfl_xor_sync(ALL_LANES, count, apart);
    return count;
}

// The k-th smallest of non-negative numbers, k <= entries.
__device__ __forceinline__ float smallest(const float* upper, int entries, int k) {
    unsigned low = 0, high = 0x7f800000u;  // the answer lies in [low, high]
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        if (count_up_to(upper, entries, middle) >= k) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return __uint_as_float(low);
}

// Moves the entries within the cut to the front; their number. Called by all 32 lanes.
__device__ __forceinline__ int keep_within(Entry* entries, int count, float cut) {
    const int lane = threadIdx.x % LANES;
    int kept = 0;
    for (int first = 0; first < count; first += LANES) {
        const bool there = first + lane < count;
        const Entry entry = there ? entries[first + lane] : 0;
        const bool keep = there && !(coarse_of(entry) > cut);
        const unsigned keepers = __ballot_sync(ALL_LANES, keep);  // all have read before anyone writes
        if (keep) entries[kept + __popc(keepers & ((1u << lane) - 1))] = entry;
        kept += __popc(keepers);
    }
    return kept;
}

extern "C" __global__ void __launch_bounds__(128)
    prune_queues(const double* row_slack, const double* row_delta, const double* column_slack,
                 const double* column_delta, long long n, int k, double keep, Entry* entries, unsigned* filled,
                 int capacity, float* cut) {
    extern __shared__ long long shared_memory[];
    const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
    const long long row = static_cast<long long>(blockIdx.x) * (blockDim.x / LANES) + warp;
    if (row >= n) return;  // whole warps leave
    const unsigned count = filled[row];
    __syncwarp();  // read by all before lane 0 writes it
    if (count > capacity && lane == 0) cut[row] = -__uint_as_float(0x7f800000u);
    if (count > capacity || count < k) return;
    float* const upper = reinterpret_cast<float*>(shared_memory) + warp * capacity;
    Entry* const mine = entries + row * capacity;
    for (int slot = lane; slot < count; slot += LANES) {
        const unsigned column = column_of(mine[slot]);
        const double slack = __dadd_ru(row_slack[row], column_slack[column]);
        const double delta = __dadd_ru(row_delta[row], column_delta[column]);
        upper[slot] = __double2float_ru(most_dist(coarse_of(mine[slot]), slack, delta));
    }
    const double dist = smallest(upper, count, k);
    const float next = fminf(cut[row], __double2float_ru(__dmul_ru(__dmul_ru(dist, dist), keep)));
    const int kept = keep_within(mine, count, next);
    if (lane == 0) {
        cut[row] = next;
        filled[row] = kept;
    }
}

extern "C" __global__ void __launch_bounds__(128)
    list_candidates(const double* row_slack, const double* row_delta, const double* column_slack,
                    const double* column_delta, const Entry* entries, const unsigned* filled, int capacity,
                    const long long* row, long long count, int width, const long long* order, long long* candidate,
                    double* least, double* most) {
    const long long item = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (item >= count * width) return;
    const long long from = row[item / width];
    const int slot = static_cast<int>(item % width);
    const bool there = filled[from] <= capacity && slot < filled[from];
    const Entry entry = there ? entries[from * capacity + slot] : 0;
    const unsigned column = column_of(entry);
    const Interval within = interval_of(coarse_of(entry), __dadd_ru(row_slack[from], column_slack[column]),
                                        __dadd_ru(row_delta[from], column_delta[column]));
    candidate[item] = there ? order[column] : -1;
    least[item] = within.least;
    most[item] = within.most;
}
