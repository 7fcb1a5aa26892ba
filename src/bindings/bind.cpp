// Binding and unbinding tables of the application.

#include "bindings/current.hpp"
#include "bindings/facts.hpp"
#include "bindings/hanging.hpp"
#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/transaction.hpp"

using namespace stream;
using namespace stream::bindings;

namespace {

// Written again, a binding is replaced.
pg::Statement forget_binding(R"(
    DELETE FROM stream.bindings
    WHERE relation = $1 AND user_column = $2 AND path IS NOT DISTINCT FROM $3)",
                             {OIDOID, TEXTOID, TEXTARRAYOID});

pg::Statement add_binding(R"(
    INSERT INTO stream.bindings (relation, user_column, path, kind, governed_by, prune, on_soft, on_pruning, on_hard,
                                 attachments_column, exported, guarded, table_name, built_in)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, false))",
                          {OIDOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID,
                           TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, TEXTOID});

// A row is emptied for one of its users only: else it would be counted twice.
pg::Statement emptied_by(R"(
    SELECT user_column::text FROM stream.bindings
    WHERE relation = $1 AND 'empty' IN (on_soft, on_pruning, on_hard) LIMIT 1)",
                         {OIDOID});

pg::Statement mark_of(R"(
    SELECT mark_column::text, task_column::text FROM stream.binding_marks WHERE relation = $1)",
                      {OIDOID});

pg::Statement set_mark(R"(
    INSERT INTO stream.binding_marks (relation, mark_column, task_column, built_in) VALUES ($1, $2, $3, false)
    ON CONFLICT (relation) DO UPDATE SET mark_column = EXCLUDED.mark_column, task_column = EXCLUDED.task_column)",
                       {OIDOID, TEXTOID, TEXTOID});

pg::Statement guarded_columns(R"(
    SELECT string_agg(quote_literal(user_column || COALESCE('#>>' || path::text, '')), ', ' ORDER BY user_column)
    FROM stream.bindings WHERE relation = $1 AND guarded)",
                              {OIDOID});

pg::Statement
    guard_exists("SELECT FROM pg_trigger WHERE tgrelid = $1 AND tgname = 'stream_users_guard'",
                 {OIDOID});

pg::Param text(const std::optional<std::string> &value) {
    return value ? pg::Param(*value) : pg::Param(std::nullopt);
}

std::optional<std::string> name_argument(const pg::Call &call, int arg) {
    if (call.is_null(arg))
        return std::nullopt;
    return std::string(NameStr(*DatumGetName(call.datum(arg))));
}

