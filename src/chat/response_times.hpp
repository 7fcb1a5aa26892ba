#pragma once
// users.avg_response_time, kept by workers that have nothing else to do: how fast a user answers in
// channels with exactly two members.
//
// A round looks at all channels in the order of their cids, a step at a time. A conversation whose
// newest message has been looked at before costs two probes of an index. One that has changed is
// worked out anew from its last messages, so that nothing is lost by a crash, and what was written
// late or deleted is set right with the next message. The place of the walk is in the database:
// any worker goes on where the last one was.

#include "pg/postgres.hpp"

namespace stream::chat {

class ResponseTimes {
public:
    // Whether there is a step to take now: a round begins once a minute. A round over very many
    // channels rests in between.
    bool due() const;
    // One step, to be committed by itself. Returns true when there is more to do right away.
    bool step();

private:
    TimestampTz rests_until_ = 0;
    int steps_ = 0; // since the last rest
};

} // namespace stream::chat
