-- A small application: members share recipes, rate those of others, order ingredients and run clubs.
-- Its tables hold users' ids, so they are bound: what happens to a user happens to its rows.
CREATE EXTENSION IF NOT EXISTS stream_users;

CREATE SCHEMA kitchen;

CREATE TABLE kitchen.recipes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cook text,
    title text NOT NULL,
    steps text,
    removed_at timestamptz
);
CREATE INDEX ON kitchen.recipes (cook, id);

CREATE TABLE kitchen.ratings (
    recipe_id bigint NOT NULL REFERENCES kitchen.recipes,
    user_id text NOT NULL,
    stars integer NOT NULL CHECK (stars BETWEEN 1 AND 5),
    PRIMARY KEY (recipe_id, user_id)
);
CREATE INDEX ON kitchen.ratings (user_id, recipe_id);

CREATE TABLE kitchen.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    buyer text,
    address text,
    total numeric NOT NULL
);
CREATE INDEX ON kitchen.orders (buyer, id);

CREATE TABLE kitchen.clubs (
    name text PRIMARY KEY,
    owner text NOT NULL
);
CREATE INDEX ON kitchen.clubs (owner, name);

-- What the rows are to the user: a recipe is the cook's own work and its ratings hang on it; a rating says
-- something about its user alone; an order stays in the books without the buyer; a club gets a new owner.
SELECT stream_bind_table('kitchen.recipes', 'cook', 'author', deleted_column => 'removed_at',
                         empty => '{"title": "", "steps": null}', children => '{"kitchen.ratings": "recipe_id"}');
SELECT stream_bind_table('kitchen.ratings', 'user_id', 'personal');
SELECT stream_bind_table('kitchen.orders', 'buyer', 'author', empty => '{"address": null}', hard => 'empty');
SELECT stream_bind_table('kitchen.clubs', 'owner', 'owner');

-- What the application offers

CREATE FUNCTION kitchen.sign_up(id text, name text, plan text DEFAULT 'free') RETURNS void LANGUAGE sql AS $$
    SELECT stream_upsert_users(jsonb_build_object('id', id, 'name', name, 'custom', jsonb_build_object('plan', plan)))
$$;

-- For a while: nobody loses anything.
CREATE FUNCTION kitchen.pause(id text) RETURNS void LANGUAGE sql AS $$
    SELECT stream_deactivate_user(id)
$$;

-- Answers with the task that removes the member's recipes; kitchen.come_back undoes it.
CREATE FUNCTION kitchen.leave(id text) RETURNS uuid LANGUAGE sql AS $$
    SELECT (stream_delete_users(ARRAY[id]) ->> 'task_id')::uuid
$$;

CREATE FUNCTION kitchen.come_back(id text) RETURNS uuid LANGUAGE sql AS $$
    SELECT (stream_restore_users(ARRAY[id]) ->> 'task_id')::uuid
$$;

-- For good: what the law asks for. The heir gets the clubs.
CREATE FUNCTION kitchen.forget(id text, heir text) RETURNS uuid LANGUAGE sql AS $$
    SELECT (stream_delete_users(ARRAY[id], 'hard', 'hard', 'hard', 'hard', new_owner => heir) ->> 'task_id')::uuid
$$;
