// PostgreSQL-free
#include "lifecycle/count.hpp"

#include "bindings/sql.hpp"
#include "lifecycle/walk.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

using bindings::Catalogue;
using bindings::Child;
using bindings::Relation;

// What happens to rows, the stronger first: a row is counted once, as the first of these.
enum class Handling { gone, emptied, marked, changed };

// The rows of one table that are handled in one way, as a common table expression: the union of
// the ways in which they are reached.
struct RowSet {
    std::string name;
    const Relation *relation;
    Handling handling;
    std::string mode;
    std::string column; // of pointers and owners, which are handled column by column; else empty
    std::vector<std::string> sources; // none: what is in it is left out
    bool is_distinct = true;          // no source gives a row twice
};

Handling handling_of(const Step &step) {
    switch (step.action) {
    case Action::claim:
    case Action::erase:
        return Handling::gone;
    case Action::empty:
        return Handling::emptied;
    case Action::mark:
        return Handling::marked;
    default:
        return Handling::changed;
    }
}

// What others find as well, or is found with its parents, is not: in a final round once more, by
// the claims of the rows themselves, or through claimed rows.
bool finds_by_itself(const Step &step) {
    return !step.final_round && step.relation != nullptr && step.action != Action::unmark_rest &&
           step.drivers == nullptr;
}

class Counter {
public:
    Counter(const Catalogue &catalogue, Counted counted, const std::vector<const Step *> &apart)
        : catalogue_(catalogue), counted_(counted), apart_(apart) {}

    CountQuery query(const Plan &plan) {
        for (const Step &step : plan)
            if (finds_by_itself(step))
                add(step);
        std::string text = sql();
        return {std::move(text), std::move(matches_), std::move(labels_), std::move(left_out_)};
    }

private:
    // The first mention of a set fixes its place: parents are mentioned before their children.
    RowSet &set(const Relation *relation, Handling handling, const std::string &mode,
                const std::string &column = "") {
        const auto found = std::find_if(sets_.begin(), sets_.end(), [&](const RowSet &s) {
            return s.relation == relation && s.handling == handling && s.mode == mode &&
                   s.column == column;
        });
        if (found != sets_.end())
            return *found;
        sets_.push_back(
            {"s" + std::to_string(sets_.size()), relation, handling, mode, column, {}, true});
        return sets_.back();
    }

    std::string match(const std::optional<bindings::Match> &match) {
        if (!match)
            return "";
        matches_.push_back(match->value);
        return "($3::text[])[" + std::to_string(matches_.size()) + "]";
    }

    void add(const Step &step) {
        const std::string mode = step.action == Action::claim ? "hard" : step.mode;
        bindings::Walk walk = walk_of(step);
        if (step.action == Action::claim)
            walk.wanted = bindings::Wanted::all;
        const Handling handling = handling_of(step);
        const std::string column = step.column.name + step.column.path;
        RowSet &rows =
            set(step.relation, handling, mode, handling == Handling::changed ? column : "");
        if (std::find(apart_.begin(), apart_.end(), &step) != apart_.end())
            return;
        rows.sources.push_back("SELECT " + keys(*step.relation, "t.") +
                               " FROM d CROSS JOIN LATERAL (SELECT " + keys(*step.relation, "t.") +
                               bindings::rows_sql(walk, match(step.match)) + ") AS t");
        // Two members of one channel reach it by the same source.
        rows.is_distinct = rows.is_distinct && step.membership == nullptr;
    }

    static std::string keys(const Relation &relation, const char *prefix) {
        std::string out;
        for (const bindings::Column &column : relation.key)
            out += (out.empty() ? prefix : std::string(", ") + prefix) + column.name;
        return out;
    }

    // What goes, is emptied or is marked takes children along.
    static bool takes(const RowSet &parent, const Child &child) {
        switch (parent.handling) {
        case Handling::gone:
            return !child.clear;
        case Handling::emptied:
            return child.on_prune;
        case Handling::marked:
            return child.on_mark;
        case Handling::changed:
            break;
        }
        return false;
    }

    // Adds, for every set, the rows that hang on its rows; children may have children.
    void add_children() {
        for (const Relation *relation : order_)
            for (const Child *child : catalogue_.children_of(relation)) {
                if (child->child == child->parent)
                    continue;
                // Sets are added meanwhile, of other relations.
                const std::size_t sets = sets_.size();
                for (std::size_t i = 0; i < sets; i++)
                    if (sets_[i].relation == relation && takes(sets_[i], *child))
                        add_child(*child, RowSet(sets_[i]));
            }
    }

