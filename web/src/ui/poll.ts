// Look again and again, at growing distances, until there is nothing more to see.

export const FIRST_MS = 400;
const LONGEST_MS = 5000;

/** The wait before the next look: back to the first after a change, half as long again after none. */
export function nextWait(previous: number, changed: boolean): number {
  return changed ? FIRST_MS : Math.min(previous * 1.5, LONGEST_MS);
}

/**
 * Call `look` until it answers that it has seen the end, or `signal` ends it. `look` answers what it saw as text, or
 * null at the end; only whether that changes matters. An error of `look` ends it too, and is thrown.
 */
export async function poll(look: () => Promise<string | null>, signal: AbortSignal): Promise<void> {
  let wait = FIRST_MS;
  let before = "";
  while (!signal.aborted) {
    const seen = await look();
    if (seen === null) return;
    wait = nextWait(wait, seen !== before);
    before = seen;
    await pause(wait, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
