#include "pg/lookup_cache.hpp"

#include "pg/way.hpp"

extern "C" {
#include "access/nbtree.h"
#include "access/table.h"
#include "storage/bufmgr.h"
}

namespace stream::pg {

namespace {

// A copy of a page of an index, with the LSN it had.
struct Leaf {
    alignas(MAXIMUM_ALIGNOF) char bytes[BLCKSZ];
    XLogRecPtr lsn;
    ::Page page() { return static_cast<::Page>(bytes); }
};

// Returns false when the page has no entries of its own, as those above the leaves.
bool read_leaf(Relation index, BlockNumber block, Leaf &leaf) noexcept {
    Buffer buffer = ReadBuffer(index, block);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    bool is_leaf = false;
    if (!PageIsNew(page)) {
        BTPageOpaque opaque = BTPageGetOpaque(page);
        is_leaf = P_ISLEAF(opaque) && !P_IGNORE(opaque);
    }
    if (is_leaf) {
        leaf.lsn = BufferGetLSNAtomic(buffer);
        memcpy(leaf.bytes, page, BLCKSZ);
    }
    UnlockReleaseBuffer(buffer);
    return is_leaf;
}

// The first so many attributes of an index entry, put together as in a KeyList. No value where one
// is null or compressed.
class EntryKey {
public:
    EntryKey(Relation index, int width) : desc_(RelationGetDescr(index)), width_(width) {}

    std::optional<std::string_view> of(IndexTuple entry, int attributes) {
        key_.clear();
        for (int i = 1; i <= std::min(attributes, width_); i++) {
            bool null = false;
            const Datum value = index_getattr(entry, i, desc_, &null);
            if (null || VARATT_IS_EXTERNAL(DatumGetPointer(value)) ||
                VARATT_IS_COMPRESSED(DatumGetPointer(value)))
                return std::nullopt;
            if (i > 1)
                key_.push_back('\0');
            key_.append(VARDATA_ANY(DatumGetPointer(value)),
                        VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
        }
        return key_;
    }

private:
    TupleDesc desc_;
    int width_;
    std::string key_;
};

} // namespace

void KeyList::add(const std::string_view *texts, const std::vector<std::size_t> &positions) {
    bool is_first = true;
    for (const std::size_t position : positions) {
        if (!std::exchange(is_first, false))
            bytes_.push_back('\0');
        bytes_.append(texts[position]);
    }
    ends_.push_back(bytes_.size());
}

namespace {

// How many bytes all keys begin with.
std::size_t common_prefix(const KeyList &keys) {
    std::optional<std::string_view> prefix;
    for (std::size_t i = 0; i < keys.size(); i++) {
        const std::string_view key = keys[i];
        if (key.empty())
            continue;
        if (!prefix)
            prefix = key;
        const std::size_t n = std::min(prefix->size(), key.size());
        const auto end = std::mismatch(key.begin(), key.begin() + n, prefix->begin()).first;
        prefix = prefix->substr(0, static_cast<std::size_t>(end - key.begin()));
    }
    return prefix ? prefix->size() : 0;
}

// Eight bytes of a key as a number that orders as they do.
std::uint64_t number_of(std::string_view key, std::size_t from) {
    std::uint64_t number = 0;
    for (std::size_t i = from; i < from + sizeof number; i++)
        number = number << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
    return number;
}

// The numbers of the keys that are not skipped, in the keys' order.
std::vector<std::uint32_t> ordered(const KeyList &keys) {
    struct Brief { // most keys differ early behind what all begin with
        std::uint64_t begin, more;
        std::uint32_t key;
    };
    const std::size_t prefix = common_prefix(keys);
    std::vector<Brief> briefs;
    for (std::size_t i = 0; i < keys.size(); i++)
        if (!keys[i].empty())
            briefs.push_back({number_of(keys[i], prefix), number_of(keys[i], prefix + 8),
                              static_cast<std::uint32_t>(i)});
    std::sort(briefs.begin(), briefs.end(), [&keys](const Brief &a, const Brief &b) {
        if (a.begin != b.begin)
            return a.begin < b.begin;
        return a.more != b.more ? a.more < b.more : keys[a.key] < keys[b.key];
    });
    std::vector<std::uint32_t> order;
    order.reserve(briefs.size());
    for (const Brief &brief : briefs)
        order.push_back(brief.key);
    return order;
}

// The index to read, open; nullptr if there is none, or it does not pay.
Relation open_index(Oid table, const std::vector<const char *> &columns,
                    std::size_t keys) noexcept {
    const Table opened = open_table(table, columns);
    const Way way = opened.is_plain ? open_way(opened, columns.size()) : Way();
    table_close(opened.relation, NoLock);
    if (way.index == nullptr)
        return nullptr;
    bool suits = RelationNeedsWAL(way.index) && RelationGetNumberOfBlocks(way.index) <= keys;
    for (std::size_t i = 0; i < columns.size(); i++)
        suits = suits && way.order[i] == i;
    if (suits)
        return way.index;
    index_close(way.index, NoLock);
    return nullptr;
}

} // namespace

// Reads one page after the other and notes what it says of the keys.
class LookupCache::Reader {
public:
    Reader(LookupCache &cache, const KeyList &keys, Relation index, int width)
        : cache_(cache), keys_(keys), index_(index), width_(width), entry_(index, width),
          bound_(index, width), order_(ordered(keys)) {}

