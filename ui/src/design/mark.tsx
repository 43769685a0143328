// The three ready marks: triangle, diamond, circle.

export type MarkName = "shell" | "critical" | "complete";
/** Still to come, under way, reached. */
export type MarkState = "ahead" | "now" | "reached";

interface MarkProps {
  name: MarkName;
  state: MarkState;
  className?: string;
}

export function Mark({ name, state, className = "" }: MarkProps) {
  return (
    <svg className={`mark ${state} ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {name === "shell" && <path d="M4 2.6v10.8L13 8Z" />}
      {name === "critical" && <path d="m8 1.6 6.4 6.4L8 14.4 1.6 8Z" />}
      {name === "complete" && <circle cx="8" cy="8" r="5.8" />}
    </svg>
  );
}
