-- What the tables of feeds.sql hold.

COMMENT ON TABLE stream.feeds IS 'Feeds: lists of activities that can be followed';
COMMENT ON COLUMN stream.feeds.fid IS 'group_id:id; made from the two when left out';
COMMENT ON COLUMN stream.feeds.group_id IS 'Group, such as user or timeline; taken from fid when left out';
COMMENT ON COLUMN stream.feeds.id IS 'Id among the feeds of the group; taken from fid when left out';
COMMENT ON COLUMN stream.feeds.created_by_id IS 'Whose feed it is: it goes with the user';
COMMENT ON COLUMN stream.feeds.created_at IS 'When the feed was created';
COMMENT ON COLUMN stream.feeds.updated_at IS 'When the feed was last changed; kept by the application';
COMMENT ON COLUMN stream.feeds.deleted_at IS 'When the feed was marked deleted; null while it is not';
COMMENT ON COLUMN stream.feeds.deleted_by_task IS 'The task that marked it deleted; null when the application did';
COMMENT ON INDEX stream.feeds_owner IS 'Finds a user''s feeds';
COMMENT ON INDEX stream.feeds_task IS 'Finds what a task claimed to erase';
COMMENT ON TRIGGER fill_key ON stream.feeds IS 'Makes fid from group_id and id, or the two from fid';
COMMENT ON TRIGGER guard_author ON stream.feeds IS 'Refuses feeds of deleted or deactivated users';

COMMENT ON TABLE stream.activities IS 'Activities: what stands in feeds';
COMMENT ON COLUMN stream.activities.id IS 'Id, a new uuid when left out';
COMMENT ON COLUMN stream.activities.fid IS 'The feed it stands in';
COMMENT ON COLUMN stream.activities.user_id IS 'The author';
COMMENT ON COLUMN stream.activities.type IS 'Type, such as post';
COMMENT ON COLUMN stream.activities.text IS 'What the author wrote';
COMMENT ON COLUMN stream.activities.attachments IS 'Array of {type, asset_url, image_url, thumb_url, …}';
COMMENT ON COLUMN stream.activities.mentioned_user_ids IS 'Users mentioned in the activity';
COMMENT ON COLUMN stream.activities.custom IS 'The application''s own data of the activity';
COMMENT ON COLUMN stream.activities.created_at IS 'When the activity was made';
COMMENT ON COLUMN stream.activities.updated_at IS 'When the activity was last changed; kept by the application';
COMMENT ON COLUMN stream.activities.deleted_at IS 'When the activity was marked deleted; null while it is not';
COMMENT ON COLUMN stream.activities.deleted_by_task IS 'The task that marked it deleted; null when the application did';
COMMENT ON INDEX stream.activities_user IS 'Walks an author''s activities in the order of the primary key';
COMMENT ON INDEX stream.activities_feed IS 'Finds what stands in a feed';
COMMENT ON INDEX stream.activities_task IS 'Finds what a task claimed to erase';
COMMENT ON INDEX stream.activities_mentioned IS 'Finds mentions of a user that is erased';
COMMENT ON TRIGGER guard_author ON stream.activities IS 'Refuses activities of deleted or deactivated users';

COMMENT ON TABLE stream.comments IS 'Comments on activities';
COMMENT ON COLUMN stream.comments.id IS 'Id, a new uuid when left out';
COMMENT ON COLUMN stream.comments.activity_id IS 'The activity';
COMMENT ON COLUMN stream.comments.user_id IS 'The author';
COMMENT ON COLUMN stream.comments.text IS 'What the author wrote';
COMMENT ON COLUMN stream.comments.parent_id IS 'Of a reply: the comment that it replies to';
COMMENT ON COLUMN stream.comments.created_at IS 'When the comment was written';
COMMENT ON COLUMN stream.comments.updated_at IS 'When the comment was last changed; kept by the application';
COMMENT ON COLUMN stream.comments.deleted_at IS 'When the comment was marked deleted; null while it is not';
COMMENT ON COLUMN stream.comments.deleted_by_task IS 'The task that marked it deleted; null when the application did';
COMMENT ON INDEX stream.comments_user IS 'Walks an author''s comments in the order of the primary key';
COMMENT ON INDEX stream.comments_activity IS 'Finds the comments on an activity';
COMMENT ON INDEX stream.comments_parent IS 'Finds the replies to a comment that is erased';
COMMENT ON TRIGGER guard_author ON stream.comments IS 'Refuses comments of deleted or deactivated users';

COMMENT ON TABLE stream.feed_reactions IS 'Reactions to activities and to comments on them';
COMMENT ON COLUMN stream.feed_reactions.activity_id IS 'The activity, also when the reaction is to a comment on it';
COMMENT ON COLUMN stream.feed_reactions.comment_id IS 'The comment; empty when the reaction is to the activity itself';
COMMENT ON COLUMN stream.feed_reactions.user_id IS 'Who reacted';
COMMENT ON COLUMN stream.feed_reactions.type IS 'How, such as like';
COMMENT ON COLUMN stream.feed_reactions.created_at IS 'When it was made';
COMMENT ON INDEX stream.feed_reactions_user IS 'Walks a user''s reactions in the order of the primary key';
COMMENT ON INDEX stream.feed_reactions_comment IS 'Finds the reactions to a comment that is erased or pruned';
COMMENT ON TRIGGER guard_author ON stream.feed_reactions IS 'Refuses reactions of deleted or deactivated users';

COMMENT ON TABLE stream.follows IS 'Which feed follows which';
COMMENT ON COLUMN stream.follows.source_fid IS 'The feed that follows';
COMMENT ON COLUMN stream.follows.target_fid IS 'The feed that is followed';
COMMENT ON COLUMN stream.follows.created_at IS 'Since when';
COMMENT ON INDEX stream.follows_target IS 'Finds the followers of a feed';

COMMENT ON TABLE stream.bookmarks IS 'Activities that users keep for themselves';
COMMENT ON COLUMN stream.bookmarks.user_id IS 'Whose bookmark it is';
COMMENT ON COLUMN stream.bookmarks.activity_id IS 'The activity';
COMMENT ON COLUMN stream.bookmarks.created_at IS 'When it was made';
COMMENT ON INDEX stream.bookmarks_activity IS 'Finds the bookmarks of an activity that is erased';
COMMENT ON TRIGGER guard_author ON stream.bookmarks IS 'Refuses bookmarks of deleted or deactivated users';
