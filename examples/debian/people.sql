-- From the index's rows to who looks after what: debian.source (one row a source package),
-- debian.person (one row an e-mail address), debian.handler (who maintains or uploads which source).

CREATE UNLOGGED TABLE debian.package AS
SELECT DISTINCT ON (package)
       package,
       coalesce(split_part(source, ' ', 1), package) AS source,
       section,
       maintainer,
       description
FROM debian.packages
ORDER BY package, description;

-- What has no row in the index of source packages is known from its binary packages.
CREATE UNLOGGED TABLE debian.source AS
SELECT DISTINCT ON (source)
       source,
       coalesce(section, 'unknown') AS section,
       maintainer,
       uploaders
FROM (SELECT 1 AS preference, source, section, maintainer, uploaders FROM debian.sources
      UNION ALL
      SELECT 2, source, section, maintainer, NULL FROM debian.package) AS known
WHERE maintainer IS NOT NULL
ORDER BY source, preference, uploaders;

CREATE UNLOGGED TABLE debian.address AS
SELECT source.source,
       field.place + address.place AS place,
       btrim(address.part[1], E' ,"') AS name,
       lower(btrim(address.part[2])) AS email
FROM debian.source,
     LATERAL (VALUES (0, maintainer), (1, uploaders)) AS field (place, people),
     LATERAL regexp_matches(field.people, '([^<>]*)<([^<>]+)>', 'g') WITH ORDINALITY AS address (part, place);

-- A user id holds letters, digits, @, _ and -. Two addresses that would share one are told apart by a number.
CREATE UNLOGGED TABLE debian.person AS
WITH named AS (
    SELECT email,
           left(coalesce(nullif(mode() WITHIN GROUP (ORDER BY name), ''), email), 255) AS name,
           left(regexp_replace(translate(email, '.+', '_-'), '[^a-z0-9@_-]', '_', 'g'), 240) AS id
    FROM debian.address
    GROUP BY email
)
SELECT id || coalesce('-' || nullif(row_number() OVER (PARTITION BY id ORDER BY email), 1), '') AS user_id,
       email,
       name
FROM named;

ALTER TABLE debian.person ADD PRIMARY KEY (user_id);

-- place 1 is the maintainer; uploaders follow in the order they are listed.
CREATE UNLOGGED TABLE debian.handler AS
SELECT source,
       user_id,
       row_number() OVER (PARTITION BY source ORDER BY min(address.place), user_id) AS place
FROM debian.address
JOIN debian.person USING (email)
GROUP BY source, user_id;

ALTER TABLE debian.handler ADD PRIMARY KEY (source, user_id);

ANALYZE debian.package, debian.source, debian.person, debian.handler;
