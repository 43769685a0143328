import type { ReactNode } from "react";

/** Nothing for 300 ms, then what is awaited. */
export function Loading({ children, rows = 0 }: { children: ReactNode; rows?: number }) {
  return (
    <div className="late">
      <p className="caption flex items-center gap-2" role="status">
        <span className="spinner" />
        {children}
      </p>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity
        <div key={index} className="skeleton-row" aria-hidden="true">
          <i className="skeleton w-4" />
          <i className="skeleton w-24" />
          <i className="skeleton w-16" />
          <span className="flex-1" />
          <i className="skeleton w-12" />
          <i className="skeleton w-16" />
        </div>
      ))}
    </div>
  );
}
