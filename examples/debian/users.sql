-- Every person in one call. Archive sections serve as teams.

SELECT stream_upsert_users(jsonb_agg(jsonb_build_object(
           'id', user_id,
           'name', name,
           'teams', teams,
           'custom', jsonb_build_object('email', email, 'maintains', maintains, 'uploads', uploads))),
           return_users => false)
FROM (
    SELECT user_id,
           email,
           name,
           array_agg(DISTINCT section ORDER BY section) AS teams,
           count(*) FILTER (WHERE place = 1) AS maintains,
           count(*) FILTER (WHERE place > 1) AS uploads
    FROM debian.person
    JOIN debian.handler USING (user_id)
    JOIN debian.source USING (source)
    GROUP BY user_id
) AS person;
