#pragma once
// What an index says of many keys at once, kept from one transaction to the next. To look up
// 100,000 keys one by one is a descent each, to pages all over memory; to read the index page by
// page takes a tenth of that.
//
// What a page said of a key is true as long as its LSN is the same: whoever adds an entry to a
// page, moves one off it or gives the page another place in the index writes that to the WAL and
// changes the LSN. Entries that have gone meanwhile are seen when their rows are read.

#include "pg/boundary.hpp"

namespace stream::pg {

// Keys of so many texts each, of the same number throughout.
class KeyList {
public:
    // The texts that are in these positions among some.
    void add(const std::string_view *texts, const std::vector<std::size_t> &positions);
    // In the place of a key that is not to be looked for.
    void skip() { ends_.push_back(bytes_.size()); }
    std::size_t size() const { return ends_.size(); }
    // The texts with a zero byte between, so that keys compare as their texts do, one after the
    // other; empty: skipped.
    std::string_view operator[](std::size_t i) const {
        const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::string_view(bytes_).substr(begin, ends_[i] - begin);
    }

private:
    std::string bytes_;
    std::vector<std::size_t> ends_;
};

class LookupCache {
public:
    // Whether it pays to read an index for so many keys that are values of these columns: the index
    // begins with them, in this order, has no more pages than there are keys, and changes with the
    // WAL only.
    static bool suits(Oid table, const std::vector<const char *> &columns, std::size_t keys);

    // Without answers where it doesn't.
    LookupCache(Oid table, const std::vector<const char *> &columns, const KeyList &keys);

    struct Answer {
        const ItemPointerData *at; // what the index says of where rows are
        std::size_t count;
    };
    // What is still true for a key of the list; no value: it has to be looked up. Rows that others
    // have committed before the snapshot that is active are among them. Can raise: call it under a
    // guard.
    std::optional<Answer> still(Relation index, std::size_t key) const noexcept;

private:
    struct Page {
        BlockNumber block;
        XLogRecPtr lsn;
    };
    struct Known {
        std::uint32_t page = none;
        std::uint32_t count = 0;
        std::size_t first = 0;
    };
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    class Reader;

    Oid index_ = InvalidOid;
    Oid file_ = InvalidOid; // another one when the index is built anew
    std::vector<Page> pages_;
    std::vector<Known> known_; // by key
    std::vector<ItemPointerData> places_;
};

} // namespace stream::pg
