-- What the tables of video.sql hold.

COMMENT ON TABLE stream.calls IS 'Calls. One with more than two members is a group call, which is never deleted with a user';
COMMENT ON COLUMN stream.calls.cid IS 'type:id; made from the two when left out';
COMMENT ON COLUMN stream.calls.type IS 'Type, such as default; taken from cid when left out';
COMMENT ON COLUMN stream.calls.id IS 'Id among the calls of the type; taken from cid when left out';
COMMENT ON COLUMN stream.calls.created_by_id IS 'The owner: the user who created the call, or who got it when that user was erased';
COMMENT ON COLUMN stream.calls.created_at IS 'When the call was created';
COMMENT ON COLUMN stream.calls.updated_at IS 'When the call was last changed; kept by the application';
COMMENT ON COLUMN stream.calls.ended_at IS 'When the call ended; null while it has not';
COMMENT ON COLUMN stream.calls.deleted_at IS 'When the call was marked deleted; null while it is not';
COMMENT ON COLUMN stream.calls.deleted_by_task IS 'The task that marked it deleted; null when the application did';
COMMENT ON INDEX stream.calls_owner IS 'Finds what a user owns, to hand it over';
COMMENT ON INDEX stream.calls_task IS 'Finds what a task claimed to erase';
COMMENT ON TRIGGER fill_key ON stream.calls IS 'Makes cid from type and id, or the two from cid';
COMMENT ON TRIGGER guard_author ON stream.calls IS 'Refuses calls of deleted or deactivated users';

COMMENT ON TABLE stream.call_members IS 'Who is a member of which call';
COMMENT ON COLUMN stream.call_members.call_cid IS 'The call';
COMMENT ON COLUMN stream.call_members.user_id IS 'The member';
COMMENT ON COLUMN stream.call_members.role IS 'The member''s role in the call';
COMMENT ON COLUMN stream.call_members.created_at IS 'When the user became a member';
COMMENT ON INDEX stream.call_members_user IS 'Finds a user''s calls';
COMMENT ON TRIGGER guard_author ON stream.call_members IS 'Refuses memberships of deleted or deactivated users';

COMMENT ON TABLE stream.call_sessions IS 'The times at which a call took place';
COMMENT ON COLUMN stream.call_sessions.id IS 'Id, a new uuid when left out';
COMMENT ON COLUMN stream.call_sessions.call_cid IS 'The call';
COMMENT ON COLUMN stream.call_sessions.started_at IS 'When the session began';
COMMENT ON COLUMN stream.call_sessions.ended_at IS 'When the session ended; null while it has not';
COMMENT ON COLUMN stream.call_sessions.deleted_at IS 'When the session was marked deleted; null while it is not';
COMMENT ON COLUMN stream.call_sessions.deleted_by_task IS 'The task that marked it deleted; null when the application did';
COMMENT ON INDEX stream.call_sessions_call IS 'Finds the sessions of a call';
COMMENT ON INDEX stream.call_sessions_task IS 'Finds what a task claimed to erase';

COMMENT ON TABLE stream.call_participants IS 'Who took part in which session';
COMMENT ON COLUMN stream.call_participants.session_id IS 'The session';
COMMENT ON COLUMN stream.call_participants.user_id IS 'The participant';
COMMENT ON COLUMN stream.call_participants.joined_at IS 'When the user joined';
COMMENT ON COLUMN stream.call_participants.left_at IS 'When the user left; null while it is there';
COMMENT ON INDEX stream.call_participants_user IS 'Finds the sessions a user took part in';
COMMENT ON TRIGGER guard_author ON stream.call_participants IS 'Refuses participants that are deleted or deactivated users';
