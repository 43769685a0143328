// Icons: lucide's, at the sizes of this design, and the few of our own.

import type { LucideIcon } from "lucide-react";

interface IconProps {
  of: LucideIcon;
  size?: 12 | 14 | 16 | 20 | 32;
  className?: string;
}

/** A drawing beside a word, hidden from screen readers. */
export function Icon({ of: Drawing, size = 16, className = "" }: IconProps) {
  return <Drawing aria-hidden className={`icon px-${size} ${className}`} />;
}

/** Three lanes, three runners. */
export function RaceIcon({ className = "" }: { className?: string }) {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d="M2 3.5h5M2 8h9M2 12.5h3" />
      <circle cx="9.6" cy="3.5" r="1.3" />
      <circle cx="13.2" cy="8" r="1.3" />
      <circle cx="7.6" cy="12.5" r="1.3" />
    </svg>
  );
}

/** A place that stands by. */
export function RingIcon({ className = "" }: { className?: string }) {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="4.5" />
    </svg>
  );
}

/** A square watch whose hand has swept its first ten seconds. */
export function Logo({ className = "" }: { className?: string }) {
  return (
    <svg className={className} viewBox="0 0 24 24" aria-hidden="true">
      <rect
        x="1.25"
        y="1.25"
        width="21.5"
        height="21.5"
        rx="6.5"
        fill="none"
        stroke="var(--text)"
        strokeWidth="1.9"
      />
      <path d="M12 12V4.4A7.6 7.6 0 0 1 18.58 8.2Z" fill="var(--accent-fill)" />
      <path d="M12 12 18.58 8.2" stroke="var(--text)" strokeWidth="1.9" strokeLinecap="round" />
    </svg>
  );
}
