// pg-boss.
//
//   setup                  makes its tables and queues
//   wait QUEUE             waits for jobs on that queue and runs them
//   send QUEUE             on each line, sends a job for the user it names
//   drain QUEUE BATCH      on each line, runs as many jobs as it says; answers how many seconds that took
//
// On the queue `notified` a job announces itself by NOTIFY; `polled` is looked at every half second, which is
// the shortest that pg-boss allows; jobs on `nothing` do nothing.
import { PgBoss } from 'pg-boss'
import pg from 'pg'
import { serve, timed } from './lines.mjs'

const [verb, queue, batch] = process.argv.slice(2)
// Its own maintenance stays out of the measured time.
const boss = new PgBoss({ useListenNotify: queue === 'notified', supervise: false, schedule: false })
boss.on('error', error => { throw error })
await boss.start()

const pool = new pg.Pool({ max: 1 })
const handle = async ([job]) => {
  await pool.query({
    name: 'small',
    text: 'UPDATE stream.users SET deactivated_at = now(), updated_at = now() WHERE id = $1',
    values: [job.data.id],
  })
}

async function drain(count) {
  let left = count
  await boss.work(queue, { batchSize: Number(batch), pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
    async jobs => { left -= jobs.length })
  while (left > 0) await new Promise(resolve => setTimeout(resolve, 1))
  await boss.offWork(queue) // waits for the last batch
}

if (verb === 'setup') {
  await boss.createQueue('notified', { notify: true })
  await boss.createQueue('polled')
  await boss.createQueue('nothing')
} else if (verb === 'wait') {
  await boss.work(queue, { pollingIntervalSeconds: 0.5 }, handle)
  await serve(() => '')
} else if (verb === 'send') {
  await serve(user => boss.send(queue, { id: user }))
} else {
  await serve(count => timed(() => drain(Number(count))))
}
await boss.stop({ graceful: false })
await pool.end()
process.exit()
