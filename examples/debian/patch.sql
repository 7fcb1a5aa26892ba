-- Sets two fields of one user and takes one away; everything else stays.

SELECT format('  %s: language %s, custom %s', "user" ->> 'name', "user" ->> 'language', "user" ->> 'custom')
FROM (
    SELECT stream_patch_user(:'heir',
                             set => '{"language": "en", "custom.duty": "orphaned packages"}',
                             unset => '{custom.email}') -> 'user' AS "user"
) AS patched;
