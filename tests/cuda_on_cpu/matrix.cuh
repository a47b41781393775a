// Stands in for kernels/matrix.cuh: the matrix and copy instructions as warp operations over fibers.
//
// Fragments lie as the PTX manual draws them (m16n8k16: lane = 4 group + member), so a layout error shows as a wrong
// number. How the product rounds is the harness's choice, because devices differ and the manual leaves it open:
//   0 rounding     the exact sum of the 17 terms, rounded once
//   1 truncating   every term cut toward zero at 2^-24 of the largest, then the sum cut, as matrix units were seen to
//   do 2 outward      the exact sum moved by the whole bound that the scan claims, 17 2^-23 of the largest term, upward
//   3 inward       the same, downward
#pragma once
#include "device.h"

namespace harness {
inline int matrix_mode = 0;
constexpr int DEPTH = 16, TERMS = DEPTH + 1;
constexpr double CLAIMED = TERMS * 0x1p-23;

struct Product {
    float* sum;  // 4: rows group, group + 8; columns 2 member, 2 member + 1
    const unsigned* a;
    const unsigned* b;
};

inline float half_of(unsigned pair, int which) {
    static const std::vector<float> values = [] {
        std::vector<float> all(1 << 16);
        for (unsigned bits = 0; bits < all.size(); ++bits) {
            const unsigned short word = static_cast<unsigned short>(bits);
            _Float16 half;
            std::memcpy(&half, &word, sizeof half);
            all[bits] = static_cast<float>(half);
        }
        return all;
    }();
    return values[which ? pair >> 16 : pair & 0xffff];
}

inline float toward_zero(double value) {
    const float nearest = static_cast<float>(value);
    return std::fabs(static_cast<double>(nearest)) > std::fabs(value) ? std::nextafterf(nearest, 0.0f) : nearest;
}

inline float accumulate(const double (&term)[TERMS]) {
    double sum = 0, largest = 0;
    if (matrix_mode == 0) {
        for (double t : term) sum += t;
        return static_cast<float>(sum);
    }
    for (double t : term) largest = std::fmax(largest, std::fabs(t));
    if (largest == 0) return 0.0f;
    if (matrix_mode == 1) {
        const double step = std::ldexp(1.0, std::ilogb(largest) - 24);
        for (double t : term) sum += std::trunc(t / step) * step;
        return toward_zero(sum);
    }
    for (double t : term) sum += t;
    const double moved = sum + (matrix_mode == 2 ? CLAIMED : -CLAIMED) * largest;
    const float nearest = static_cast<float>(moved);  // within the claim: the rounding goes back toward the exact sum
    if (std::fabs(nearest - sum) <= std::fabs(moved - sum)) return nearest;
    return std::nextafterf(nearest, static_cast<float>(sum));
}

inline void multiply(void* const* lanes) {
    float a[16][DEPTH], b[8][DEPTH];
    for (int lane = 0; lane < WARP; ++lane) {
        const auto& one = *static_cast<const Product*>(lanes[lane]);
        const int group = lane / 4, member = lane % 4;
        for (int which = 0; which < 2; ++which) {
            for (int part = 0; part < 4; ++part) {
                a[group + 8 * (part % 2)][2 * member + which + 8 * (part / 2)] = half_of(one.a[part], which);
            }
            for (int part = 0; part < 2; ++part) b[group][2 * member + which + 8 * part] = half_of(one.b[part], which);
        }
    }
    for (int lane = 0; lane < WARP; ++lane) {
        float* sum = static_cast<const Product*>(lanes[lane])->sum;
        for (int part = 0; part < 4; ++part) {
            const int row = lane / 4 + 8 * (part / 2), column = 2 * (lane % 4) + part % 2;
            double term[TERMS];
            for (int k = 0; k < DEPTH; ++k) term[k] = static_cast<double>(a[row][k]) * b[column][k];
            term[DEPTH] = sum[part];
            sum[part] = accumulate(term);
        }
    }
}

struct Load {
    unsigned* into;  // 4
    const unsigned* row;
};

inline void load_matrices(void* const* lanes) {
    for (int lane = 0; lane < WARP; ++lane) {
        for (int matrix = 0; matrix < 4; ++matrix) {
            const auto* row = static_cast<const Load*>(lanes[8 * matrix + lane / 4])->row;
            static_cast<const Load*>(lanes[lane])->into[matrix] = row[lane % 4];
        }
    }
}
}  // namespace harness

template <class Value>
Value* shared_memory_at(unsigned address) {
    return reinterpret_cast<Value*>(reinterpret_cast<char*>(shared_memory) + address);
}

extern "C" void set_matrix_mode(int mode) {
    harness::matrix_mode = mode;
}

inline void multiply_add(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    harness::Product mine{sum, a, b};
    harness::together(harness::multiply, &mine);
}

inline unsigned shared_address(const void* at) {
    return static_cast<unsigned>(static_cast<const char*>(at) - reinterpret_cast<const char*>(shared_memory));
}

inline void load_matrices(unsigned (&into)[4], unsigned row) {
    harness::Load mine{into, shared_memory_at<const unsigned>(row)};
    harness::together(harness::load_matrices, &mine);
}

inline void begin_copy(unsigned place, const void* from) {
    void* const to = shared_memory_at<void>(place);
    std::memset(to, 0xff, 16);
    harness::self().groups.back().push_back({to, from, 16});
}
inline void end_group() {
    harness::self().groups.emplace_back();
}
template <int PENDING>
void wait_for_groups() {
    auto& groups = harness::self().groups;
    while (groups.size() > PENDING + 1) {
        for (const auto& copy : groups.front()) std::memcpy(copy.to, copy.from, copy.bytes);
        groups.erase(groups.begin());
    }
}
