// Stands in for kernels/warpgroup.cuh: the instructions of sm_90a over fibers, as the PTX manual describes them.
//
// Operands are read through their descriptors: address, distance of eight rows, and the 128-byte swizzle, which moves bits 4
// to 6 of an address by bits 7 to 9. The sums of a product are NaN until its group has been waited for. A bulk copy lands
// when somebody waits for its barrier and everybody has arrived; until then the memory holds NaN. A warpgroup's product is
// made warp by warp: each has its own 16 rows and reads all columns.
#pragma once
#include <map>

#include "matrix.cuh"

constexpr int GROUP_THREADS = 128, GROUP_ROWS = 64, GROUP_COLUMNS = 128;

namespace harness {
struct Barrier {
    unsigned arrivals = 0, pending = 0, phase = 0;
    long long bytes = 0;  // told of and not landed
    std::vector<Copy> copies;
};
inline std::map<unsigned, Barrier> barriers;  // by address; made anew by every block

// Whether the phase of this parity has ended; copies land when the last arrival has come.
inline bool ended(unsigned address, unsigned parity) {
    Barrier& barrier = barriers.at(address);
    if (barrier.pending == 0) {
        for (const Copy& copy : barrier.copies) {
            std::memcpy(copy.to, copy.from, copy.bytes);
            barrier.bytes -= static_cast<long long>(copy.bytes);
        }
        barrier.copies.clear();
        if (barrier.bytes == 0) barrier.pending = barrier.arrivals, barrier.phase ^= 1;
    }
    return barrier.phase != parity;
}

// Sums of products that have not been waited for, by thread.
struct Begun {
    float (*sum)[4] = nullptr;
    float value[GROUP_COLUMNS / 2];
};
inline Begun begun[1024];

struct GroupProduct {
    unsigned thread;
    float (*sum)[4];
    unsigned long long a, b;
    int more;
};

inline float operand_at(unsigned long long operand, unsigned row, unsigned column) {
    if (operand >> 62 != 1) return NAN;  // not the 128-byte swizzle
    const unsigned start = static_cast<unsigned>(operand & 0x3fff) << 4;
    const unsigned eight_rows = static_cast<unsigned>(operand >> 32 & 0x3fff) << 4;
    const unsigned plain = start + row / 8 * eight_rows + row % 8 * 128 + column * 2;
    return half_of(*shared_memory_at<const unsigned short>(plain ^ (plain >> 7 & 7) << 4), 0);
}

inline void multiply_groups(void* const* lanes) {
    const auto& first = *static_cast<const GroupProduct*>(lanes[0]);
    const unsigned own_rows = first.thread / WARP % 4 * 16;
    float a[16][DEPTH], b[GROUP_COLUMNS][DEPTH];
    for (int k = 0; k < DEPTH; ++k) {
        for (int row = 0; row < 16; ++row) a[row][k] = operand_at(first.a, own_rows + row, k);
        for (int column = 0; column < GROUP_COLUMNS; ++column) b[column][k] = operand_at(first.b, column, k);
    }
    for (int lane = 0; lane < WARP; ++lane) {
        const auto& one = *static_cast<const GroupProduct*>(lanes[lane]);
        Begun& mine = begun[one.thread];
        mine.sum = one.sum;
        for (int value = 0; value < GROUP_COLUMNS / 2; ++value) {
            const int row = lane / 4 + value % 4 / 2 * 8, column = value / 4 * 8 + lane % 4 * 2 + value % 2;
            double term[TERMS];
            for (int k = 0; k < DEPTH; ++k) term[k] = static_cast<double>(a[row][k]) * b[column][k];
            term[DEPTH] = one.more ? mine.value[value] : 0.0;
            mine.value[value] = accumulate(term);
            one.sum[value / 4][value % 4] = NAN;
        }
    }
}
}  // namespace harness

inline unsigned long long operand_of(unsigned address) {
    return 1ull << 62 | 1024ull >> 4 << 32 | 1ull << 16 | (address & 0x3ffff) >> 4;
}
inline void begin_products() {
    harness::begun[threadIdx.x].sum = nullptr;
}
inline void multiply_add(float (&sum)[16][4], unsigned long long a, unsigned long long b, int more) {
    harness::GroupProduct mine{threadIdx.x, sum, a, b, more};
    harness::together(harness::multiply_groups, &mine);
}
inline void end_products() {
    const harness::Begun& mine = harness::begun[threadIdx.x];
    for (int value = 0; value < GROUP_COLUMNS / 2; ++value) mine.sum[value / 4][value % 4] = mine.value[value];
}

inline void make_barrier(unsigned barrier, unsigned arrivals) {
    harness::barriers[barrier] = {arrivals, arrivals, 0, 0, {}};
}
inline void publish_shared() {
}
inline void arrive(unsigned barrier) {
    --harness::barriers.at(barrier).pending;
}
inline void arrive_with_bytes(unsigned barrier, unsigned bytes) {
    harness::barriers.at(barrier).bytes += bytes;
    arrive(barrier);
}
inline void wait_for(unsigned barrier, unsigned parity) {
    harness::wait_until([=] { return harness::ended(barrier, parity); });
}
inline void begin_bulk_copy(unsigned to, const void* from, unsigned bytes, unsigned barrier) {
    void* const place = shared_memory_at<void>(to);
    std::memset(place, 0xff, bytes);
    harness::barriers.at(barrier).copies.push_back({place, from, bytes});
}
template <int REGISTERS>
void keep_registers() {
}
template <int REGISTERS>
void take_registers() {
}
