// Queues of candidates, one per row: what a scan found that may be a neighbour, to be measured again later.
//
// An entry holds the coarse value in the order of unsigned numbers above the column's position, so that entries order
// by (coarse value, column). `filled` counts every push, also those that found the queue full: above `capacity` it says
// that the row has lost candidates. Which push takes which place depends on the race; the set of entries does not,
// because thresholds stand still while a queue is filled.
#pragma once
#include "rows.cuh"

using Entry = unsigned long long;

struct Queues {
    Entry* entries;    // (n, capacity)
    unsigned* filled;  // (n,)
    int capacity;
};

__device__ __forceinline__ Entry entry_of(float coarse, unsigned column) {
    const unsigned bits = __float_as_uint(coarse);
    const unsigned ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return static_cast<Entry>(ordered) << 32 | column;
}
__device__ __forceinline__ float coarse_of(Entry entry) {
    const unsigned ordered = static_cast<unsigned>(entry >> 32);
    return __uint_as_float(ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered);
}
__device__ __forceinline__ unsigned column_of(Entry entry) {
    return static_cast<unsigned>(entry);
}

// Lanes with a hit push their entries; those that push to one row share one atomic. Called by all 32 lanes.
__device__ __forceinline__ void push(bool hit, unsigned row, Entry entry, const Queues& queues) {
    const unsigned hits = __ballot_sync(ALL_LANES, hit);
    if (hits == 0) return;
    const int lane = threadIdx.x % LANES;
    const unsigned alone = 0x80000000u | lane;  // no row: a lane without a hit stands for itself
    const unsigned together = __match_any_sync(ALL_LANES, hit ? row : alone);
    const int leader = __ffs(together) - 1;
    unsigned place = 0;
    if (hit && lane == leader) place = atomicAdd(queues.filled + row, static_cast<unsigned>(__popc(together)));
    place = __shfl_sync(ALL_LANES, place, leader) + __popc(together & ((1u << lane) - 1));
    if (hit && place < queues.capacity) {
        queues.entries[static_cast<long long>(row) * queues.capacity + place] = entry;
    }
}
