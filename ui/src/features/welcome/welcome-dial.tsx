/** A square watch whose hand has swept its first ten seconds. */
export function WelcomeDial() {
  const ticks = Array.from({ length: 12 }, (_, index) => index * 30);
  return (
    <svg className="welcome-dial" viewBox="0 0 200 200" aria-hidden="true">
      <rect
        x="3"
        y="3"
        width="194"
        height="194"
        rx="54"
        fill="var(--surface)"
        stroke="var(--line-2)"
        strokeWidth="2"
      />
      {ticks.map(angle => (
        <path
          key={angle}
          d={angle % 90 === 0 ? "M100 12V26" : "M100 22V29"}
          stroke={angle % 90 === 0 ? "var(--text)" : "var(--text-3)"}
          strokeWidth={angle % 90 === 0 ? 3 : 2}
          transform={`rotate(${angle} 100 100)`}
        />
      ))}
      <path d="M100 100V28A72 72 0 0 1 162.35 64Z" fill="var(--accent-fill)" />
      <path d="M100 100 162.35 64" stroke="var(--text)" strokeWidth="6" strokeLinecap="round" />
      <circle cx="100" cy="100" r="7" fill="var(--text)" />
    </svg>
  );
}
