import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useRun } from "./run";

/** To all lanes of the run. */
export function LanesLink({ className, children }: { className: string; children: ReactNode }) {
  const { view } = useRun();
  return (
    <Link to="/run/$run/lanes" params={{ run: view.run }} className={className}>
      {children}
    </Link>
  );
}
