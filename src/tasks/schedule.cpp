// Putting workers on pg_cron's schedule and taking them off it.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"
#include "tasks/wake.hpp"

using namespace stream;

namespace {

constexpr int max_workers = 64;

pg::Statement cron_is_here("SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'", {});

// A worker stays a little longer than the minute, so that its next start is already due when it
// ends and pg_cron starts it again at once.
pg::Statement schedule(R"(
    SELECT cron.schedule(format('stream_users worker %s', s.slot), '* * * * *',
                         format('CALL %I.stream_run_tasks(run_for => ''60.2 seconds'', slot => %s)', n.nspname, s.slot))
    FROM stream.worker_slots s,
         pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'stream_users')",
                       {});

// Takes off the jobs but those of the first $1 slots, whose workers go on as they are.
pg::Statement unschedule(R"(
    SELECT cron.unschedule(j.jobid)
    FROM cron.job j
    WHERE j.jobname LIKE 'stream\_users worker %' AND j.database = current_database()
      AND j.jobname NOT IN (SELECT format('stream_users worker %s', slot) FROM generate_series(1, $1) AS slot))",
                         {INT4OID});

pg::Statement jobs(R"(
    SELECT FROM cron.job j
    WHERE j.jobname LIKE 'stream\_users worker %' AND j.database = current_database())",
                   {});

pg::Statement clear_slots("DELETE FROM stream.worker_slots", {});

pg::Statement set_slots("INSERT INTO stream.worker_slots (slot) SELECT generate_series(1, $1)",
                        {INT4OID});

pg::Statement
    launcher("SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_type = 'pg_cron launcher'",
             {});

void require_cron() {
    if (!cron_is_here.run({}).empty())
        return;
    throw not_found("the extension \"pg_cron\" is not installed in this database")
        .hint(
            "Add pg_cron to shared_preload_libraries, set cron.database_name to this database, "
            "restart, and run CREATE EXTENSION pg_cron. Without pg_cron any scheduler can run CALL "
            "stream_run_tasks() every minute.");
}

Datum workers_response(const pg::Call &call, int32 workers) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"workers", "duration"});
    w.integer(workers);
    w.string(call.duration());
    w.end();
    return w.datum();
}

// Running workers notice that their slot is gone when they are woken.
void take_off_but(int32 slots) {
    unschedule.run({slots});
    clear_slots.run({});
    tasks::wake_workers_at_commit();
}

// pg_cron's launcher looks for new jobs once a second, unless so much was created in that second
// (an extension, say) that the server's queue of invalidations ran over: then it misses them for
// good.
void tell_cron() {
    if (const pg::Rows found = launcher.run({}); !found.empty())
        tasks::refresh_backend_at_commit(found[0].int4(1));
}

} // namespace

STREAM_FUNCTION(stream_start_workers, "StartWorkers") {
    const int32 count = call.is_null(0) ? 1 : DatumGetInt32(call.datum(0));
    if (count < 1 || count > max_workers)
        throw bad_input("count must be between 1 and " + std::to_string(max_workers)).at("count");
    require_cron();
    take_off_but(count);
    set_slots.run({count});
    const bool all_known = static_cast<int32>(jobs.run({}).processed()) == count;
    schedule.run({});
    if (!all_known)
        tell_cron();
    return workers_response(call, count);
}

STREAM_FUNCTION(stream_stop_workers, "StopWorkers") {
    require_cron();
    take_off_but(0);
    return workers_response(call, 0);
}
