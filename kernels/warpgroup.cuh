// The matrix, copy and barrier instructions of sm_90a that C++ has no words for. Everything here is one PTX
// instruction, but for `wait_for`, which repeats one.
//
// Included as <warpgroup.cuh>: where kernels are executed on a CPU, a header of this name stands before it on the path.
// On other architectures these words trap: a kernel made of them is launched on sm_90a alone.
//
// Fragment of multiply_add, thread = 32 warp + 4 group + member of a warpgroup of 128 (PTX ISA, wgmma.m64nNk16):
//   sum   rows 16 warp + group (0, 1) and + 8 (2, 3), columns 8 wide + 2 member and + 1: as mma.m16n8k16, 16 wide
// Operands lie in shared memory: rows of 64 halves (128 bytes), eight rows to a block of 1024 bytes, the 16-byte pieces
// of row r at piece ^ (r % 8). That is the 128-byte swizzle of the PTX ISA, so `operand_of` needs only the address.
#pragma once
#include "rows.cuh"

constexpr int GROUP_THREADS = 128, GROUP_ROWS = 64, GROUP_COLUMNS = 128;

#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define ON_SM90A(...) __trap()
#else
#define ON_SM90A(...) __VA_ARGS__
#endif

// Shared memory is addressed by 32-bit numbers.
__device__ __forceinline__ unsigned shared_address(const void* at) {
    return static_cast<unsigned>(__cvta_generic_to_shared(at));
}

// What a matrix instruction is told of an operand: its address, 1024 bytes from one eight rows to the next, swizzled.
__device__ __forceinline__ unsigned long long operand_of(unsigned address) {
    constexpr unsigned long long SWIZZLED = 1ull << 62, EIGHT_ROWS = 1024ull >> 4 << 32, UNUSED = 1ull << 16;
    return SWIZZLED | EIGHT_ROWS | UNUSED | (address & 0x3ffff) >> 4;
}

// sum = a b, or sum += a b where `more`; 64 x 128 x 16, float16 in, float32 out, begun. Called by a whole warpgroup.
__device__ __forceinline__ void multiply_add(float (&sum)[16][4], unsigned long long a, unsigned long long b,
                                             int more) {
    ON_SM90A(asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %66, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {"
        "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"
        "%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,"
        "%57,%58,%59,%60,%61,%62,%63},%64,%65,p,1,1,0,0;}" : "+f"(sum[0][0]),
        "+f"(sum[0][1]), "+f"(sum[0][2]), "+f"(sum[0][3]), "+f"(sum[1][0]), "+f"(sum[1][1]), "+f"(sum[1][2]),
        "+f"(sum[1][3]), "+f"(sum[2][0]), "+f"(sum[2][1]), "+f"(sum[2][2]), "+f"(sum[2][3]), "+f"(sum[3][0]),
        "+f"(sum[3][1]), "+f"(sum[3][2]), "+f"(sum[3][3]), "+f"(sum[4][0]), "+f"(sum[4][1]), "+f"(sum[4][2]),
        "+f"(sum[4][3]), "+f"(sum[5][0]), "+f"(sum[5][1]), "+f"(sum[5][2]), "+f"(sum[5][3]), "+f"(sum[6][0]),
        "+f"(sum[6][1]), "+f"(sum[6][2]), "+f"(sum[6][3]), "+f"(sum[7][0]), "+f"(sum[7][1]), "+f"(sum[7][2]),
        "+f"(sum[7][3]), "+f"(sum[8][0]), "+f"(sum[8][1]), "+f"(sum[8][2]), "+f"(sum[8][3]), "+f"(sum[9][0]),
        "+f"(sum[9][1]), "+f"(sum[9][2]), "+f"(sum[9][3]), "+f"(sum[10][0]), "+f"(sum[10][1]), "+f"(sum[10][2]),
        "+f"(sum[10][3]), "+f"(sum[11][0]), "+f"(sum[11][1]), "+f"(sum[11][2]), "+f"(sum[11][3]), "+f"(sum[12][0]),
        "+f"(sum[12][1]), "+f"(sum[12][2]), "+f"(sum[12][3]), "+f"(sum[13][0]), "+f"(sum[13][1]), "+f"(sum[13][2]),
        "+f"(sum[13][3]), "+f"(sum[14][0]), "+f"(sum[14][1]), "+f"(sum[14][2]), "+f"(sum[14][3]), "+f"(sum[15][0]),
        "+f"(sum[15][1]), "+f"(sum[15][2]), "+f"(sum[15][3]) : "l"(a), "l"(b), "r"(more)));
}

// Before the first of a series of products, and after the registers or the memory they read have been written.
__device__ __forceinline__ void begin_products() {
    ON_SM90A(asm volatile("wgmma.fence.sync.aligned;" :: : "memory"));
}
// The products begun so far are one group; then until it is done, and its sums may be read.
__device__ __forceinline__ void end_products() {
    ON_SM90A(asm volatile("wgmma.commit_group.sync.aligned;" :: : "memory"));
    ON_SM90A(asm volatile("wgmma.wait_group.sync.aligned 0;" :: : "memory"));
}

// A barrier in shared memory (8 bytes): its phase ends when `arrivals` have come and all bytes told of have landed.
__device__ __forceinline__ void make_barrier(unsigned barrier, unsigned arrivals) {
    ON_SM90A(asm volatile("mbarrier.init.shared::cta.b64 [%0],%1;" ::"r"(barrier), "r"(arrivals) : "memory"));
}
// What this thread has written to shared memory, barriers included, is seen by copies that run on their own.
__device__ __forceinline__ void publish_shared() {
    ON_SM90A(asm volatile("fence.mbarrier_init.release.cluster;" :: : "memory"));
    ON_SM90A(asm volatile("fence.proxy.async.shared::cta;" :: : "memory"));
}
__device__ __forceinline__ void arrive(unsigned barrier) {
    ON_SM90A(asm volatile("mbarrier.arrive.shared::cta.b64 _,[%0];" ::"r"(barrier) : "memory"));
}
__device__ __forceinline__ void arrive_with_bytes(unsigned barrier, unsigned bytes) {
    ON_SM90A(
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _,[%0],%1;" ::"r"(barrier), "r"(bytes) : "memory"));
}
// Until the phase of this parity has ended.
__device__ __forceinline__ void wait_for(unsigned barrier, unsigned parity) {
    ON_SM90A(
        asm volatile("{.reg .pred done;\n"
                     "again: mbarrier.try_wait.parity.shared::cta.b64 done,[%0],%1;\n"
                     "@!done bra again;}" ::"r"(barrier),
                     "r"(parity) : "memory"));
}

// `bytes` (a multiple of 16, both ends aligned to 16) from global to shared memory; they land on `barrier`.
__device__ __forceinline__ void begin_bulk_copy(unsigned to, const void* from, unsigned bytes, unsigned barrier) {
    ON_SM90A(
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0],[%1],%2,[%3];" ::"r"(to),
                     "l"(from), "r"(bytes), "r"(barrier) : "memory"));
}

// Registers given up by, and taken for, the threads of a warpgroup.
template <int REGISTERS>
__device__ __forceinline__ void keep_registers() {
    ON_SM90A(asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS)));
}
template <int REGISTERS>
__device__ __forceinline__ void take_registers() {
    ON_SM90A(asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS)));
}
