// Runs one named scenario: its task comes as JSON on standard input, what it found goes out as JSON.

import { text } from "node:stream/consumers";

export async function run(scenarios) {
  const task = JSON.parse(await text(process.stdin));
  const found = await scenarios[task.scenario](task);
  process.stdout.write(JSON.stringify(found ?? {}));
}

/** Return what a promise is refused with: the names by which the library tells it. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { name: error.name, code: error.code, error: error.error, message: error.message };
  }
  return null;
}
