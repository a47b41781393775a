// Neighbourhoods reduced to a few numbers each, in one launch: spectrum, angles, areas, reflected pairs.
//
// Formula    v_j = (x_j - x) scale over the first c = count of a row's neighbours, r = max_j |v_j|, G_ij = v_i.v_j /
// r^2,
//            u_j = sqrt(G_jj), H_ij = G_ij - g_i - g_j + g (g_i = mean_j G_ij, g = mean_i g_i);
//            sums, in this order: r / scale | #{u_j > 0} | sum_{i,j} cos^2 | sum_{i<j} cos | sum_{i<j} sin |
//              sum_{i<j} sqrt(max(H_ii H_jj - H_ij^2, 0)) | sum_{i<j} sqrt(H_ii H_jj) | log sums of tle | pairs it
//              drops
//            eigenvalues of H / c, descending: the covariance's (ddof 0) in units of r^2.
//            geometry/pairs/local.py says what each is for and where it comes from. Where trace H / c < FAR the
//            neighbours lie together far from x, and H is made again from differences to the nearest neighbour.
//            Eigenvalues: Householder tridiagonalisation (Golub, Van Loan 2013, algorithm 8.3.1), then bisection on
//            Sturm counts (Barth, Martin, Wilkinson 1967), a thread for each: 4/3 k^3 + 60 k^2 steps where cyclic
//            Jacobi takes some 40 k^3. Values below rounding are 0, as in local.py.
// Tiling     one block of 128 threads per neighbourhood; a thread holds a 4 x 4 tile of G, later one row of it.
//
//              slab    16 columns of v, (16, 4 ceil(k / 4) + 1) float64     staged from the rows, d / 16 times
//                         |  tile (I, J), J <= I:  G += slab_I slab_J'      528 tiles at k = 128: 5 passes of 128
//              packed  lower triangle of G, then of H, then of H's Householder form, k (k + 1) / 2 float64
//              after the products the slab's room holds the vectors v, w, diagonal, beside
//
// Shapes     points (n, d) stored as float16, float32 or float64; row (m,), index (m, k), count (m,) int64;
//            sums (m, 9), eigenvalues (m, p) float64, p <= k. Grid m, block 128,
//            shared memory 8 (k (k + 1) / 2 + 16 (4 ceil(k / 4) + 1) + 4) bytes: 82,624 at k = 128, which every device
//            of compute capability 8.0 and later has (the opt-in above 48 KiB).
// Roles      storage in the caller's type; differences and all that follows in float64, products by fma.
// Cost       reads m k d storage-bytes scattered by row (ceil(tiles / 128) times, from L2 after the first), and
//            m k^2 d / 2 float64 fma, each 4 bytes from shared memory: bound by that or by float64, about even. One
//            million rows, k = 32, d = 768: 3.9e11 fma (.023 s at 17 Tfma/s), 98 GB gathered in float32 (.023 s at 4.3
//            TB/s); computed, not measured.
// Contracts  0 <= count <= k <= 128; row and index inside the points; scale a power of two that keeps squared lengths
// of
//            differences in range. Every sum has one order: no schedule changes a digit.
// Leaves out k > 128: such a matrix leaves no room in shared memory.
// Reference  geometry.pairs.local_reference, within rounding.
// State      has run on the CPU harness alone.
#include "rows.cuh"

constexpr int THREADS = 128;
constexpr int SLAB = 16;          // columns staged at a time
constexpr int TILE = 4;           // rows and columns of G that a thread accumulates in registers
constexpr int BISECTIONS = 60;    // of an interval of at most 4 r^2: far below rounding
constexpr double TIGHT = 1e-4;    // of r: measurements of tle below it are dropped
constexpr double SAME = 1e-12;    // of r^2: squared distance of two neighbours below which they are one
constexpr double FAR = 1e-4;      // of r^2: mean squared distance to the mean below which H is made again
constexpr double PIVOT = 1e-290;  // a Sturm pivot is never smaller
constexpr double EPSILON = 0x1p-52;

template <class Value>
struct Neighborhood {
    const Value* points;     // (n, d)
    const long long* index;  // (k,)
    int count, d;
    double scale;

    __device__ __forceinline__ double at(int member, const Value* origin, int column) const {
        const double x = as_double(points[index[member] * d + column]);
        return __dmul_rn(__dsub_rn(x, as_double(origin[column])), scale);
    }
};

// Where a symmetric matrix keeps entry (i, j).
__device__ __forceinline__ int place(int i, int j) {
    return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i;
}

