#include "pg/memory.hpp"

#include "pg/boundary.hpp"

namespace stream::pg {

BatchMemory::BatchMemory()
    : context_(guard([]() noexcept -> MemoryContext {
          return AllocSetContextCreate(CurrentMemoryContext, "stream_users batch",
                                       ALLOCSET_DEFAULT_SIZES);
      })) {}

} // namespace stream::pg
