-- The rows of packages.tsv and sources.tsv, as they come, and what they say about people.
-- Runs in two halves around the COPY commands: this one makes room for the rows.

CREATE SCHEMA debian;

CREATE UNLOGGED TABLE debian.packages (
    package text, source text, section text, maintainer text, description text);

CREATE UNLOGGED TABLE debian.sources (
    source text, section text, maintainer text, uploaders text);
