-- The loop many write first, and the limits: what PostgreSQL needs to store rows that are there already.

-- (b) A loop in PL/pgSQL, a statement a user.
CREATE OR REPLACE FUNCTION peer.upsert_loop(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    e jsonb;
    u stream.users;
    response jsonb[] := '{}';
BEGIN
    FOR e IN SELECT * FROM jsonb_array_elements(request) LOOP
        INSERT INTO stream.users AS s (id, role, name, image, custom, teams, language, invisible)
        VALUES (e ->> 'id', coalesce(e ->> 'role', 'user'), e ->> 'name', e ->> 'image',
                coalesce(e -> 'custom', '{}'),
                coalesce((SELECT array_agg(t) FROM jsonb_array_elements_text(e -> 'teams') AS t), '{}'),
                coalesce(e ->> 'language', ''), coalesce((e ->> 'invisible')::boolean, false))
        ON CONFLICT (id) DO UPDATE
        SET role = excluded.role, name = excluded.name, image = excluded.image, custom = excluded.custom,
            teams = excluded.teams, language = excluded.language, invisible = excluded.invisible,
            updated_at = now()
        RETURNING s.* INTO u;
        response := response || jsonb_strip_nulls(to_jsonb(u));
    END LOOP;
    RETURN jsonb_build_object('users', to_jsonb(response), 'duration', '0.00ms');
END $$;

-- (c) What COPY and INSERT … SELECT from a staging table start from.
CREATE UNLOGGED TABLE IF NOT EXISTS peer.staging AS
    SELECT id, role, name, image, custom, teams, language, invisible FROM stream.users WITH NO DATA;
