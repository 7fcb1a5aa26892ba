#include "lifecycle/files.hpp"

#include "bindings/sql.hpp"
#include "pg/spi.hpp"

namespace stream::lifecycle {

namespace {

pg::Statement listed("SELECT url FROM stream.task_files WHERE seq = $1 ORDER BY url", {INT8OID});
pg::Statement forget("DELETE FROM stream.task_files WHERE seq = $1", {INT8OID});

// The columns with attachments, each once.
std::vector<std::pair<const bindings::Relation *, std::string>>
attachments(const bindings::Catalogue &catalogue) {
    std::vector<std::pair<const bindings::Relation *, std::string>> found;
    for (const bindings::Binding &binding : catalogue.bindings)
        if (!binding.attachments.empty())
            found.emplace_back(binding.relation, binding.attachments);
    return found;
}

} // namespace

void collect_files(const bindings::Catalogue &catalogue, const Step &step,
                   const std::function<void(const std::string &)> &run) {
    if (step.action != Action::erase && step.action != Action::empty)
        return;
    for (const auto &[relation, column] : attachments(catalogue))
        if (relation == step.relation)
            run(bindings::collect_files_sql(*relation, column));
}

void list_files(tasks::Task &task, const bindings::Catalogue &catalogue) {
    for (const auto &[relation, column] : attachments(catalogue))
        pg::prepared(bindings::forget_referenced_files_sql(*relation, column), {INT8OID})
            .run({task.seq});
    const pg::Rows urls = listed.run({task.seq});
    for (std::size_t i = 0; i < urls.size(); i++)
        task.files.emplace_back(urls[i].text(1));
    task.files_listed = true;
    forget.run({task.seq});
}

} // namespace stream::lifecycle
