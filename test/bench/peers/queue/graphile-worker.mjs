// graphile-worker.
//
//   wait [local]                waits for jobs and runs them; with its local queue when told so
//   drain CONCURRENCY [local]   on each line, runs the jobs there are; answers how many seconds that took
//
// `small` changes a user's row by the connection that the library gives its jobs; `nothing` does nothing.
import { Logger, run, runOnce } from 'graphile-worker'
import pg from 'pg'
import { serve, timed } from './lines.mjs'

const tasks = {
  nothing: async () => {},
  small: async (user, helpers) => {
    await helpers.query('UPDATE stream.users SET deactivated_at = now(), updated_at = now() WHERE id = $1', [user.id])
  },
}
const [verb, ...more] = process.argv.slice(2)
const concurrency = verb === 'drain' ? Number(more[0]) : 1
const pgPool = new pg.Pool({ max: concurrency + 2 })
const fail = error => { throw error }
pgPool.on('error', fail)
pgPool.on('connect', client => client.on('error', fail))
const worker = { concurrentJobs: concurrency }
// Sizes are those that drained a full queue fastest among the ones tried.
if (more.includes('local')) Object.assign(worker, { localQueue: { size: 500 }, completeJobBatchDelay: 0 })
const options = {
  pgPool,
  taskList: tasks,
  parsedCronItems: [],
  noHandleSignals: true,
  logger: new Logger(() => () => {}),
  preset: { worker },
}

if (verb === 'wait') {
  const runner = await run(options)
  await serve(() => '')
  await runner.stop()
} else {
  await runOnce(options)
  await serve(() => timed(() => runOnce(options)))
}
await pgPool.end()