    void add_child(const Child &child, const RowSet &parent) {
        const bool marked = parent.handling == Handling::marked;
        const Handling handling = marked ? Handling::marked : Handling::gone;
        if (counted_ == Counted::without_children) {
            set(child.child, handling, parent.mode);
            left_out_.push_back({child.parent, child.child, parent.mode});
            return;
        }
        std::string source = "SELECT " + keys(*child.child, "t.") + " FROM " + parent.name +
                             " AS k JOIN " + child.child->name + " t ON " +
                             bindings::child_join(child, match(child.match));
        if (marked)
            source += " AND t." + child.child->mark->time + " IS NULL";
        set(child.child, handling, parent.mode).sources.push_back(std::move(source));
    }

    // All relations, each after those it hangs on.
    void order_relations() {
        for (std::size_t pass = 0; pass < catalogue_.relations.size(); pass++)
            for (const auto &relation : catalogue_.relations) {
                const auto placed = [this](const Relation *r) {
                    return std::find(order_.begin(), order_.end(), r) != order_.end();
                };
                if (!placed(relation.get()) &&
                    std::all_of(catalogue_.children.begin(), catalogue_.children.end(),
                                [&](const Child &c) {
                                    return c.child != relation.get() || c.parent == c.child ||
                                           placed(c.parent);
                                }))
                    order_.push_back(relation.get());
            }
    }

    std::string sql() {
        order_relations();
        add_children();
        std::string with =
            "WITH d (id, tag) AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[]))";
        std::string counts;
        for (const Relation *relation : order_) {
            std::vector<const RowSet *> counted;
            for (const Handling handling :
                 {Handling::gone, Handling::emptied, Handling::marked, Handling::changed})
                for (const RowSet &rows : sets_) {
                    if (rows.relation != relation || rows.handling != handling ||
                        rows.sources.empty())
                        continue;
                    emit(rows, counted, with, counts);
                    counted.push_back(&rows);
                }
        }
        return counts.empty() ? "" : with + counts;
    }

    // Rows that are counted as these others already are not counted again.
    void emit(const RowSet &rows, const std::vector<const RowSet *> &others, std::string &with,
              std::string &counts) {
        std::string body;
        for (const std::string &source : rows.sources)
            body += (body.empty() ? "" : " UNION ") + source;
        if (counted_ == Counted::all || !rows.is_distinct)
            body = "SELECT DISTINCT * FROM (" + body + ") AS r";
        // Rows that others may point to go last, when they are marked, emptied or cleared already.
        const bool last = catalogue_.is_referenced(rows.relation);
        for (const RowSet *other : others)
            if (other->handling == Handling::gone ? !last || rows.handling == Handling::gone
                                                  : rows.handling == Handling::marked)
                body += " EXCEPT SELECT * FROM " + other->name;
        with += ", " + rows.name + " (" + key_aliases(*rows.relation) + ") AS (" + body + ")";
        labels_.push_back({rows.relation->name, rows.mode});
        counts += (counts.empty() ? " SELECT " : " UNION ALL SELECT ") +
                  std::to_string(labels_.size()) + ", count(*) FROM " + rows.name;
    }

    static std::string key_aliases(const Relation &relation) {
        std::string out;
        for (std::size_t i = 1; i <= relation.key.size(); i++)
            out += (i > 1 ? ", k" : "k") + std::to_string(i);
        return out;
    }

    const Catalogue &catalogue_;
    const Counted counted_;
    const std::vector<const Step *> &apart_;
    std::vector<RowSet> sets_;
    std::vector<const Relation *> order_;
    std::vector<std::string> matches_;
    std::vector<CountLabel> labels_;
    std::vector<Hanging> left_out_;
};

} // namespace

bool is_alone(const Plan &plan, const Step &step) {
    return finds_by_itself(step) && step.membership == nullptr &&
           std::none_of(plan.begin(), plan.end(), [&](const Step &other) {
               return &other != &step && other.relation == step.relation && finds_by_itself(other);
           });
}

CountQuery count_query(const Catalogue &catalogue, const Plan &plan, Counted counted,
                       const std::vector<const Step *> &apart) {
    return Counter(catalogue, counted, apart).query(plan);
}

} // namespace stream::lifecycle
