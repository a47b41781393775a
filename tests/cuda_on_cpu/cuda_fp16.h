// Stands in for CUDA's header of this name: float16 as the compiler's own type, each conversion rounded once.
#pragma once

struct __half {
    _Float16 value;
};

inline float __half2float(__half half) {
    return static_cast<float>(half.value);
}
inline __half __double2half(double value) {
    return {static_cast<_Float16>(value)};
}
