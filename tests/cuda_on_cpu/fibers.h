// A CUDA grid on one CPU thread: every CUDA thread is a fiber that runs until it waits, blocks run one after another.
//
// Schedules  0 forward, 1 reverse, 2 and up a seeded shuffle of warps and lanes. A warp runs as far as it can before
//            the next one starts (shuffled schedules cut in between), so a missing barrier reads what is not there yet.
// Stricter than a GPU: a warp operation wants all 32 lanes at the same operation, a block barrier every thread of the
//            block; anything else ends the launch with STUCK. Shared memory is filled with NaN before each block.
//            A copy into shared memory that was begun (cp.async) is not there until its thread has waited for it.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

namespace harness {
constexpr int WARP = 32, OK = 0, STUCK = 1;
constexpr std::size_t STACK_BYTES = 64 << 10, SHARED_WORDS = 29 << 10;
}  // namespace harness

extern long long shared_memory[harness::SHARED_WORDS];  // what a kernel's `extern __shared__` names

namespace harness {

enum class Wait { none, block, warp, condition, finished };

// What a warp operation does once all its lanes have come: reads and writes what each of them offered.
using Together = void (*)(void* const* offered);

struct Copy {
    void* to;
    const void* from;
    std::size_t bytes;
};

struct Fiber {
    ucontext_t start;
    jmp_buf resume;
    bool started = false;
    Wait wait = Wait::none;
    Together operation = nullptr;
    std::function<bool()> condition;
    std::vector<std::vector<Copy>> groups;  // copies begun and not waited for, oldest first; the last group is open
    std::vector<char> stack = std::vector<char>(STACK_BYTES);
};

inline dim3 thread_index, block_index, block_size, grid_size;
inline std::vector<Fiber> fibers;
inline std::function<void()> body;
inline jmp_buf scheduler;
inline void* offered[1024];  // what each thread offers to a warp operation

inline Fiber& self() {
    return fibers[thread_index.x];
}

// Called by a CUDA thread: go back to the scheduler until the others have arrived.
inline void wait(Wait what) {
    Fiber& me = self();
    me.wait = what;
    if (!_setjmp(me.resume)) _longjmp(scheduler, 1);
}

// Called by a CUDA thread: go on once the condition holds; it is asked again whenever the warp has its turn.
inline void wait_until(std::function<bool()> condition) {
    if (condition()) return;
    self().condition = std::move(condition);
    wait(Wait::condition);
}

// Called by all lanes of a warp: `operation` runs once, on what every lane offered.
inline void together(Together operation, void* mine) {
    self().operation = operation;
    offered[thread_index.x] = mine;
    wait(Wait::warp);
}

inline void run_body() {
    body();
    self().wait = Wait::finished;
    _longjmp(scheduler, 1);
}

__attribute__((noinline)) inline void run_until_wait(unsigned thread) {
    thread_index.x = thread;
    Fiber& fiber = fibers[thread];
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.resume, 1);
    fiber.started = true;
    setcontext(&fiber.start);
}

inline bool all_wait(unsigned first, unsigned last, Wait what) {
    return std::all_of(fibers.begin() + first, fibers.begin() + last, [&](const Fiber& f) { return f.wait == what; });
}

inline bool same_operation(unsigned first, unsigned last) {
    return std::all_of(fibers.begin() + first, fibers.begin() + last,
                       [&](const Fiber& f) { return f.operation == fibers[first].operation; });
}

inline void release(unsigned first, unsigned last) {
    for (unsigned thread = first; thread < last; ++thread) fibers[thread].wait = Wait::none;
}

// One turn of a warp: its ready lanes in order, then the warp operation they all reached. False where nothing moved.
inline bool turn(unsigned warp, const std::vector<unsigned>& lanes) {
    const unsigned first = warp * WARP, last = first + WARP;
    bool moved = false;
    for (unsigned lane : lanes) {
        Fiber& fiber = fibers[first + lane];
        if (fiber.wait == Wait::condition && fiber.condition()) fiber.wait = Wait::none;
        if (fiber.wait != Wait::none) continue;
        run_until_wait(first + lane);
        moved = true;
    }
    if (all_wait(first, last, Wait::warp) && same_operation(first, last)) {
        fibers[first].operation(offered + first);
        release(first, last);
    }
    return moved;
}

inline void prepare_block() {
    for (Fiber& fiber : fibers) {
        fiber.started = false;
        fiber.wait = Wait::none;
        fiber.operation = nullptr;
        fiber.groups.assign(1, {});
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = fiber.stack.data();
        fiber.start.uc_stack.ss_size = fiber.stack.size();
        makecontext(&fiber.start, run_body, 0);
    }
}

inline int run_block(unsigned schedule, std::mt19937& random) {
    std::vector<unsigned> warps(fibers.size() / WARP), lanes(WARP);
    std::iota(warps.begin(), warps.end(), 0u);
    std::iota(lanes.begin(), lanes.end(), 0u);
    if (schedule == 1) std::reverse(warps.begin(), warps.end()), std::reverse(lanes.begin(), lanes.end());
    const unsigned threads = static_cast<unsigned>(fibers.size());
    while (!all_wait(0, threads, Wait::finished)) {
        bool moved = false;
        if (schedule > 1) std::shuffle(warps.begin(), warps.end(), random);
        for (unsigned warp : warps) {
            if (schedule > 1) std::shuffle(lanes.begin(), lanes.end(), random);
            while (turn(warp, lanes)) {
                moved = true;
                if (schedule > 1 && random() % 4 == 0) break;
            }
        }
        const bool barrier = all_wait(0, threads, Wait::block);
        if (barrier) release(0, threads);
        if (!moved && !barrier) return STUCK;
    }
    return OK;
}

template <class... Values, std::size_t... Position>
int launch(void (*kernel)(Values...), dim3 grid, dim3 block, unsigned schedule, void** values,
           std::index_sequence<Position...>) {
    if (block.x == 0 || block.x % WARP != 0 || block.x > 1024) return STUCK;
    grid_size = grid, block_size = block;
    fibers.resize(block.x);
    std::mt19937 random(schedule);
    body = [&] { kernel(*static_cast<Values*>(values[Position])...); };
    for (block_index.x = 0; block_index.x < grid.x; ++block_index.x) {
        std::memset(shared_memory, 0xff, sizeof shared_memory);
        prepare_block();
        if (run_block(schedule, random) != OK) return STUCK;
    }
    return OK;
}

// What a kernel takes, a word each: f, i or u and the bytes of it, behind * where it is an address.
template <class Value>
std::string kind() {
    using Plain = std::remove_cv_t<std::remove_pointer_t<Value>>;
    const char* const letter = !std::is_integral_v<Plain> ? "f" : std::is_signed_v<Plain> ? "i" : "u";
    return (std::is_pointer_v<Value> ? "*" : "") + std::string(letter) + std::to_string(sizeof(Plain)) + " ";
}
template <class... Values>
const char* kinds(void (*)(Values...)) {
    static const std::string all = (std::string() + ... + kind<Values>());
    return all.c_str();
}

// As cuLaunchKernel: one pointer to each argument, in the kernel's order.
template <class... Values>
int launch(void (*kernel)(Values...), unsigned grid, unsigned block, unsigned schedule, void** values) {
    return launch(kernel, {grid, 1, 1}, {block, 1, 1}, schedule, values, std::index_sequence_for<Values...>());
}

}  // namespace harness
