-- What examples/rest needs in the database, by its owner: the gateway's role, and something that users have written.
CREATE ROLE rest_gateway LOGIN;
SELECT stream_grant('rest_gateway', 'admin');

INSERT INTO stream.channels (type, id, created_by_id) VALUES ('messaging', 'rest', 'rest-1'), ('team', 'rest', 'rest-1');
INSERT INTO stream.channel_members (cid, user_id)
VALUES ('messaging:rest', 'rest-1'), ('messaging:rest', 'rest-2'), ('team:rest', 'rest-1'), ('team:rest', 'rest-2'), ('team:rest', 'rest-3');
INSERT INTO stream.messages (cid, user_id, text)
SELECT CASE i % 2 WHEN 0 THEN 'messaging:rest' ELSE 'team:rest' END, 'rest-1', 'message ' || i FROM generate_series(1, 50000) AS i;
