// The matrix and copy instructions of sm_80 and up that C++ has no words for. Everything here is one PTX instruction.
//
// Included as <matrix.cuh>: where kernels are executed on a CPU, a header of this name stands before it on the path.
//
// Fragments of multiply_add, lane = 4 group + member (PTX ISA, mma.m16n8k16):
//   sum   rows group (0, 1) and group + 8 (2, 3), columns 2 member and 2 member + 1
//   a     rows group (0, 2) and group + 8 (1, 3), columns 2 member, 2 member + 1 (0, 1) and those + 8 (2, 3)
//   b     column group, rows 2 member, 2 member + 1 (0) and those + 8 (1)
#pragma once

// Shared memory is addressed by 32-bit numbers: half the registers of a pointer.
__device__ __forceinline__ unsigned shared_address(const void* at) {
    return static_cast<unsigned>(__cvta_generic_to_shared(at));
}

// sum += a b, 16 x 8 x 16, float16 in, float32 out. Called by all 32 lanes.
__device__ __forceinline__ void multiply_add(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 x 8 matrices of 16-bit numbers: lane l gives the shared address of row l % 8 of matrix l / 8. Called by all 32
// lanes.
__device__ __forceinline__ void load_matrices(unsigned (&into)[4], unsigned row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
                 : "=r"(into[0]), "=r"(into[1]), "=r"(into[2]), "=r"(into[3])
                 : "r"(row)
                 : "memory");
}

// 16 bytes from global to shared memory, there once the group they belong to has been waited for.
__device__ __forceinline__ void begin_copy(unsigned to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0],[%1],16;" ::"r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void end_group() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// Until at most PENDING of this thread's groups are open.
template <int PENDING>
__device__ __forceinline__ void wait_for_groups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}
