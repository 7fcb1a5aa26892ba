#include "pg/response.hpp"

#include "pg/jsonb_writer.hpp"

namespace stream::pg {

Datum duration_response(const Call &call) {
    JsonbWriter w(call.result_context());
    w.begin_object({"duration"});
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace stream::pg