// Sum over the block in one order, known to all threads. Called by all threads.
__device__ __forceinline__ double block_sum(double value, double* partial) {
    const double sum = warp_sum(value);
    __syncthreads();  // what was read from partial before has been read
    if (threadIdx.x % LANES == 0) partial[threadIdx.x / LANES] = sum;
    __syncthreads();  // all warps have written
    double total = partial[0];
    for (int warp = 1; warp < THREADS / LANES; ++warp) total = __dadd_rn(total, partial[warp]);
    return total;
}

// Largest diagonal entry of a packed matrix. Called by all threads, after a barrier.
__device__ __forceinline__ double largest_diagonal(const double* packed, int count) {
    double largest = 0.0;
    for (int i = 0; i < count; ++i) largest = fmax(largest, packed[place(i, i)]);
    return largest;
}

// Tile (high, low) of the lower triangle of tiles, counted row by row.
__device__ __forceinline__ void tile_at(int tile, int& high, int& low) {
    high = 0;
    while ((high + 1) * (high + 2) / 2 <= tile) ++high;
    low = tile - high * (high + 1) / 2;
}

// Products of the differences to `origin`, each one sum over the columns in turn, packed.
template <class Value>
__device__ __forceinline__ void products(const Neighborhood<Value>& of, const Value* origin, double* slab,
                                         double* packed) {
    const int tiles_across = (of.count + TILE - 1) / TILE, tiles = tiles_across * (tiles_across + 1) / 2;
    const int stride = tiles_across * TILE + 1;  // odd: the staging below meets every bank
    for (int first = 0; first < tiles; first += THREADS) {
        const bool busy = first + static_cast<int>(threadIdx.x) < tiles;
        int high = 0, low = 0;
        if (busy) tile_at(first + threadIdx.x, high, low);
        double sum[TILE][TILE] = {};
        for (int start = 0; start < of.d; start += SLAB) {
            __syncthreads();  // the slab before, or the vectors in its room, have been read
            for (int cell = threadIdx.x; cell < SLAB * (stride - 1); cell += THREADS) {
                const int member = cell / SLAB, column = cell % SLAB;
                const bool inside = member < of.count && start + column < of.d;
                slab[column * stride + member] = inside ? of.at(member, origin, start + column) : 0.0;
            }
            __syncthreads();  // the slab is complete
            for (int column = 0; busy && column < SLAB; ++column) {
                const double *left = slab + column * stride + high * TILE, *right = slab + column * stride + low * TILE;
#pragma unroll
                for (int i = 0; i < TILE; ++i) {
#pragma unroll
                    for (int j = 0; j < TILE; ++j) sum[i][j] = __fma_rn(left[i], right[j], sum[i][j]);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < TILE; ++i) {
#pragma unroll
            for (int j = 0; j < TILE; ++j) {
                const int row = high * TILE + i, column = low * TILE + j;
                if (busy && row < of.count && column <= row) packed[place(row, column)] = sum[i][j];
            }
        }
    }
    __syncthreads();  // the matrix is complete
}

__device__ __forceinline__ void divide(double* packed, int count, double by) {
    for (int cell = threadIdx.x; cell < count * (count + 1) / 2; cell += THREADS) packed[cell] = packed[cell] / by;
    __syncthreads();  // every entry is in its unit
}

// How far along a ray a reflected pair reaches, from squared lengths a, b and squared distance v2; 0 where nowhere.
__device__ __forceinline__ double reached(double a, double b, double v2) {
    const double lead = a + v2 - b, below = lead + sqrt(fmax(lead * lead + 4.0 * v2 * fmax(1.0 - a, 0.0), 0.0));
    return below > 0.0 ? 2.0 * v2 / below : 0.0;
}

// Sums over angles and reflected pairs, from G: a thread takes the pairs of its own member.
__device__ __forceinline__ void sum_pairs(const double* packed, int count, double* partial, double* __restrict__ sums) {
    const int i = threadIdx.x;
    double directed = 0.0, cos2 = 0.0, cos = 0.0, sin = 0.0, tight = 0.0, dropped = 0.0;
    if (i < count) {
        const double a = packed[place(i, i)], length = sqrt(a);
        directed = a > 0.0;
        tight = length >= TIGHT ? 2.0 * log(length) : 0.0;
        dropped = length < TIGHT;
        for (int j = 0; j < count; ++j) {
            if (j == i) continue;
            const double b = packed[place(j, j)], g = packed[place(i, j)], v2 = fmax(a + b - 2.0 * g, 0.0);
            const double s = reached(a, b, v2), t = reached(a, b, 2.0 * a + 2.0 * b - v2);
            const bool kept = v2 > SAME && s >= TIGHT && t >= TIGHT;
            tight += kept ? log(s) + log(t) : 0.0;
            dropped += !kept;
            if (j < i && a > 0.0 && b > 0.0) {
                const double cosine = fmin(fmax(g / length / sqrt(b), -1.0), 1.0);
                cos += cosine, cos2 += cosine * cosine, sin += sqrt(1.0 - cosine * cosine);
            }
        }
    }
    const double found[] = {directed, 2.0 * cos2 + directed, cos, sin};
#pragma unroll
    for (int which = 0; which < 4; ++which) {
        const double total = block_sum(found[which], partial);
        if (i == 0) sums[1 + which] = total;
    }
    tight = block_sum(tight, partial), dropped = block_sum(dropped, partial);
    if (i == 0) sums[7] = tight, sums[8] = dropped;
}

// G becomes H in place; returns the trace of H over count.
__device__ __forceinline__ double centre(double* packed, int count, double* mean, double* partial) {
    const int i = threadIdx.x;
    double row_sum = 0.0;
    for (int j = 0; i < count && j < count; ++j) row_sum += packed[place(i, j)];
    if (i < count) mean[i] = row_sum / count;
    const double whole = block_sum(i < count ? row_sum / count : 0.0, partial) / count;
    for (int j = 0; i < count && j <= i; ++j) packed[place(i, j)] = packed[place(i, j)] - mean[j] + (whole - mean[i]);
    return block_sum(i < count ? packed[place(i, i)] / count : 0.0, partial);
}

// Areas of the triangles with the mean, and the products of their edges, from H.
__device__ __forceinline__ void sum_areas(const double* packed, int count, double* partial, double* __restrict__ sums) {
    const int i = threadIdx.x;
    double area = 0.0, edges = 0.0;
    for (int j = 0; i < count && j < i; ++j) {
        const double product = fmax(packed[place(i, i)], 0.0) * fmax(packed[place(j, j)], 0.0), h = packed[place(i, j)];
        area += sqrt(fmax(product - h * h, 0.0)), edges += sqrt(product);
    }
    area = block_sum(area, partial), edges = block_sum(edges, partial);
    if (i == 0) sums[5] = area, sums[6] = edges;
}

// Householder: the diagonal stays on that of `packed`, the other entries of the tridiagonal form go to beside[0 ..].
__device__ __forceinline__ void tridiagonalise(double* packed, int count, double* v, double* w, double* beside,
                                               double* partial) {
    const int i = threadIdx.x;
    for (int step = 0; step + 1 < count; ++step) {
        const bool mine = i > step && i < count;
        const double x = mine ? packed[place(i, step)] : 0.0, head = packed[place(step + 1, step)];
        const double below = block_sum(i > step + 1 ? x * x : 0.0, partial);
        if (below == 0.0) {  // nothing to clear; the same in all threads
            if (i == 0) beside[step] = head;
            continue;
        }
        const double norm = sqrt(head * head + below), turned = head > 0.0 ? -norm : norm;
        const double reflected = i == step + 1 ? x - turned : x;
        const double factor = 2.0 / (below + (head - turned) * (head - turned));
        if (i < count) v[i] = reflected;
        if (i == 0) beside[step] = turned;
        __syncthreads();  // v is complete
        double image = 0.0;
        for (int j = step + 1; mine && j < count; ++j) image = __fma_rn(packed[place(i, j)], v[j], image);
        image *= factor;
        const double half = 0.5 * factor * block_sum(mine ? image * reflected : 0.0, partial);
        const double pulled = image - half * reflected;
        if (i < count) w[i] = pulled;
        __syncthreads();  // w is complete, the matrix has been read
        for (int j = step + 1; mine && j <= i; ++j) packed[place(i, j)] -= reflected * w[j] + pulled * v[j];
        __syncthreads();  // the matrix is that of the next step
    }
}

// Eigenvalues below x of the tridiagonal matrix: its negative Sturm pivots.
__device__ __forceinline__ int below(const double* diagonal, const double* beside, int count, double x) {
    double pivot = 1.0;
    int negative = 0;
    for (int i = 0; i < count; ++i) {
        const double gap = i == 0 ? 0.0 : beside[i - 1] * beside[i - 1] / pivot;
        pivot = diagonal[i] - x - gap;
        if (fabs(pivot) < PIVOT) pivot = -PIVOT;
        negative += pivot < 0.0;
    }
    return negative;
}

// The `rank`-th largest eigenvalue, 0 the first, within 2^-58 of the largest bound of Gershgorin.
__device__ __forceinline__ double bisect(const double* diagonal, const double* beside, int count, int rank) {
    double least = diagonal[0], most = diagonal[0];
    for (int i = 0; i < count; ++i) {
        const double left = i > 0 ? fabs(beside[i - 1]) : 0.0, right = i + 1 < count ? fabs(beside[i]) : 0.0;
        least = fmin(least, diagonal[i] - left - right), most = fmax(most, diagonal[i] + left + right);
    }
    for (int halving = 0; halving < BISECTIONS; ++halving) {
        const double middle = 0.5 * (least + most);
        if (below(diagonal, beside, count, middle) >= count - rank) {
            most = middle;
        } else {
            least = middle;
        }
    }
    return 0.5 * (least + most);
}

// Eigenvalues of H / count, descending; `size` is that of the numbers H was made from, which its rounding follows.
__device__ __forceinline__ void spectrum(double* packed, int count, int wanted, double size, double* room,
                                         double* partial, double* __restrict__ eigenvalues) {
    double *v = room, *w = v + count, *diagonal = w + count, *beside = diagonal + count;
    tridiagonalise(packed, count, v, w, beside, partial);
    if (threadIdx.x < count) diagonal[threadIdx.x] = packed[place(threadIdx.x, threadIdx.x)];
    __syncthreads();  // the diagonal is complete
    const int rank = threadIdx.x;
    const double value = rank < min(wanted, count) ? bisect(diagonal, beside, count, rank) / count : 0.0;
    if (rank == 0) v[0] = value;  // v has `count` places, and the others are bisecting what lies behind it
    __syncthreads();              // the largest is known
    const double floor = fmax(wanted * v[0], 8.0 * size) * EPSILON;
    if (rank < wanted) eigenvalues[rank] = value > floor ? value : 0.0;
}

// Every neighbour is a copy of the row: no length, no angle, no spread.
__device__ __forceinline__ void copies_alone(int count, int wanted, double* __restrict__ sums,
                                             double* __restrict__ eigenvalues) {
    for (int which = 1 + threadIdx.x; which < 8; which += THREADS) sums[which] = 0.0;
    for (int rank = threadIdx.x; rank < wanted; rank += THREADS) eigenvalues[rank] = 0.0;
    if (threadIdx.x == 0) sums[8] = static_cast<double>(count) * count;
}

template <class Value>
__device__ __forceinline__ void reduce(const Value* __restrict__ points, const long long* __restrict__ row,
                                       const long long* __restrict__ index, const long long* __restrict__ count,
                                       double scale, int d, int k, int wanted, double* __restrict__ sums,
                                       double* __restrict__ eigenvalues) {
    extern __shared__ long long shared_memory[];
    double* packed = reinterpret_cast<double*>(shared_memory);
    double* partial = packed + k * (k + 1) / 2;
    double* room = partial + THREADS / LANES;
    const long long at = blockIdx.x;
    const Neighborhood<Value> of{points, index + at * k, static_cast<int>(count[at]), d, scale};
    double* found = sums + at * 9;
    double sq_radius = 0.0, size = 1.0;
#pragma unroll 1
    for (int attempt = 0; attempt < 2; ++attempt) {  // about the row, then about its nearest neighbour if need be
        products(of, points + (attempt == 0 ? row[at] : of.index[0]) * d, room, packed);
        const double largest = largest_diagonal(packed, of.count);
        __syncthreads();  // it has been read
        if (attempt == 0) {
            sq_radius = largest;
            if (threadIdx.x == 0) found[0] = sqrt(sq_radius) / scale;
            if (sq_radius == 0.0) break;  // the same in all threads
        }
        size = largest / sq_radius;
        divide(packed, of.count, sq_radius);
        if (attempt == 0) sum_pairs(packed, of.count, partial, found);
        if (centre(packed, of.count, room, partial) >= FAR) break;
    }
    if (sq_radius == 0.0) {
        copies_alone(of.count, wanted, found, eigenvalues + at * wanted);
        return;
    }
    sum_areas(packed, of.count, partial, found);
    spectrum(packed, of.count, wanted, size, room, partial, eigenvalues + at * wanted);
}

#define LOCAL_SPECTRA(name, Value)                                                                                    \
    extern "C" __global__ void __launch_bounds__(THREADS, 4)                                                          \
        name(const Value* points, const long long* row, const long long* index, const long long* count, double scale, \
             int d, int k, int wanted, double* sums, double* eigenvalues) {                                           \
        reduce(points, row, index, count, scale, d, k, wanted, sums, eigenvalues);                                    \
    }

LOCAL_SPECTRA(local_spectra_f16, __half)
LOCAL_SPECTRA(local_spectra_f32, float)
LOCAL_SPECTRA(local_spectra_f64, double)
