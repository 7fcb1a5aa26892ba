// A small gateway from HTTP to the functions of stream_users, in the usual convention of such gateways:
//
//   POST /rpc/<function>   with a JSON object of named arguments
//
// answers 200 with the function's result as JSON, or with an error
// {"code": SQLSTATE, "message": …, "details": …, "hint": …} and a status of its own.
//
//   PGUSER=gateway PGDATABASE=app PORT=8080 node examples/rest/gateway.js
//
// The role is a plain one that was granted a level, and the level decides what can be called:
//   CREATE ROLE gateway LOGIN; SELECT stream_grant('gateway', 'writer');
// It listens on 127.0.0.1 only. Who may ask it is for whatever stands before it to decide.
'use strict';

const http = require('node:http');
const { Pool } = require('pg');

const largestBody = 64 * 1024 * 1024;

class Refusal extends Error {
    constructor(status, message, hint) {
        super(message);
        this.status = status;
        this.hint = hint;
    }
}

// The functions of that name that belong to the extension, with their arguments as SQL writes them.
const lookUp = `
    SELECT format('%I.%I', n.nspname, p.proname) AS call, p.proretset AS is_set, p.pronargs - p.pronargdefaults AS mandatory,
           ARRAY(SELECT p.proargnames[i] FROM generate_series(1, p.pronargs) AS i) AS names,
           ARRAY(SELECT quote_ident(p.proargnames[i]) FROM generate_series(1, p.pronargs) AS i) AS identifiers,
           ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, i) ORDER BY i) AS types
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE e.extname = 'stream_users' AND p.prokind = 'f' AND p.proname = $1 AND p.proname LIKE 'stream\\_%'`;

// SELECT function(argument => value, …): all names and types are the catalogue's, and the whole body is one
// parameter, which PostgreSQL takes apart. So no digit of a number is lost, and no text of a caller's is SQL.
function statement(fn, given) {
    const unknown = given.filter((name) => !fn.names.includes(name));
    if (unknown.length > 0)
        throw new Refusal(400, `there is no argument "${unknown[0]}"`, `Arguments are: ${fn.names.join(', ')}.`);
    const missing = fn.names.slice(0, fn.mandatory).filter((name) => !given.includes(name));
    if (missing.length > 0) throw new Refusal(400, `argument "${missing[0]}" is missing`);

    const chosen = fn.names.map((name, i) => i).filter((i) => given.includes(fn.names[i]));
    const args = chosen.map((i) => `${fn.identifiers[i]} => body.${fn.identifiers[i]}`).join(', ');
    const columns = chosen.map((i) => `${fn.identifiers[i]} ${fn.types[i]}`).join(', ');
    const body = chosen.length > 0 ? `jsonb_to_record($1::jsonb) AS body(${columns})` : '(SELECT $1::jsonb) AS body';
    return fn.is_set
        ? `SELECT COALESCE(jsonb_agg(to_jsonb(answer)), '[]')::text AS answer FROM ${body}, ${fn.call}(${args}) AS answer`
        : `SELECT to_jsonb(${fn.call}(${args}))::text AS answer FROM ${body}`;
}

function parse(text) {
    let body;
    try {
        body = JSON.parse(text || '{}');
    } catch {
        throw new Refusal(400, 'the body is not JSON');
    }
    if (body === null || typeof body !== 'object' || Array.isArray(body))
        throw new Refusal(400, 'the body must be an object of named arguments');
    return body;
}

async function read(request) {
    const chunks = [];
    let length = 0;
    for await (const chunk of request) {
        length += chunk.length;
        if (length > largestBody) throw new Refusal(413, 'the body is too large');
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
}

async function answer(pool, request) {
    const path = /^\/rpc\/([a-z_]+)$/.exec(request.url);
    if (!path) throw new Refusal(404, 'there is only /rpc/<function>');
    if (request.method !== 'POST') throw new Refusal(405, 'functions are called by POST');
    const text = await read(request);
    const given = Object.keys(parse(text));
    const { rows } = await pool.query(lookUp, [path[1]]);
    if (rows.length === 0) throw new Refusal(404, `there is no function ${path[1]}`);
    const result = await pool.query(statement(rows[0], given), [text || '{}']);
    return result.rows[0].answer ?? 'null';
}

// By the API's code, else by the class of the SQLSTATE.
function statusOf(error) {
    if (error instanceof Refusal) return error.status;
    const codes = { ST004: 400, ST005: 401, ST016: 404, ST017: 403, ST040: 401, 42501: 403 };
    return codes[error.code] ?? (/^22/.test(error.code) ? 400 : 500);
}

function respond(response, status, json) {
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(json);
}

async function handle(pool, request, response) {
    try {
        respond(response, 200, await answer(pool, request));
    } catch (error) {
        const { code, message, detail: details, hint } = error;
        respond(response, statusOf(error), JSON.stringify({ code, message, details, hint }));
    }
}

const pool = new Pool();
pool.on('error', (error) => console.error(error.message)); // an idle connection was lost; the next call makes another
const server = http.createServer((request, response) => handle(pool, request, response));
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
let stopping = false; // a signal may come twice
for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
        if (stopping) return;
        stopping = true;
        server.close(() => pool.end());
        server.closeIdleConnections?.();
    });