std::optional<std::string> text_argument(const pg::Call &call, int arg) {
    const auto value = call.text(arg);
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

Oid relation_argument(const pg::Call &call) {
    if (call.is_null(0))
        throw bad_input("relation must not be null").at("relation");
    return DatumGetObjectId(call.datum(0));
}

// What a call of stream_bind_table asks for, checked argument by argument.
class Binder {
public:
    explicit Binder(pg::Call &call) : call_(call), relation_(relation_argument(call)) {}

    Datum bind(Oid caller) {
        table_ = require_table(relation_, caller, "relation");
        read_kind();
        read_path();
        read_column();
        read_mark();
        read_empty();
        read_fates();
        store();
        hang_children(relation_, call_.jsonb(8), caller);
        const std::string problem = hanging_problem(*current_catalogue());
        if (!problem.empty())
            throw bad_input(problem).at("children");
        set_guard(relation_, table_.name);
        warn_without_index();
        return response();
    }

    static void set_guard(Oid relation, const std::string &table) {
        if (!guard_exists.run({pg::Param::oid(relation)}).empty())
            pg::run_once("DROP TRIGGER stream_users_guard ON " + table, {}, {});
        const pg::Rows rows = guarded_columns.run({pg::Param::oid(relation)});
        if (rows[0].is_null(1))
            return;
        pg::run_once("CREATE TRIGGER stream_users_guard AFTER INSERT ON " + table +
                         " REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
                         "stream.guard_author(" +
                         std::string(rows[0].text(1)) + ")",
                     {}, {});
    }

private:
    void read_kind() {
        const auto name = call_.text(2);
        const auto found = name ? kind_named(*name) : std::nullopt;
        if (!found)
            throw bad_input(name ? "kind " + quoted(*name) + " is not valid"
                                 : "kind must not be null")
                .at("kind")
                .hint("Use 'author', 'owner', 'member', 'pointer' or 'personal'.");
        kind_ = *found;
        mode_ = text_argument(call_, 4).value_or(kind_ == Kind::author ? "messages" : "user");
        if (mode_ != "user" && mode_ != "messages")
            throw bad_input("mode " + quoted(mode_) + " is not valid")
                .at("mode")
                .hint("Use 'user' or 'messages'.");
        guard_ = call_.boolean(13, kind_ == Kind::author || kind_ == Kind::owner ||
                                       kind_ == Kind::member);
    }

    void read_path() {
        for (const std::string_view step : call_.text_array(3, "path"))
            path_.push_back(step);
        list_ = !path_.empty() && path_.back() == "*";
        if (!call_.is_null(3) && path_.size() < (list_ ? 2U : 1U))
            throw bad_input("path must name at least one key").at("path");
    }

    void read_column() {
        const auto name = name_argument(call_, 1);
        if (!name)
            throw bad_input("user_column must not be null").at("user_column");
        user_column_ = *name;
        column_ = require_column(relation_, user_column_, table_.name, "user_column");
        const bool document = column_.base == "jsonb" && !column_.array;
        if (document == path_.empty())
            throw bad_input(document
                                ? "column " + user_column_ + " is jsonb and needs a path"
                                : "column " + user_column_ + " is not jsonb, so path must be null")
                .at("path");
        if (!document && column_.base != "text" && column_.base != "varchar" &&
            column_.base != "uuid" && column_.base != "int8" && column_.base != "int4")
            throw bad_input("column " + user_column_ + " of type " + column_.type +
                            " can't hold users' ids")
                .at("user_column")
                .hint("Use text, varchar, uuid, bigint, integer, an array of these, or jsonb.");
        if (!column_.deterministic)
            throw bad_input("column " + user_column_ +
                            " takes different ids for equal, by its collation")
                .at("user_column");
        list_ = list_ || column_.array;
        if (list_ && guard_ && kind_ != Kind::pointer && !call_.is_null(13))
            throw bad_input("a list of ids can't be guarded").at("guard");
        guard_ = guard_ && !list_;
    }

    // The columns of the mark hold for all bindings of a table.
    void read_mark() {
        deleted_column_ = name_argument(call_, 5);
        task_column_ = name_argument(call_, 6);
        if (!deleted_column_) {
            if (task_column_)
                throw bad_input("task_column needs a deleted_column").at("task_column");
            const pg::Rows rows = mark_of.run({pg::Param::oid(relation_)});
            can_mark_ = !rows.empty();
            return;
        }
        const ColumnFacts deleted =
            require_column(relation_, *deleted_column_, table_.name, "deleted_column");
        const bool flag = deleted.base == "bool";
        if (deleted.array ||
            (!flag && deleted.base != "timestamptz" && deleted.base != "timestamp"))
            throw bad_input("column " + *deleted_column_ + " of type " + deleted.type +
                            " can't mark rows deleted")
                .at("deleted_column")
                .hint("Use a timestamp with or without time zone, or a boolean.");
        if ((!flag && deleted.not_null) || deleted.generated || deleted.in_key)
            throw bad_input("column " + *deleted_column_ + " can't be set and cleared")
                .at("deleted_column");
        if (task_column_) {
            const ColumnFacts task =
                require_column(relation_, *task_column_, table_.name, "task_column");
            if (task.base != "uuid" || task.array || task.not_null || task.generated || task.in_key)
                throw bad_input("column " + *task_column_ + " is not a uuid that can be null")
                    .at("task_column");
        }
        can_mark_ = true;
    }

    void read_empty() {
        const Jsonb *empty = call_.jsonb(7);
        if (empty == nullptr)
            return;
        const pg::JsonValue value(empty);
        if (!value.is_object())
            throw bad_input("empty must be an object").at("empty");
        for (const pg::JsonMember member : value.object()) {
            const std::string at = "empty." + std::string(member.key);
            const ColumnFacts column = require_column(relation_, member.key, table_.name, at);
            if (column.in_key || column.generated)
                throw bad_input("column " + column.name + " can't be emptied").at(at);
            if (member.value.is_null() && column.not_null)
                throw bad_input("column " + column.name + " can't be null")
                    .at(at)
                    .hint("Give it a value that says nothing, such as \"\".");
            can_empty_ = true;
        }
        const auto failure = pg::attempt([&] { try_values(empty); });
        if (failure)
            throw bad_input(failure->message).at("empty");
    }

    // The values are read as the columns' types read them, which may be code of the table's owner.
    void try_values(const Jsonb *empty) const {
        static pg::Statement casts(R"(
            SELECT format('SELECT $1 ->> %L, ($1 ->> %L)::%s', e.key, e.key, format_type(a.atttypid, a.atttypmod))
            FROM jsonb_object_keys($2) AS e (key)
            JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = e.key)",
                                   {OIDOID, JSONBOID});
        const pg::Rows rows = casts.run({pg::Param::oid(relation_), pg::Param::of(empty)});
        const pg::ActAs as_owner(table_.owner, "pg_catalog, pg_temp", true);
        for (std::size_t i = 0; i < rows.size(); i++)
            pg::run_once(std::string(rows[i].text(1)), {JSONBOID}, {pg::Param::of(empty)});
    }

    Fate read_fate(int arg, const char *argument, Fate otherwise,
                   std::initializer_list<Fate> allowed) {
        const auto name = call_.text(arg);
        if (!name)
            return otherwise;
        const auto found = fate_named(*name);
        std::string names;
        for (const Fate fate : allowed) {
            if (found == fate)
                return fate;
            names += (names.empty() ? "'" : ", '") + std::string(fate_name(fate)) + '\'';
        }
        throw bad_input(std::string(argument) + " " + quoted(*name) + " is not valid")
            .at(argument)
            .hint("Use one of " + names + '.');
    }

    void require_means(Fate fate, const char *argument) const {
        if (fate == Fate::mark && !can_mark_)
            throw bad_input("rows can't be marked without a deleted_column").at(argument);
        if (fate == Fate::empty && !can_empty_)
            throw bad_input("empty does not say what to empty").at(argument);
    }

    void read_fates() {
        const auto weak = {Fate::mark, Fate::empty, Fate::erase, Fate::keep};
        soft_ = read_fate(9, "soft", default_soft(kind_, can_mark_), weak);
        const Fate pruning = soft_ == Fate::erase || soft_ == Fate::empty
                                 ? soft_
                                 : default_pruning(kind_, can_mark_, can_empty_);
        pruning_ = read_fate(10, "pruning", pruning, weak);
        hard_ = read_fate(11, "hard", default_hard(kind_),
                          {Fate::erase, Fate::empty, Fate::keep, Fate::reassign});
        require_means(soft_, "soft");
        require_means(pruning_, "pruning");
        require_means(hard_, "hard");
        check_hard();
    }

    // What stays must be able to lose the id.
    void check_hard() const {
        if (hard_ == Fate::erase)
            return;
        if (column_.in_key || column_.generated)
            throw bad_input("rows can't stay without their user: column " + column_.name +
                            " can't be changed")
                .at("hard")
                .hint("Use hard => 'delete'.");
        if (hard_ == Fate::reassign && list_)
            throw bad_input("a list of ids can't be reassigned").at("hard").hint("Use 'keep'.");
        if (hard_ != Fate::reassign && !list_ && path_.empty() && column_.not_null)
            throw bad_input("rows can't stay without their user: column " + column_.name +
                            " can't be null")
                .at("hard")
                .hint("Use hard => 'delete' or 'reassign', or let the column be null.");
    }

    pg::Param path() const {
        return call_.is_null(3) ? pg::Param(std::nullopt) : pg::Param::datum(call_.datum(3));
    }

    void store() {
        forget_binding.run({pg::Param::oid(relation_), user_column_, path()});
        if (soft_ == Fate::empty || pruning_ == Fate::empty || hard_ == Fate::empty) {
            const pg::Rows other = emptied_by.run({pg::Param::oid(relation_)});
            if (!other.empty())
                throw bad_input("rows of " + table_.name + " are emptied by column " +
                                std::string(other[0].text(1)) + " already")
                    .at("empty");
        }
        const auto attachments = name_argument(call_, 12);
        if (attachments) {
            const ColumnFacts column =
                require_column(relation_, *attachments, table_.name, "attachments_column");
            if (column.base != "jsonb" || column.array)
                throw bad_input("column " + *attachments + " is not jsonb")
                    .at("attachments_column");
        }
        if (deleted_column_)
            set_mark.run({pg::Param::oid(relation_), *deleted_column_, text(task_column_)});
        add_binding.run({pg::Param::oid(relation_), user_column_, path(), call_.text(2), mode_,
                         pg::Param::of(call_.jsonb(7)), fate_name(soft_), fate_name(pruning_),
                         fate_name(hard_), text(attachments),
                         call_.boolean(14, kind_ != Kind::pointer), guard_, table_.name});
    }

    // The path as PostgreSQL writes it in an index's definition.
    std::string path_literal() const {
        static pg::Statement written("SELECT replace(($1::text[])[:$2]::text, '''', '''''')",
                                     {TEXTARRAYOID, INT4OID});
        const std::size_t keys = path_.size() - (path_.back() == "*" ? 1 : 0);
        return "'" + std::string(written.run({path(), static_cast<int32>(keys)})[0].text(1)) + "'";
    }

    void warn_without_index() const {
        std::string key;
        for (const std::string &column : table_.key)
            key += column == column_.name ? "" : ", " + column;
        if (!path_.empty()) {
            const bool many = path_.back() == "*";
            const std::string found = column_.name + (many ? " #> " : " #>> ") + path_literal();
            if (!has_expression_index(relation_, many ? "gin" : "btree", found + "::text[]"))
                missing_index(table_.name, user_column_,
                              many ? " USING gin ((" + found + "))" : " ((" + found + "))");
        } else if (list_) {
            if (!has_gin_index(relation_, user_column_))
                missing_index(table_.name, user_column_, " USING gin (" + column_.name + ")");
        } else if (!has_index(relation_, pg::Vec<std::string_view>(1, user_column_))) {
            missing_index(table_.name, user_column_, " (" + column_.name + key + ")");
        }
    }

    Datum response() const {
        pg::JsonbWriter w(call_.result_context());
        w.begin_object({"hard", "kind", "mode", "soft", "guard", "pruning", "duration", "relation",
                        "user_column"});
        w.string(fate_name(hard_));
        w.string(*call_.text(2));
        w.string(mode_);
        w.string(fate_name(soft_));
        w.boolean(guard_);
        w.string(fate_name(pruning_));
        w.string(call_.duration());
        w.string(table_.name);
        w.string(user_column_);
        w.end();
        return w.datum();
    }

    pg::Call &call_;
    Oid relation_;
    TableFacts table_;
    ColumnFacts column_;
    std::string user_column_;
    Kind kind_ = Kind::author;
    std::string mode_;
    std::vector<std::string_view> path_;
    bool list_ = false;
    bool guard_ = false;
    bool can_mark_ = false;
    bool can_empty_ = false;
    std::optional<std::string> deleted_column_;
    std::optional<std::string> task_column_;
    Fate soft_ = Fate::keep;
    Fate pruning_ = Fate::keep;
    Fate hard_ = Fate::erase;
};

