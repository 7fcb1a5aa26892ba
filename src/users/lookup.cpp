#include "users/lookup.hpp"

#include "pg/array.hpp"
#include "pg/plain_table.hpp"
#include "pg/transaction.hpp"

namespace stream::users {

namespace {

constexpr std::size_t batch_size = 500;

// The record, and in the columns after it how the user was deleted, null when it was not, and where
// the row is.
std::string select_list() {
    return "SELECT " + record_columns("u.") +
           ", CASE WHEN u.deleted_at IS NOT NULL THEN coalesce(u.deleted_mode, 'soft') END, u.ctid";
}

pg::Statement &look_up_one() {
    static pg::Statement statement(select_list() + "\n  FROM stream.users AS u\n WHERE u.id = $1",
                                   {TEXTOID}, pg::Planning::once);
    return statement;
}

// Not ordered: sorting whole rows costs more than sorting what is found by id.
pg::Statement &look_up_several() {
    static pg::Statement statement(select_list() + R"(
  FROM unnest($1) AS named (id)
  JOIN stream.users AS u ON u.id = named.id)",
                                   {TEXTARRAYOID});
    return statement;
}

using Id = std::function<std::string_view(std::size_t)>;
using See = std::function<void(std::size_t, const Seen &)>;

void ask(std::size_t count, const Id &id, const See &see) {
    pg::Vec<std::string_view> ids;
    ids.reserve(count);
    for (std::size_t i = 0; i < count; i++)
        ids.push_back(id(i));
    const pg::Rows rows = ids.size() == 1
                              ? look_up_one().run({ids.front()})
                              : look_up_several().run({pg::Param::datum(pg::text_array(ids))});
    struct Found {
        std::string_view id;
        std::size_t row;
    };
    pg::Vec<Found> found;
    found.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); i++)
        found.push_back({rows[i].text(1), i});
    std::sort(found.begin(), found.end(),
              [](const Found &a, const Found &b) { return a.id < b.id; });

    std::size_t position = 0;
    for (const Found &next : found) {
        while (ids[position] < next.id)
            position++;
        const pg::Row row = rows[next.row];
        see(position,
            {read_record(row), row.text_or_null(record_width + 1), *row.place(record_width + 2)});
    }
}

// The table, read below SQL: a statement's rows would be copied, and each go through several hands.
class Table {
public:
    // Gives false when a statement must be asked.
    bool open() {
        return pg::guard([this]() noexcept { return open_in(); });
    }
    void close() {
        pg::guard([this]() noexcept { close_in(); });
    }
    std::optional<Seen> find(std::string_view id) {
        const Datum key = pg::Param(id).value;
        if (!pg::guard([this, key]() noexcept { return find_in(key); }))
            return std::nullopt;
        Seen seen{read_record(values_, nulls_), std::nullopt, slot_->tts_tid};
        if (seen.user.deleted_at)
            seen.deleted_mode = slot_->tts_isnull[deleted_mode_]
                                    ? "soft"
                                    : pg::text_of(slot_->tts_values[deleted_mode_]);
        return seen;
    }

private:
    bool open_in() noexcept;
    void close_in() noexcept;
    bool find_in(Datum key) noexcept;

    MemoryContext home_ = CurrentMemoryContext;
    Relation table_ = nullptr;
    Relation index_ = nullptr;
    IndexScanDesc scan_ = nullptr;
    TupleTableSlot *slot_ = nullptr;
    int positions_[record_width];
    int deleted_mode_ = 0;
    // Of the row found last, in the order of record_columns().
    Datum values_[record_width];
    bool nulls_[record_width];
};

bool Table::open_in() noexcept {
    if (ExecutorCheckPerms_hook != nullptr)
        return false;
    table_ = table_openrv(makeRangeVar(pstrdup("stream"), pstrdup("users"), -1), AccessShareLock);
    TupleDesc desc = RelationGetDescr(table_);
    deleted_mode_ = pg::position_of(desc, "deleted_mode", TEXTOID);
    if (!pg::is_readable(table_) || deleted_mode_ < 0 || !find_record_columns(desc, positions_))
        return false;
    const auto id = static_cast<AttrNumber>(positions_[0] + 1);
    index_ = pg::open_key(table_, &id, 1);
    if (index_ == nullptr)
        return false;
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    slot_ = table_slot_create(table_, nullptr);
    scan_ = pg::begin_scan(table_, index_, 1);
    return true;
}

// Locks stay to the end of the transaction, as a statement's do.
void Table::close_in() noexcept {
    if (scan_ != nullptr) {
        ExecDropSingleTupleTableSlot(slot_);
        index_endscan(scan_);
        index_close(index_, NoLock);
        PopActiveSnapshot();
    }
    if (table_ != nullptr)
        table_close(table_, NoLock);
}

// What the scan allocates must live as long as it does, longer than a batch.
bool Table::find_in(Datum key) noexcept {
    MemoryContext batch = MemoryContextSwitchTo(home_);
    pg::seek(scan_, &key, 1);
    const bool is_there = index_getnext_slot(scan_, ForwardScanDirection, slot_);
    MemoryContextSwitchTo(batch);
    if (!is_there)
        return false;
    slot_getallattrs(slot_);
    for (int i = 0; i < record_width; i++) {
        values_[i] = slot_->tts_values[positions_[i]];
        nulls_[i] = slot_->tts_isnull[positions_[i]];
    }
    return true;
}

void read(Table &table, std::size_t count, const Id &id, const See &see) {
    pg::BatchMemory memory;
    for (std::size_t next = 0; next < count;)
        memory.run([&] {
            for (const std::size_t end = std::min(next + batch_size, count); next < end; next++) {
                pg::check_interrupts();
                if (const auto seen = table.find(id(next)))
                    see(next, *seen);
            }
        });
}

} // namespace

void look_up(std::size_t count, const Id &id, const See &see) {
    Table table;
    const bool is_open = table.open();
    if (is_open)
        read(table, count, id, see);
    table.close();
    if (!is_open)
        ask(count, id, see);
}

} // namespace stream::users
