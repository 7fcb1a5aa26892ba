#include "users/lookup.hpp"

#include "pg/array.hpp"
#include "pg/plain_table.hpp"
#include "pg/transaction.hpp"

namespace stream::users {

namespace {

constexpr std::size_t batch_size = 500;
// How many rows to go from one id to the next before that is sought from the root of the index.
constexpr int steps = 3;
// How often going there may be in vain, more often than not, before it is given up but for one id
// of so many.
constexpr int luck = 4;
constexpr int unlucky_ids = 32;

// In the last column, where the row is.
std::string select_list() {
    return "SELECT " + columns_to_see() + ", u.ctid";
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
    // Each id is behind the one before.
    std::optional<Seen> find(std::string_view id) {
        if (!pg::guard([&]() noexcept { return find_in(id); }))
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
    bool find_in(std::string_view id) noexcept;
    bool walk_to(std::string_view id) noexcept;
    void seek(std::string_view id) noexcept;
    void step() noexcept;
    std::string_view id_here() const noexcept;

    MemoryContext home_ = CurrentMemoryContext;
    Relation table_ = nullptr;
    Relation index_ = nullptr;
    IndexScanDesc scan_ = nullptr;
    TupleTableSlot *slot_ = nullptr;
    int positions_[record_width];
    int deleted_mode_ = 0;
    text *sought_ = nullptr; // where the scan began: it is compared with every row
    enum class At { start, row, end } at_ = At::start; // where the scan is, and with it the slot
    int luck_ = luck; // with walking to the next id; without any it is tried now and then
    int unlucky_ = 0; // ids since there was none
    // Of the row found last, in the order of record_columns().
    Datum values_[record_width];
    bool nulls_[record_width];
};

bool Table::open_in() noexcept {
    if (ExecutorCheckPerms_hook != nullptr)
        return false;
    table_ = pg::open_plain_table("users");
    if (table_ == nullptr)
        return false;
    TupleDesc desc = RelationGetDescr(table_);
    deleted_mode_ = pg::position_of(desc, "deleted_mode", TEXTOID);
    if (deleted_mode_ < 0 || !find_record_columns(desc, positions_))
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

std::string_view Table::id_here() const noexcept {
    bool null = false;
    const text *id = DatumGetTextPP(slot_getattr(slot_, positions_[0] + 1, &null));
    return {VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id)};
}

void Table::step() noexcept {
    at_ = index_getnext_slot(scan_, ForwardScanDirection, slot_) ? At::row : At::end;
}

void Table::seek(std::string_view id) noexcept {
    text *key = cstring_to_text_with_len(id.data(), static_cast<int>(id.size()));
    ScanKeyData from;
    ScanKeyEntryInitialize(&from, 0, 1, BTGreaterEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
                           F_TEXT_GE, PointerGetDatum(key));
    index_rescan(scan_, &from, 1, nullptr, 0);
    step();
    if (sought_ != nullptr)
        pfree(sought_);
    sought_ = key;
}

// Whether the scan is now where the id is, or would be.
bool Table::walk_to(std::string_view id) noexcept {
    if (id_here() >= id)
        return true;
    if (luck_ == 0 && ++unlucky_ % unlucky_ids != 0)
        return false;
    for (int i = 0; i < steps; i++) {
        step();
        if (at_ == At::end || id_here() >= id) {
            luck_ = std::min(luck_ + 1, luck);
            return true;
        }
    }
    luck_ = std::max(luck_ - 1, 0);
    return false;
}

// Who names users in bulk often names all of them, or those of a stretch, or new ones behind all
// others: then the next is right here.
bool Table::find_in(std::string_view id) noexcept {
    // What the scan allocates must live as long as it does, longer than a batch.
    MemoryContext batch = MemoryContextSwitchTo(home_);
    const bool is_seeking = at_ == At::start || (at_ == At::row && !walk_to(id));
    if (is_seeking)
        seek(id);
    MemoryContextSwitchTo(batch);
    if (at_ == At::end || id_here() != id)
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

std::string columns_to_see() {
    return record_columns("u.") +
           ", CASE WHEN u.deleted_at IS NOT NULL THEN coalesce(u.deleted_mode, 'soft') END";
}

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
