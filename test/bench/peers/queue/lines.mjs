// How the measuring program talks to these: a line in, a line out.
import { createInterface } from 'node:readline'

// Says that it is ready, then answers each line with what `answer` makes of it, until the input ends.
export async function serve(answer) {
  console.log('ready')
  for await (const line of createInterface({ input: process.stdin })) console.log(await answer(line))
}

// Seconds that `work` takes.
export async function timed(work) {
  const begin = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - begin) / 1e9
}