    // All entries of a key are on the page when it lies between the page's first entry and the
    // bound above it, which the index keeps on the page, and is neither of them.
    void read(Leaf &leaf, BlockNumber block) {
        ::Page page = leaf.page();
        BTPageOpaque opaque = BTPageGetOpaque(page);
        const OffsetNumber last = PageGetMaxOffsetNumber(page);
        OffsetNumber at = P_FIRSTDATAKEY(opaque);
        if (at > last)
            return;
        const auto first = entry_.of(tuple(leaf, at), width_);
        if (!first)
            return;
        auto next = std::upper_bound(
            order_.begin(), order_.end(), *first,
            [this](std::string_view key, std::uint32_t other) { return key < keys_[other]; });
        std::optional<std::string_view> above;
        if (!P_RIGHTMOST(opaque)) {
            IndexTuple high_key = tuple(leaf, P_HIKEY);
            above = bound_.of(high_key, BTreeTupleGetNAtts(high_key, index_));
            if (!above)
                return;
        }
        if (next == order_.end() || (above && keys_[*next] >= *above))
            return;
        const auto number = static_cast<std::uint32_t>(cache_.pages_.size());
        cache_.pages_.push_back({block, leaf.lsn});
        std::optional<std::string_view> here = first;
        for (; next != order_.end() && (!above || keys_[*next] < *above); ++next) {
            const std::string_view key = keys_[*next];
            while (at <= last && *here < key) {
                if (++at > last)
                    break;
                here = entry_.of(tuple(leaf, at), width_);
                if (!here)
                    return;
            }
            Known known{number, 0, cache_.places_.size()};
            while (at <= last && *here == key) {
                if (!ItemIdIsDead(PageGetItemId(page, at)))
                    known.count += add(tuple(leaf, at));
                if (++at > last)
                    break;
                here = entry_.of(tuple(leaf, at), width_);
                if (!here)
                    return;
            }
            cache_.known_[*next] = known;
        }
    }

private:
    static IndexTuple tuple(Leaf &leaf, OffsetNumber at) {
        ::Page page = leaf.page();
        return reinterpret_cast<IndexTuple>(PageGetItem(page, PageGetItemId(page, at)));
    }

    std::uint32_t add(IndexTuple entry) {
        if (!BTreeTupleIsPosting(entry)) {
            cache_.places_.push_back(entry->t_tid);
            return 1;
        }
        const int count = BTreeTupleGetNPosting(entry);
        for (int i = 0; i < count; i++)
            cache_.places_.push_back(*BTreeTupleGetPostingN(entry, i));
        return static_cast<std::uint32_t>(count);
    }

    LookupCache &cache_;
    const KeyList &keys_;
    Relation index_;
    int width_;
    EntryKey entry_;
    EntryKey bound_;
    std::vector<std::uint32_t> order_; // of the keys
};

bool LookupCache::suits(Oid table, const std::vector<const char *> &columns, std::size_t keys) {
    return guard([&]() noexcept {
        Relation index = open_index(table, columns, keys);
        if (index != nullptr)
            index_close(index, NoLock);
        return index != nullptr;
    });
}

LookupCache::LookupCache(Oid table, const std::vector<const char *> &columns, const KeyList &keys) {
    Relation index = guard([&]() noexcept { return open_index(table, columns, keys.size()); });
    if (index == nullptr)
        return;
    index_ = RelationGetRelid(index);
    file_ = index->rd_rel->relfilenode;
    known_.resize(keys.size());
    Reader reader(*this, keys, index, static_cast<int>(columns.size()));
    const auto leaf = std::make_unique<Leaf>();
    const BlockNumber end = guard([&]() noexcept { return RelationGetNumberOfBlocks(index); });
    for (BlockNumber block = BTREE_METAPAGE + 1; block < end; block++) {
        check_interrupts();
        if (guard([&]() noexcept { return read_leaf(index, block, *leaf); }))
            reader.read(*leaf, block);
    }
    guard([&]() noexcept { index_close(index, NoLock); });
}

std::optional<LookupCache::Answer> LookupCache::still(Relation index,
                                                      std::size_t key) const noexcept {
    if (key >= known_.size() || known_[key].page == none || RelationGetRelid(index) != index_ ||
        index->rd_rel->relfilenode != file_)
        return std::nullopt;
    const Known &known = known_[key];
    const Page &page = pages_[known.page];
    Buffer buffer = ReadBuffer(index, page.block);
    const bool is_same = BufferGetLSNAtomic(buffer) == page.lsn;
    ReleaseBuffer(buffer);
    return is_same ? std::optional<Answer>({places_.data() + known.first, known.count})
                   : std::nullopt;
}

} // namespace stream::pg
