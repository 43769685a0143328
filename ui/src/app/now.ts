// The wall's time, for what changes by the second.

import { useEffect, useState } from "react";
import { useHost } from "./session";

/** Milliseconds since 1970, rendered anew every `step` milliseconds. */
export function useNow(step = 1_000): number {
  const { clock } = useHost();
  const [now, setNow] = useState(() => clock.wall());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(clock.wall());
    }, step);
    return () => clearInterval(timer);
  }, [clock, step]);
  return now;
}
