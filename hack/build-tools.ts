// `npm run tools`: builds every external program that `npm test` and `npm run e2e` need and that is not at hand, before
// anything waits for one.
// Exit code 1 where one cannot be had; the others are built all the same.
import { ON_DEMAND, PROGRAMS } from './tools/programs.ts'
import { tool, type ToolName } from './tools.ts'

for (const name of Object.keys(PROGRAMS).filter((one) => !ON_DEMAND.includes(one)) as ToolName[]) {
  try {
    console.log(`${name}: ${await tool(name)}`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
