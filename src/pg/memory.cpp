#include "pg/memory.hpp"

#include "pg/boundary.hpp"

namespace stream::pg {

std::string_view copied(std::string_view bytes, MemoryContext context) {
    char *copy = Allocator<char>(context).allocate(bytes.size());
    memcpy(copy, bytes.data(), bytes.size());
    return {copy, bytes.size()};
}

BatchMemory::BatchMemory()
    : context_(guard([]() noexcept -> MemoryContext {
          return AllocSetContextCreate(CurrentMemoryContext, "stream_users batch",
                                       ALLOCSET_DEFAULT_SIZES);
      })) {}

} // namespace stream::pg
