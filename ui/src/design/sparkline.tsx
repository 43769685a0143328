/** The last readings as a line; its figure stands beside it. */
export function Sparkline({ values, top }: { values: number[]; top: number }) {
  const width = 120;
  const height = 40;
  const last = values.at(-1);
  if (last === undefined || top <= 0) {
    return <svg className="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" />;
  }
  // The first reading is a point where the line will end.
  const x = (index: number) => width - 2 - step * (values.length - 1 - index);
  const step = (width - 4) / Math.max(values.length - 1, 1);
  const y = (value: number) => height - 3 - Math.min(value / top, 1) * (height - 6);
  const line = values
    .map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
    .join(" ");
  return (
    <svg className="sparkline" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {values.length > 1 ? (
        <>
          <path
            d={`${line} L${width - 2} ${height - 2} L2 ${height - 2}Z`}
            fill="var(--plot-soft)"
          />
          <path
            d={line}
            fill="none"
            stroke="var(--plot)"
            strokeWidth="1.5"
            strokeLinejoin="round"
          />
        </>
      ) : null}
      <circle cx={width - 2} cy={y(last)} r="2.5" fill="var(--plot)" />
    </svg>
  );
}
