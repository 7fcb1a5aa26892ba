// A user's whole life over HTTP:
//
//   psql -f examples/rest/setup.sql
//   PGUSER=rest_gateway node examples/rest/gateway.js &
//   node examples/rest/life.js http://127.0.0.1:8080
//
// Workers must run in the database (SELECT stream_start_workers()). It says what it does and exits with 1 at
// the first surprise. Any language with an HTTP client can do the same:
//   curl -H 'Content-Type: application/json' -d '{"id": "rest-1"}' http://127.0.0.1:8080/rpc/stream_get_user
'use strict';

const assert = require('node:assert/strict');

const base = process.argv[2] ?? 'http://127.0.0.1:8080';

async function post(name, args) {
    const response = await fetch(`${base}/rpc/${name}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(args),
    });
    return { status: response.status, body: await response.json() };
}

async function call(name, args = {}) {
    const { status, body } = await post(name, args);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
}

// What a call is refused with, which must be this status and SQLSTATE.
async function refusal(name, args, status, code) {
    const answer = await post(name, args);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
    return answer.body;
}

// Waits for a task, showing how far it is, and returns its counts.
async function follow(id) {
    for (;;) {
        const { status, progress, result, error } = await call('stream_wait_task', { id, timeout: '0.2 s' });
        console.log(`  ${status}, ${progress.percent} %, ${progress.done} of ${progress.total ?? '?'} rows: ${progress.step}`);
        if (status === 'completed') return result.counts;
        assert.ok(status === 'pending' || status === 'running', `the task is ${status}: ${JSON.stringify(error)}`);
    }
}

async function life() {
    const users = {};
    for (let i = 1; i <= 500; i++)
        users[`rest-${i}`] = { id: `rest-${i}`, name: `User ${i}`, custom: { plan: i % 10 === 0 ? 'pro' : 'free' } };
    const upserted = await call('stream_upsert_users', { users: { users }, return_users: false });
    assert.equal(upserted.created, 500);
    console.log(`500 users created in ${upserted.duration}`);

    const bad = [{ id: 'rest-new' }, { id: 'rest-1', role: 'captain' }];
    const refused = await refusal('stream_upsert_users', { users: bad }, 400, 'ST004');
    assert.equal(JSON.parse(refused.details).path, 'users[1].role');
    console.log(`refused, with nothing written: ${refused.message}`);

    const query = { filter_conditions: { 'custom.plan': 'pro', id: { $autocomplete: 'rest-' } }, limit: 100 };
    const found = await call('stream_query_users', { query });
    assert.equal(found.users.length, 50);
    console.log('50 of them pay');

    // What the gateway itself refuses
    await refusal('stream_get_user', { id: 'rest-1', 'id) --': 1 }, 400, undefined);
    await refusal('stream_get_user', {}, 400, undefined);
    await refusal('pg_sleep', { seconds: 1 }, 404, undefined);
    await refusal('stream_get_task', { id: "' OR true --" }, 400, '22P02');

    await call('stream_ban_user', { target_user_id: 'rest-2', banned_by_id: 'rest-1', reason: 'rude', timeout_minutes: 60 });
    console.log(`banned: ${(await refusal('stream_connect_user', { id: 'rest-2' }, 403, 'ST017')).message}`);
    await call('stream_unban_user', { target_user_id: 'rest-2' });
    await call('stream_revoke_tokens', { ids: ['rest-2'], issued_before: '2024-06-01T00:00:00Z' });
    const token = { id: 'rest-2', token_issued_at: '2024-05-31T00:00:00Z' };
    console.log(`token revoked: ${(await refusal('stream_authorize', token, 401, 'ST040')).message}`);
    await call('stream_deactivate_user', { id: 'rest-2' });
    console.log(`deactivated: ${(await refusal('stream_connect_user', { id: 'rest-2' }, 403, 'ST017')).message}`);
    await call('stream_reactivate_user', { id: 'rest-2' });
    const newToken = { id: 'rest-2', token_issued_at: '2024-06-02T00:00:00Z' };
    assert.equal(await call('stream_authorize', newToken), true);
    console.log('unbanned and reactivated, rest-2 is in again');

    // A soft deletion: marked at once, the rest is a task.
    const deletion = await call('stream_delete_users', { ids: ['rest-1'] });
    console.log(`soft-deleted: ${(await refusal('stream_get_user', { id: 'rest-1' }, 404, 'ST016')).message}`);
    const marked = await follow(deletion.task_id);
    assert.equal(marked['stream.messages'].soft, 50000);
    const restored = await follow((await call('stream_restore_users', { ids: ['rest-1'] })).task_id);
    assert.equal(restored['stream.messages'].restored, 50000);
    assert.equal((await call('stream_get_user', { id: 'rest-1' })).name, 'User 1');
    console.log('restored with all 50000 messages');

    // For good, after a look at what it will do
    const hard = { ids: ['rest-1'], user_mode: 'hard', messages_mode: 'hard', conversations_mode: 'hard', calls_mode: 'hard',
                   new_owner: 'rest-3' };
    const { counts } = await call('stream_delete_users', { ...hard, dry_run: true });
    console.log('a hard deletion would do:', counts);
    assert.deepEqual(await follow((await call('stream_delete_users', hard)).task_id), counts);
    assert.deepEqual(await call('stream_verify_erasure', { id: 'rest-1' }), []);
    console.log('hard-deleted, which did just that: nothing holds the id rest-1 any more');
}

life().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
