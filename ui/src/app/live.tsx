// Text and numbers that follow the run's clock.

import { useRef, useState } from "react";
import { useFrames } from "./frames";
import { useRun } from "./run";

/** Text that is a function of the run's time; written only when it changes. */
export function LiveText({ of }: { of: (elapsed: number) => string }) {
  const { store } = useRun();
  const span = useRef<HTMLSpanElement>(null);
  useFrames(() => {
    const text = of(store.elapsed());
    if (span.current && span.current.textContent !== text) span.current.textContent = text;
  });
  return <span ref={span} />;
}

/** Whether something holds now; rendered anew only when it changes. */
export function useHolds(test: (elapsed: number) => boolean): boolean {
  const { store } = useRun();
  const [holds, setHolds] = useState(() => test(store.elapsed()));
  useFrames(() => setHolds(test(store.elapsed())));
  return holds;
}

/** The run's time, rendered anew every `step` milliseconds. */
export function useElapsed(step: number): number {
  const { store } = useRun();
  const floor = () => Math.floor(store.elapsed() / step) * step;
  const [elapsed, setElapsed] = useState(floor);
  useFrames(() => setElapsed(floor()));
  return elapsed;
}
