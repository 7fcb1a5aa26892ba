#pragma once
// Bulk data lives in PostgreSQL's memory contexts, so that a cancelled call leaves nothing behind.

#include "pg/postgres.hpp"

namespace stream::pg {

// A standard allocator over the memory context that was current when it was made. Running out of
// memory throws std::bad_alloc instead of jumping over destructors, so containers need no guard.
template <class T> class Allocator {
public:
    using value_type = T;

    Allocator() noexcept : context_(CurrentMemoryContext) {}
    explicit Allocator(MemoryContext context) noexcept : context_(context) {}
    template <class U> Allocator(const Allocator<U> &other) noexcept : context_(other.context()) {}

    T *allocate(std::size_t n) {
        // NOLINTNEXTLINE(bugprone-sizeof-expression): T may be a pointer
        void *p = MemoryContextAllocExtended(context_, n * sizeof(T),
                                             MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
        if (p == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(p);
    }
    void deallocate(T *p, std::size_t) noexcept { pfree(p); }
    MemoryContext context() const noexcept { return context_; }

    template <class U> bool operator==(const Allocator<U> &other) const noexcept {
        return context_ == other.context();
    }
    template <class U> bool operator!=(const Allocator<U> &other) const noexcept {
        return context_ != other.context();
    }

private:
    MemoryContext context_;
};

template <class T> using Vec = std::vector<T, Allocator<T>>;

// A copy of the bytes, aligned as any datum, in that context.
std::string_view copied(std::string_view bytes, MemoryContext context);

// Memory for work that is done batch by batch: what a batch allocates goes when it is done.
class BatchMemory {
public:
    BatchMemory();
    template <class F> void run(F &&body) {
        MemoryContext home = MemoryContextSwitchTo(context_);
        body();
        MemoryContextSwitchTo(home);
        MemoryContextReset(context_);
    }

private:
    MemoryContext context_; // a child of the one that was current when this was made
};

} // namespace stream::pg