pg::Statement unbind(R"(
    WITH marks AS (DELETE FROM stream.marks WHERE relation = $1),
    binding_marks AS (DELETE FROM stream.binding_marks WHERE relation = $1 AND NOT built_in)
    DELETE FROM stream.bindings WHERE relation = $1 AND NOT built_in RETURNING table_name)",
                     {OIDOID});

} // namespace

STREAM_FUNCTION(stream_bind_table, "BindTable") {
    const Oid caller = GetUserId();
    const pg::ActAs as_owner(pg::extension_owner());
    return Binder(call).bind(caller);
}

STREAM_FUNCTION(stream_unbind_table, "UnbindTable") {
    const Oid caller = GetUserId();
    const pg::ActAs as_owner(pg::extension_owner());
    const Oid relation = relation_argument(call);
    const TableFacts table = table_facts(relation, caller);
    const bool exists = !table.name.empty();
    if (exists && !table.caller_owns)
        refuse_stranger(relation);
    const pg::Rows rows = unbind.run({pg::Param::oid(relation)});
    if (rows.empty())
        throw not_found("table " + (exists ? table.name : std::to_string(relation)) +
                        " is not bound")
            .at("relation");
    let_go(relation);
    if (exists)
        Binder::set_guard(relation, table.name);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"duration", "relation"});
    w.string(call.duration());
    w.string(exists ? table.name : std::string(rows[0].text(1)));
    w.end();
    return w.datum();
}
