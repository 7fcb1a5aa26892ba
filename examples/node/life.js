// A user's whole life with node-postgres:  node examples/node/life.js
//
// PGHOST, PGDATABASE, PGUSER … say where, as everywhere. Run it as the owner of stream_users, in a database
// where workers run (SELECT stream_start_workers()). It says what it does and exits with 1 at the first
// surprise.
'use strict';

const assert = require('node:assert/strict');
const { Client } = require('pg');

const db = new Client();

// Calls a function with named arguments and returns its answer. Times in answers are nanoseconds, more than a
// number of JavaScript can hold exactly: cast them to text in SQL where each digit counts.
async function call(name, args = {}) {
    const names = Object.keys(args);
    const list = names.map((arg, i) => `${db.escapeIdentifier(arg)} => $${i + 1}`).join(', ');
    const values = names.map((arg) => args[arg]);
    const { rows } = await db.query(`SELECT ${db.escapeIdentifier(name)}(${list}) AS answer`, values);
    return rows[0].answer;
}

// The error that a promise must end with.
async function refusal(promise, code) {
    try {
        await promise;
    } catch (error) {
        assert.equal(error.code, code, error.message);
        return error;
    }
    throw new assert.AssertionError({ message: `not refused with ${code}` });
}

// Waits for a task, showing how far it is.
async function follow(id) {
    for (;;) {
        const { status, progress, result, error } = await call('stream_wait_task', { id, timeout: '0.2 s' });
        const rows = `${progress.done} of ${progress.total ?? '?'} rows`;
        console.log(`  ${status}, ${progress.percent} %, ${rows}: ${progress.step}`);
        if (status === 'completed') return result.counts;
        assert.ok(status === 'pending' || status === 'running', `the task is ${status}: ${JSON.stringify(error)}`);
    }
}

async function count(condition, ...values) {
    const { rows } = await db.query(`SELECT count(*)::integer AS n FROM stream.messages WHERE ${condition}`, values);
    return rows[0].n;
}

async function life() {
    // Many users in one call: lists and objects go as JSON.
    const users = Array.from({ length: 500 }, (_, i) => ({
        id: `node-${i + 1}`,
        name: `User ${i + 1}`,
        custom: { plan: (i + 1) % 10 === 0 ? 'pro' : 'free' },
    }));
    const upserted = await call('stream_upsert_users', { users: JSON.stringify(users), return_users: false });
    assert.equal(upserted.created, 500);
    console.log(`${upserted.created} users created in ${upserted.duration}`);

    const bad = JSON.stringify([{ id: 'node-new' }, { id: 'node-1', role: 'captain' }]);
    const refused = await refusal(call('stream_upsert_users', { users: bad }), 'ST004');
    assert.equal(JSON.parse(refused.detail).path, 'users[1].role');
    console.log(`refused, with nothing written: ${refused.message}`);

    const query = { filter_conditions: { 'custom.plan': 'pro', id: { $autocomplete: 'node-' } }, limit: 100 };
    const found = await call('stream_query_users', { query });
    assert.equal(found.users.length, 50);
    console.log(`${found.users.length} of them pay`);

    // What they write, in plain SQL: 50,000 messages in a conversation and a team channel
    await db.query(`INSERT INTO stream.channels (type, id, created_by_id)
                    VALUES ('messaging', 'node', 'node-1'), ('team', 'node', 'node-1')`);
    await db.query(`INSERT INTO stream.channel_members (cid, user_id)
                    SELECT cid, user_id
                    FROM (VALUES ('messaging:node', '{node-1,node-2}'::text[]), ('team:node', '{node-1,node-2,node-3}'))
                         AS c (cid, users), unnest(users) AS user_id`);
    await db.query(`INSERT INTO stream.messages (cid, user_id, text)
                    SELECT CASE i % 2 WHEN 0 THEN 'messaging:node' ELSE 'team:node' END, 'node-1', 'message ' || i
                    FROM generate_series(1, 50000) AS i`);

    // Keeping somebody out: banned, then deactivated
    await call('stream_ban_user', { target_user_id: 'node-2', banned_by_id: 'node-1', reason: 'rude', timeout_minutes: 60 });
    console.log(`banned: ${(await refusal(call('stream_connect_user', { id: 'node-2' }), 'ST017')).message}`);
    await call('stream_unban_user', { target_user_id: 'node-2' });
    await call('stream_deactivate_user', { id: 'node-2' });
    const write = db.query("INSERT INTO stream.messages (cid, user_id, text) VALUES ('team:node', 'node-2', 'still here')");
    console.log(`deactivated: ${(await refusal(write, 'ST017')).message}`);
    await call('stream_reactivate_user', { id: 'node-2' });
    assert.equal(await call('stream_authorize', { id: 'node-2' }), true);
    console.log('unbanned and reactivated, node-2 is in again');

    // A soft deletion: marked at once, the rest is a task.
    const deletion = await call('stream_delete_users', { ids: ['node-1'] });
    console.log(`soft-deleted: ${(await refusal(call('stream_get_user', { id: 'node-1' }), 'ST016')).message}`);
    await follow(deletion.task_id);
    assert.equal(await count("user_id = 'node-1' AND deleted_at IS NULL"), 0);

    const restoration = await call('stream_restore_users', { ids: ['node-1'] });
    await follow(restoration.task_id);
    assert.equal(await count("user_id = 'node-1' AND deleted_at IS NULL"), 50000);
    console.log('restored with all 50000 messages');

    // For good, after a look at what it will do
    const hard = { ids: ['node-1'], user_mode: 'hard', messages_mode: 'hard', conversations_mode: 'hard', calls_mode: 'hard',
                   new_owner: 'node-3' };
    const announced = (await call('stream_delete_users', { ...hard, dry_run: true })).counts;
    console.log('a hard deletion would do:', announced);
    const done = await follow((await call('stream_delete_users', hard)).task_id);
    assert.deepEqual(done, announced);

    const traces = await db.query('SELECT * FROM stream_verify_erasure($1)', ['node-1']);
    assert.deepEqual(traces.rows, []);
    console.log('hard-deleted, which did just that: nothing holds the id node-1 any more');
}

async function main() {
    await db.connect();
    try {
        await life();
    } finally {
        await db.end();
    }
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
